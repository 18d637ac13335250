import CWeirSystem
import Glibc

/// The bounds of reading a configuration; beyond any of them it is refused with a message.
public enum ConfigLimits {
  /// Bytes of one file.
  public static let fileBytesMax = 32 << 20
  /// Files of one configuration, includes counted.
  public static let fileCountMax = 1000
  /// Includes inside includes.
  public static let includeDepthMax = 64
  /// Maps and lists inside one another.
  public static let treeDepthMax = 64
  /// Nodes of one tree.
  public static let treeNodeCountMax = 500_000
  /// Problems that are kept; the rest is counted.
  public static let problemCountMax = 500
}

/// What tells two paths to one file.
public struct FileIdentity: Sendable, Hashable {
  let device: UInt64
  let inode: UInt64

  /// Makes an identity.
  public init(device: UInt64, inode: UInt64) {
    self.device = device
    self.inode = inode
  }
}

/// The files that a configuration is made of; tests put their own in its place.
public protocol ConfigFiles: Sendable {
  /// The bytes of a file, or a sentence about why not.
  func read(_ path: String) -> Result<[UInt8], ConfigFileFailure>
  /// The identity of an existing file; nil when it cannot be reached.
  func identity(_ path: String) -> FileIdentity?
  /// Paths that match a pattern, sorted.
  func glob(_ pattern: String) -> [String]
}

/// Why a file could not be read: one sentence.
public struct ConfigFileFailure: Error, Sendable {
  /// The sentence, without the path.
  public let reason: String

  /// Makes a failure.
  public init(_ reason: String) { self.reason = reason }
}

/// The real file system.
public struct SystemConfigFiles: ConfigFiles {
  /// Uses the working directory of the process for relative paths.
  public init() {}

  /// Reads up to `ConfigLimits.fileBytesMax`; folders and larger files fail.
  public func read(_ path: String) -> Result<[UInt8], ConfigFileFailure> {
    let descriptor = unsafe weir_open(path, O_RDONLY | O_CLOEXEC, 0)
    if descriptor < 0 {
      return unsafe .failure(ConfigFileFailure(String(cString: strerror(errno))))
    }
    defer { close(descriptor) }
    var status = stat()
    if unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      return .failure(ConfigFileFailure("it is a folder"))
    }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes {
        unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0 && errno == EINTR { continue }
      if count < 0 { return unsafe .failure(ConfigFileFailure(String(cString: strerror(errno)))) }
      if count == 0 { return .success(bytes) }
      bytes.append(contentsOf: chunk[..<count])
      if bytes.count > ConfigLimits.fileBytesMax {
        return .failure(ConfigFileFailure("it is larger than \(ConfigLimits.fileBytesMax) bytes"))
      }
    }
  }

  /// The file at the end of any links.
  public func identity(_ path: String) -> FileIdentity? {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    return FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
  }

  /// glob(3); nothing for an error.
  public func glob(_ pattern: String) -> [String] {
    var result = unsafe glob_t()
    defer { unsafe globfree(&result) }
    guard unsafe CWeirSystem.glob(pattern, 0, nil, &result) == 0, let paths = unsafe result.gl_pathv
    else {
      return []
    }
    // SAFETY: glob(3) filled gl_pathv with gl_pathc strings, valid until globfree.
    return unsafe (0..<Int(result.gl_pathc)).compactMap {
      unsafe paths[$0].map { unsafe String(cString: $0) }
    }
  }
}

/// Paths as a configuration means them.
enum ConfigPath {
  /// The folder of a path, with its slash; empty for a bare name.
  static func folder(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "" }
    return String(path[...slash])
  }

  /// True for `.yaml` and `.yml`.
  static func isYAML(_ path: String) -> Bool {
    path.hasSuffix(".yaml") || path.hasSuffix(".yml")
  }

  /// The files a path means: the working directory first, then `folder`; a `*` makes it a pattern.
  static func resolve(_ path: String, folder: String, _ files: some ConfigFiles) -> [String] {
    let candidates = path.hasPrefix("/") || folder.isEmpty ? [path] : [path, folder + path]
    for candidate in candidates {
      if path.contains("*") {
        let found = files.glob(candidate)
        if !found.isEmpty { return found }
      } else if files.identity(candidate) != nil {
        return [candidate]
      }
    }
    return []
  }
}
