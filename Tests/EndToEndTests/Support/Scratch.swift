import Glibc

/// A folder of one test, which is removed with everything in it when the test lets go of it.
///
/// With `WEIR_KEEP` in the environment it stays, and its path is printed.
final class Scratch {
  let path: String

  init(_ name: String) {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(base)/weir-\(name)-XXXXXX".utf8CString)
    path = template.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress, mkdtemp(start) != nil else { return base }
      return String(cString: start)
    }
  }

  deinit {
    if getenv("WEIR_KEEP") != nil {
      print("kept: \(path)")
    } else if path.contains("/weir-") {
      Files.removeTree(path)
    }
  }

  static func / (scratch: Scratch, name: String) -> String { "\(scratch.path)/\(name)" }
}
