import CWeirSystem
import CZlib
import Glibc

/// Compresses a file as the kubelet does with a rotated log.
enum GzipFile {
  /// Writes the gzip form of `source` to `target`; false when either could not be used.
  static func compress(_ source: String, to target: String) -> Bool {
    let descriptor = weir_open(source, O_RDONLY | O_CLOEXEC, 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    guard let out = gzopen(target, "wb1") else { return false }
    let capacity = 1 << 18
    let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    defer { buffer.deallocate() }
    var isWritten = true
    while case let count = read(descriptor, buffer, capacity), count > 0 {
      isWritten = isWritten && gzwrite(out, buffer, UInt32(count)) == Int32(count)
    }
    return gzclose(out) == Z_OK && isWritten
  }
}
