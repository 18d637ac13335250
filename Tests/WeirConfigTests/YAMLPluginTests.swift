import CWeirPlugin
import CWeirSystem
import Glibc
import Testing

@testable import WeirConfig

/// The YAML plugin, loaded as the host loads it: only through its entry function and tables.
private struct LoadedYAML: ConfigFormat, @unchecked Sendable {
  let name = "yaml"
  let table: UnsafePointer<weir_config_format>

  /// The library beside the test executable; nil when it was not built.
  static let shared: LoadedYAML? = {
    var path = [CChar](repeating: 0, count: 4096)
    guard readlink("/proc/self/exe", &path, path.count - 1) > 0 else { return nil }
    let bytes = path.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    let executable = String(decoding: bytes, as: UTF8.self)
    let names = [ConfigPath.folder(executable), ".build/debug/"].map { $0 + "libWeirYAML.so" }
    for name in names {
      // SAFETY: a plugin is never unloaded, so its tables live as long as the process.
      guard let library = dlopen(name, RTLD_NOW | RTLD_LOCAL),
        let entry = dlsym(library, WEIR_PLUGIN_ENTRY)
      else { continue }
      typealias Entry = @convention(c) () -> UnsafePointer<weir_descriptor>?
      let descriptor = unsafeBitCast(entry, to: Entry.self)()
      guard let component = descriptor?.pointee.components?.pointee,
        component.kind == UInt32(WEIR_KIND_CONFIG_FORMAT), let table = component.table
      else { continue }
      return LoadedYAML(table: table.assumingMemoryBound(to: weir_config_format.self))
    }
    print("skipped: libWeirYAML.so is not built: \(names)")
    return nil
  }()

  func probe(name: String, firstBytes: ArraySlice<UInt8>) -> Bool {
    var name = name
    return name.withUTF8 { table.pointee.probe($0.baseAddress, UInt64($0.count), nil, 0) } > 0
  }

  func parse(_ bytes: [UInt8], into builder: TreeBuilder) {
    var raw = weir_tree_builder()
    raw.struct_size = UInt32(MemoryLayout<weir_tree_builder>.size)
    // SAFETY: the builder outlives the call of `parse` below, the only user of the context.
    raw.context = Unmanaged.passUnretained(builder).toOpaque()
    raw.begin_map = { answer(builderAt($0).beginMap(line: Int($1), column: Int($2))) }
    raw.end_map = { answer(builderAt($0).endMap()) }
    raw.begin_list = { answer(builderAt($0).beginList(line: Int($1), column: Int($2))) }
    raw.end_list = { answer(builderAt($0).endList()) }
    raw.key = { answer(builderAt($0).key(text($1, $2), line: Int($3), column: Int($4))) }
    raw.scalar = { context, bytes, length, style, line, column in
      let styles: [ConfigScalar.Style] = [.plain, .singleQuoted, .doubleQuoted, .block]
      return answer(
        builderAt(context).scalar(
          text(bytes, length), style: styles[Int(style)], line: Int(line), column: Int(column)))
    }
    var error = weir_error()
    error.struct_size = UInt32(MemoryLayout<weir_error>.size)
    let status = table.pointee.parse(bytes, UInt64(bytes.count), &raw, &error)
    guard status < 0 && builder.problem == nil else { return }
    let message = withUnsafeBytes(of: &error.message) {
      String(decoding: $0.prefix(Int(error.message_length)), as: UTF8.self)
    }
    builder.fail(message, line: Int(error.line), column: Int(error.column))
  }
}

private func builderAt(_ context: UnsafeMutableRawPointer?) -> TreeBuilder {
  // SAFETY: `parse` passes its builder, which outlives the call.
  guard let context else { preconditionFailure("the plugin lost its context") }
  return Unmanaged<TreeBuilder>.fromOpaque(context).takeUnretainedValue()
}

private func answer(_ isFine: Bool) -> Int32 { isFine ? WEIR_OK : WEIR_E_DATA }

private func text(_ bytes: UnsafePointer<UInt8>?, _ length: UInt64) -> String {
  String(decoding: UnsafeBufferPointer(start: bytes, count: Int(length)), as: UTF8.self)
}

/// The tree of a text, or the problem as text.
private func tree(_ text: String, _ format: some ConfigFormat) -> (ConfigNode?, String) {
  let builder = TreeBuilder(file: "t.yaml")
  format.parse(Array(text.utf8), into: builder)
  do { return (try builder.finish(), "") } catch { return (nil, "\(error)") }
}

@Suite("YAML plugin", .enabled(if: LoadedYAML.shared != nil))
struct YAMLPluginTests {
  private let yaml: LoadedYAML

