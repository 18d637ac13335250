import CWeirSystem
import Glibc
import Testing
import WeirStage

@testable import WeirPluginHost

/// Where the plugins and fixtures of this build are.
enum Build {
  /// The folder of the test bundle, where SwiftPM puts `lib<product>.so`.
  static let folder: String = {
    var path = realPath("/proc/self/exe") ?? ""
    if !path.contains(".build"),
      let bundle = CommandLine.arguments.first(where: { $0.contains(".xctest") })
    {
      path = realPath(bundle) ?? path
    }
    while !path.isEmpty, access("\(path)/libWeirGzip.so", R_OK) != 0 {
      path = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }
    return path
  }()

  /// The package root.
  static let root: String = {
    var parts = #filePath.split(separator: "/")
    parts.removeLast(3)
    return "/" + parts.joined(separator: "/")
  }()

  static let fixtures = root + "/Tests/Fixtures"
  static let header = root + "/Sources/CWeirPlugin/include"

  /// The `.so` of a product of this package.
  static func plugin(_ product: String) -> String { "\(folder)/lib\(product).so" }

  /// The executable of this build.
  static let executable = folder + "/weir"
  static let hasExecutable = access(executable, X_OK) == 0

  /// Whether a command is installed.
  static func has(_ command: String) -> Bool { shell("command -v \(command)") != nil }
}

/// Runs a shell command and returns what it printed; nil when it ended with another status than 0.
@discardableResult
func shell(_ command: String) -> String? {
  guard let pipe = popen(command, "r") else { return nil }
  var bytes: [UInt8] = []
  while case let byte = fgetc(pipe), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
  guard pclose(pipe) == 0 else { return nil }
  return String(decoding: bytes, as: UTF8.self)
}

/// A folder that goes with the object.
final class TemporaryFolder {
  let path: String

  init() {
    var template = Array("/tmp/weir-plugins-XXXXXX".utf8CString)
    path = mkdtemp(&template).map { String(cString: $0) } ?? "/nonexistent"
  }

  deinit { shell("rm -rf '\(path)'") }

  /// Writes a file and returns its path.
  @discardableResult
  func write(_ name: String, _ text: String) -> String {
    let file = "\(path)/\(name)"
    if let out = fopen(file, "w") {
      fputs(text, out)
      fclose(out)
    }
    return file
  }

  /// Compiles C source with the header alone, and returns the plugin's path.
  func compile(_ name: String, _ source: String, flags: String = "") throws -> String {
    try compile(file: write("\(name).c", source), as: name, flags: flags)
  }

  /// Compiles a C file with the header alone, and returns the plugin's path.
  func compile(file: String, as name: String, flags: String = "") throws -> String {
    let out = "\(path)/\(name).so"
    try #require(
      shell(
        "cc -std=c99 -Wall -Wextra -Werror -O1 -fPIC -shared -fvisibility=hidden \(flags) "
          + "-I'\(Build.header)' -o '\(out)' '\(file)' 2>&1 || (exit 1)") != nil,
      "\(name) does not compile")
    return out
  }
}

/// A small generator whose seed a failing test prints.
struct Seeded: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}

/// Bytes that compress like logs do, or not at all.
func sampleBytes(_ count: Int, isRandom: Bool, seed: UInt64) -> [UInt8] {
  var random = Seeded(seed)
  if isRandom { return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() >> 11) } }
  var bytes: [UInt8] = []
  bytes.reserveCapacity(count + 128)
  while bytes.count < count {
    let line =
      "2026-01-01T00:00:00.\(random.next() % 1_000_000)Z stdout F "
      + "GET /api/\(random.next() % 97) 200\n"
    bytes.append(contentsOf: line.utf8)
  }
  bytes.removeLast(bytes.count - count)
  return bytes
}
