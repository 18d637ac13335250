import CWeirPlugin
import CWeirSystem
import Glibc
import WeirSystem

/// A plugin file that is loaded, for good.
public final class LoadedPlugin: Sendable {
  /// The absolute path, links resolved.
  public let path: String
  /// What it says about itself.
  public let descriptor: PluginDescriptor

  init(path: String, descriptor: PluginDescriptor) {
    self.path = path
    self.descriptor = descriptor
  }
}

/// Loads plugin files: from the plugin folder, or those that the user names. Any thread.
///
/// A file is loaded once however often and by whatever path it is asked for, and never unloaded.
public final class PluginLoader: Sendable {
  /// Plugin files that one process loads at most.
  public static let pluginsMax = 128

  /// The folder whose plugins may be loaded without being named; nil for none.
  public let folder: String?

  private struct Identity: Hashable {
    let device: UInt
    let inode: UInt
  }
  private struct State {
    var byIdentity: [Identity: Result<LoadedPlugin, PluginHostError>] = [:]
    var order: [LoadedPlugin] = []
  }
  private let state = Locked(State())

  /// A loader whose folder is `plugins` beside the executable, unless another one is given.
  public init(folder: String? = PluginLoader.defaultFolder) { self.folder = folder }

  /// `plugins` beside the executable; nil when that cannot be found out.
  public static var defaultFolder: String? {
    guard let own = realPath("/proc/self/exe"), let slash = own.lastIndex(of: "/") else {
      return nil
    }
    return own[..<slash] + "/plugins"
  }

  /// Everything that is loaded, in order.
  public var plugins: [LoadedPlugin] { state.withLock { $0.order } }

  /// Loads a file that the user named, which allows it wherever it lies.
  public func load(named path: String) throws(PluginHostError) -> LoadedPlugin {
    guard let real = realPath(path) else {
      throw .cannotLoad(
        file: path, what: "the file cannot be found (\(reason(errno)))",
        todo: "correct the path, which starts where Weir was started unless it begins with /")
    }
    return try loadOnce(real)
  }

  /// Loads `NAME.so` of the plugin folder; nil when there is no such file.
  public func load(fromFolder name: String) throws(PluginHostError) -> LoadedPlugin? {
    guard let folder, name.utf8.allSatisfy({ $0 != UInt8(ascii: "/") && $0 != 0 }) else {
      return nil
    }
    guard let real = realPath("\(folder)/\(name).so") else { return nil }
    guard let home = realPath(folder), real.hasPrefix(home + "/") else {
      throw .cannotLoad(
        file: real, what: "it lies outside of the plugin folder \(folder)",
        todo: "copy it there, or name it with -e")
    }
    return try loadOnce(real)
  }

  /// Names of the plugin files in the folder, without `.so`, sorted.
  public var namesInFolder: [String] {
    guard let folder, let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory), names.count < Self.pluginsMax {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasSuffix(".so"), !name.hasPrefix(".") { names.append(String(name.dropLast(3))) }
    }
    return names.sorted()
  }

  // MARK: Loading

  private func loadOnce(_ path: String) throws(PluginHostError) -> LoadedPlugin {
    let status = try PluginFilePolicy.check(path)
    let identity = Identity(device: UInt(status.st_dev), inode: UInt(status.st_ino))
    let result = state.withLock { state -> Result<LoadedPlugin, PluginHostError> in
      if let known = state.byIdentity[identity] { return known }
      if state.byIdentity.count >= Self.pluginsMax {
        return .failure(
          .cannotLoad(
            file: path, what: "\(Self.pluginsMax) plugins are loaded already",
            todo: "load fewer"))
      }
      let made: Result<LoadedPlugin, PluginHostError>
      do throws(PluginHostError) {
        made = .success(try Self.openFile(path))
      } catch {
        made = .failure(error)
      }
      state.byIdentity[identity] = made
      if case .success(let plugin) = made { state.order.append(plugin) }
      return made
    }
    return try result.get()
  }

  private typealias Entry = @convention(c) () -> UnsafeRawPointer?

  private static func openFile(_ path: String) throws(PluginHostError) -> LoadedPlugin {
    // Never closed: code of a plugin may run until the process ends.
    guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
      let why = dlerror().map { String(cString: $0) } ?? "unknown reason"
      throw .cannotLoad(
        file: path, what: "the dynamic linker refuses it: \(why)",
        todo: "check that it is built for this machine and that its libraries are installed")
    }
    guard let symbol = dlsym(handle, WEIR_PLUGIN_ENTRY) else {
      throw .cannotLoad(
        file: path, what: "it has no function \(WEIR_PLUGIN_ENTRY)",
        todo: "it is no plugin of Weir, or one of another major version of the ABI")
    }
    let reader = try DescriptorReader(file: path)
    // SAFETY: the symbol's name fixes its type (weir_plugin.h).
    let entry = unsafeBitCast(symbol, to: Entry.self)
    return LoadedPlugin(path: path, descriptor: try reader.read(entry()))
  }
}

/// The absolute path with links resolved; nil, with errno, when there is no such file.
func realPath(_ path: String) -> String? {
  guard let resolved = realpath(path, nil) else { return nil }
  defer { free(resolved) }
  return String(cString: resolved)
}

/// The text of an errno.
func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
