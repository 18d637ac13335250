import Glibc

/// One source file of the project, read whole.
struct SourceFile {
  /// Path from the package root, such as `Sources/WeirRing/Ring.swift`.
  let path: String
  let lines: [Substring]

  var isSwift: Bool { path.hasSuffix(".swift") }

  /// `path:line`, for a message; `index` counts from 0.
  func place(_ index: Int) -> String { "\(path):\(index + 1)" }
}

/// The tree that the tidy tests look at.
enum SourceTree {
  /// The package root, absolute.
  static let root: String = {
    var parts = #filePath.split(separator: "/")
    parts.removeLast(3)
    return "/" + parts.joined(separator: "/")
  }()

  /// Every Swift, C and C++ file of the project, in the order of their paths.
  static let files: [SourceFile] = {
    var found: [String] = []
    for folder in ["Sources", "Plugins", "Tests", "Benchmarks"] {
      collect(folder, into: &found)
    }
    found.append("Package.swift")
    return found.sorted().compactMap { path in
      read(path).map {
        SourceFile(path: path, lines: $0.split(separator: "\n", omittingEmptySubsequences: false))
      }
    }
  }()

  /// The text of a file below the root; nil where it cannot be read.
  static func read(_ path: String) -> String? {
    guard let file = fopen("\(root)/\(path)", "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&chunk, 1, chunk.count, file)
      if count == 0 { break }
      bytes.append(contentsOf: chunk[0..<count])
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func collect(_ folder: String, into found: inout [String]) {
    guard let directory = opendir("\(root)/\(folder)") else { return }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasPrefix(".") { continue }
      let path = "\(folder)/\(name)"
      if entry.pointee.d_type == UInt8(DT_DIR) {
        collect(path, into: &found)
      } else if [".swift", ".c", ".h", ".cpp"].contains(where: name.hasSuffix) {
        found.append(path)
      }
    }
  }
}

/// Runs a shell command and returns what it printed; nil when it ended with another status than 0.
func shell(_ command: String) -> String? {
  guard let pipe = popen(command, "r") else { return nil }
  var bytes: [UInt8] = []
  while case let byte = fgetc(pipe), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
  guard pclose(pipe) == 0 else { return nil }
  return String(decoding: bytes, as: UTF8.self)
}
