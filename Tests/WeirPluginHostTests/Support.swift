import CWeirSystem
import Glibc
import Testing
import WeirStage
import WeirTestSupport

@testable import WeirPluginHost

extension Build {
  static let fixtures = root + "/Tests/Fixtures"
  static let header = root + "/Sources/CWeirPlugin/include"

  /// The executable of this build.
  static let executable = folder + "/weir"
  static let hasExecutable = access(executable, X_OK) == 0

  /// Whether a command is installed.
  static func has(_ command: String) -> Bool { shell("command -v \(command)") != nil }
}

extension TemporaryFolder {
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

/// Bytes that compress like logs do, or not at all.
func sampleBytes(_ count: Int, isRandom: Bool, seed: UInt64) -> [UInt8] {
  var random = SeededGenerator(seed: seed)
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