  init() throws { yaml = try #require(LoadedYAML.shared) }

  @Test("it takes files by their ending only")
  func probe() {
    #expect(yaml.probe(name: "a.yaml", firstBytes: []))
    #expect(yaml.probe(name: "a.yml", firstBytes: []))
    #expect(!yaml.probe(name: "a.yaml.conf", firstBytes: []))
    #expect(!yaml.probe(name: "", firstBytes: []))
  }

  @Test("scalars, lists and maps come with their style and their place in bytes")
  func events() throws {
    let (root, problem) = tree("a: plain\nü: [ 'x', \"y\\n\", !!str 12 ]\nc: |\n  b\n", yaml)
    let entries = try #require(root?.map, "\(problem)")
    #expect(entries.map(\.key) == ["a", "ü", "c"])
    #expect(entries[0].value.location == SourceLocation(file: "t.yaml", line: 1, column: 4))
    let items = try #require(entries[1].value.list)
    #expect(items.map { $0.text ?? "" } == ["x", "y\n", "12"])
    // The key takes two bytes, so the list begins in column 5.
    #expect(entries[1].value.location.column == 5)
    #expect(items[2].value == .scalar(ConfigScalar(text: "12", style: .doubleQuoted)))
    #expect(entries[2].value.value == .scalar(ConfigScalar(text: "b\n", style: .block)))
  }

  @Test(
    "what it refuses has a place and says what to do",
    arguments: [
      ("a: &x 1\nb: *x\n", "t.yaml:1:4: error: anchors (&name) are not supported"),
      ("b: *x\n", "t.yaml:1:4: error: aliases (*name) are not supported"),
      ("a: 1\n---\nb: 2\n", "t.yaml:2:1: error: a second document begins"),
      ("? [a]\n: 1\n", "t.yaml:1:3: error: a key has to be a text"),
      ("a: [1, 2\nb: 3\n", "t.yaml:2:2: error: did not find expected ',' or ']'"),
      ("a: \"never closed\n", "that began in line 1"),
      ("a:\n\t- b\n", "t.yaml:2:1: error:"),
      (String(repeating: "[", count: 100_000), "nest deeper than 64"),
      (String(repeating: "a: {", count: 100), "nest deeper than 64"),
    ])
  func refused(text: String, message: String) {
    let (_, problem) = tree(text, yaml)
    #expect(problem.contains(message), "\(problem)")
  }

  @Test("bytes that are no UTF-8 are refused at their place")
  func invalidUTF8() {
    let builder = TreeBuilder(file: "t.yaml")
    yaml.parse([0x61, 0x3A, 0x20, 0x31, 0x0A, 0x62, 0x3A, 0x20, 0xFF, 0x0A], into: builder)
    #expect(builder.problem?.location == SourceLocation(file: "t.yaml", line: 2, column: 4))
  }

  @Test("an empty file is an empty map")
  func empty() {
    #expect(tree("", yaml).0?.map == [])
    #expect(tree("# only a comment\n", yaml).0?.map == [])
  }

  @Test("it makes the same tree as libyaml does directly, for every conformance configuration")
  func conformance() throws {
    for folder in ConformanceTests.cases {
      for path in SystemConfigFiles().glob("\(folder)/*.yaml") {
        let text = String(decoding: try SystemConfigFiles().read(path).get(), as: UTF8.self)
        let (mine, problem) = tree(text, yaml)
        let (reference, _) = tree(text, YAMLForTests())
        // Places differ where a line holds other than ASCII: the reference counts characters.
        if text.utf8.allSatisfy({ $0 < 0x80 }) {
          #expect(mine == reference, "\(path): \(problem)")
        }
        #expect(mine != nil, "\(path): \(problem)")
      }
    }
  }

  @Test("random text never crashes it, and the tree or the problem has its place")
  func fuzz() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var state = seed
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let pieces = [
      "a", ": ", "\n", "  ", "- ", "[", "]", "{", "}", ",", "'", "\"", "|\n", ">", "&x ", "*x",
      "!!str ",
      "---\n", "...", "? ", "#", "ü", "\u{2028}", "\u{FEFF}", "\t", "\\", "%TAG", "\u{0}", "\r",
    ]
    for _ in 0..<3000 {
      let text = (0..<next(24)).map { _ in pieces[next(pieces.count)] }.joined()
      let (mine, problem) = tree(text, yaml)
      let (reference, _) = tree(text, YAMLForTests())
      if let mine, mine.location.line < 1 { Issue.record("seed \(seed): \(text.debugDescription)") }
      if mine == nil, !problem.contains("t.yaml:") { Issue.record("seed \(seed): \(problem)") }
      if mine != nil, reference == nil { Issue.record("seed \(seed): \(text.debugDescription)") }
    }
  }
}
