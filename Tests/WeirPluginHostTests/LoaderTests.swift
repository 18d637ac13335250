import CWeirPlugin
import Glibc
import Testing
import WeirConfig
import WeirStage
import WeirTestSupport

@testable import WeirPluginHost

/// What may be loaded, and what is said when it may not.
@Suite("loading plugins")
struct LoaderTests {
  let folder = TemporaryFolder()

  private func plugin(_ name: String = "plugin") throws -> String {
    try folder.compile(file: Build.fixtures + "/Misbehaving/misbehave.c", as: name)
  }

  private func refusal(_ path: String, _ loader: PluginLoader = PluginLoader(folder: nil)) -> String
  {
    do throws(PluginHostError) {
      _ = try loader.load(named: path)
      return ""
    } catch {
      return error.description
    }
  }

  @Test("the same file is loaded once, whatever it is called")
  func once() throws {
    let path = try plugin()
    #expect(symlink(path, folder.path + "/link.so") == 0)
    #expect(link(path, folder.path + "/hard.so") == 0)
    let loader = PluginLoader(folder: folder.path)
    let first = try loader.load(named: path)
    #expect(try loader.load(named: folder.path + "/link.so") === first)
    #expect(try loader.load(named: folder.path + "/hard.so") === first)
    #expect(try loader.load(fromFolder: "plugin") === first)
    #expect(loader.plugins.count == 1)
  }

  @Test("the folder gives its own files only")
  func folderOnly() throws {
    let path = try plugin()
    let loader = PluginLoader(folder: folder.path)
    #expect(try loader.load(fromFolder: "absent") == nil)
    #expect(try loader.load(fromFolder: "../plugin") == nil)
    #expect(loader.namesInFolder == ["plugin"])
    let other = TemporaryFolder()
    #expect(symlink(path, other.path + "/out.so") == 0)
    let outside = PluginLoader(folder: other.path)
    #expect(throws: PluginHostError.self) { try outside.load(fromFolder: "out") }
    #expect(PluginLoader.defaultFolder?.hasSuffix("/plugins") == true)
  }

  @Test("what is missing, no file, or no library is told with what to do")
  func unusable() throws {
    #expect(refusal("/nonexistent/x.so").contains("cannot be found"))
    #expect(refusal(folder.path).contains("no regular file"))
    let text = folder.write("text.so", "not a library")
    #expect(refusal(text).contains("the dynamic linker refuses it"))
    let other = try folder.compile("other", "int nothing;\n")
    #expect(refusal(other).contains("no function weir_plugin_entry_v1"))
    #expect(refusal(other).contains("another major version"))
  }

  @Test("a file or folder that others can write is refused")
  func permissions() throws {
    let path = try plugin()
    #expect(chmod(path, 0o666) == 0)
    #expect(refusal(path).contains("it can be written by others; chmod go-w it"))
    #expect(chmod(path, 0o755) == 0)
    #expect(chmod(folder.path, 0o777) == 0)
    #expect(refusal(path).contains("its folder can be written by others"))
    #expect(chmod(folder.path, 0o755) == 0)
    #expect(refusal(path) == "")
  }

  @Test("a file of another user is refused", .enabled(if: geteuid() == 0, "needs root"))
  func owner() throws {
    let path = try plugin()
    #expect(chown(path, 12_345, 12_345) == 0)
    #expect(refusal(path).contains("it belongs to user 12345"))
  }

  @Test(
    "a descriptor that breaks the contract is refused",
    arguments: [
      ("return 0;", "the descriptor is NULL"),
      ("return (void *)64;", "cannot be read"),
      ("d.magic = 1;", "no magic number"),
      ("d.struct_size = 8;", "has 8 bytes where"),
      ("d.abi_major = 2;", "speaks version 2"),
      ("d.host_minor_min = 9;", "update Weir"),
      ("d.component_count = 0;", "0 components"),
      ("d.component_count = 1000;", "1000 components"),
      ("d.component_stride = 8;", "8 bytes apart"),
      ("d.components = 0;", "components are NULL"),
      ("d.name.length = 0;", "its name has 0 bytes"),
      ("d.name.length = 1u << 30;", "its name has"),
      ("d.name.data = (void *)8;", "its name lies at"),
      ("d.version.data = (const uint8_t *)\"\\xff\\xfe\"; d.version.length = 2;", "is not UTF-8"),
      ("c.kind = 77;", "unknown kind (77)"),
      ("c.type_name.data = (const uint8_t *)\"Bad\"; c.type_name.length = 3;", "other than a-z"),
      ("c.table = 0;", "the table of the filter misbehave is NULL"),
      ("c.lifecycle = 0;", "the lifecycle of the filter misbehave is NULL"),
      ("l.create = 0;", "no function create"),
      ("l.destroy = (void (*)(void *))1234;", "lies outside of any loaded file"),
      ("f.process = 0;", "no function process"),
      ("c.options.data = (const uint8_t *)\"{]\"; c.options.length = 2;", "options schema"),
      ("c.lanes_max = 1u << 31;", "lanes"),
    ])
  func descriptors(change: String, words: String) throws {
    let source = """
      #define weir_plugin_entry_v1 unused_entry
      #include "\(Build.fixtures)/Misbehaving/misbehave.c"
      #undef weir_plugin_entry_v1
      const weir_descriptor *weir_plugin_entry_v1(void);
      __attribute__((visibility("default"))) const weir_descriptor *weir_plugin_entry_v1(void) {
        static weir_descriptor d; static weir_component c; static weir_lifecycle l;
        static weir_filter f;
        (void)unused_entry();
        d = descriptor; c = components[0]; l = lifecycle; f = filter;
        d.components = &c; c.lifecycle = &l; c.table = &f;
        \(change)
        return &d;
      }
      """
    let path = try folder.compile("bad", source)
    let text = refusal(path)
    #expect(text.contains(words), "\(text)")
  }

  @Test("a codec that nobody has is told with the folder to put it into")
  func missingCodec() throws {
    let host = PluginHost(loader: PluginLoader(folder: folder.path))
    do throws(CodecError) {
      _ = try host.codec("zstd")
      Issue.record("zstd was found")
    } catch {
      #expect(error.description.contains("put zstd.so into \(folder.path)"))
    }
  }

  @Test("what the configuration lacks is looked for in the folder by its type name")
  func loadMissing() throws {
    _ = try plugin("misbehave")
    let host = PluginHost(loader: PluginLoader(folder: folder.path))
    var configuration = Configuration()
    configuration.filters = [Stage.config(.filter, "misbehave", [])]
    #expect(host.schemas.schema(.filter, "misbehave") == nil)
    #expect(host.loadMissing(for: configuration).isEmpty)
    #expect(host.schemas.schema(.filter, "misbehave")?.option("mode") != nil)
    let named = host.load([ConfigNode(text: "/nonexistent.so")])
    #expect(named.count == 1 && named[0].message.contains("cannot be found"))
  }

  @Test("a plugin cannot take the place of a built-in stage or of another plugin")
  func names() throws {
    let first = try Stage.host(try plugin("one"), try plugin("two"))
    let found = first.registry.component(.filter, "misbehave")
    #expect(found?.origin == .file("\(folder.path)/one.so"))
    #expect(first.registry.component(.filter, "grep")?.origin == .builtin)
    #expect(first.registry.component(.configFormat, "classic") != nil)
  }
}
