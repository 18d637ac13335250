import Glibc

/// Where the plugins and fixtures of this build are.
public enum Build {
  /// The folder of the test bundle, where SwiftPM puts `lib<product>.so`.
  public static let folder: String = {
    var path = resolved("/proc/self/exe") ?? ""
    if !path.contains(".build"),
      let bundle = CommandLine.arguments.first(where: { $0.contains(".xctest") })
    {
      path = resolved(bundle) ?? path
    }
    while !path.isEmpty, access("\(path)/libWeirGzip.so", R_OK) != 0 {
      path = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }
    return path
  }()

  /// The package root.
  public static let root: String = {
    var parts = #filePath.split(separator: "/")
    parts.removeLast(3)
    return "/" + parts.joined(separator: "/")
  }()

  /// The `.so` of a product of this package.
  public static func plugin(_ product: String) -> String { "\(folder)/lib\(product).so" }

  private static func resolved(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }
}

/// Runs a shell command and returns what it printed; nil when it ended with another status than 0.
@discardableResult
public func shell(_ command: String) -> String? {
  guard let pipe = popen(command, "r") else { return nil }
  var bytes: [UInt8] = []
  while case let byte = fgetc(pipe), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
  guard pclose(pipe) == 0 else { return nil }
  return String(decoding: bytes, as: UTF8.self)
}

/// A folder that goes with the object.
public final class TemporaryFolder: Sendable {
  public let path: String

  public init() {
    var template = Array("/tmp/weir-test-XXXXXX".utf8CString)
    path = mkdtemp(&template).map { String(cString: $0) } ?? "/nonexistent"
  }

  deinit { shell("rm -rf '\(path)'") }

  /// Writes a file and returns its path.
  @discardableResult
  public func write(_ name: String, _ text: String) -> String {
    let file = "\(path)/\(name)"
    if let out = fopen(file, "w") {
      fputs(text, out)
      fclose(out)
    }
    return file
  }
}
