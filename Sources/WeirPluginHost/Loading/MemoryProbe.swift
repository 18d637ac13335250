import CWeirSystem
import Glibc

/// Reads memory that may not be there: a pointer of a bad descriptor must not crash the host.
///
/// The kernel copies the bytes through a pipe and answers EFAULT where there are none, so that
/// nothing here ever follows the pointer itself. Used while a plugin is loaded only.
final class MemoryProbe {
  private var ends: (read: Int32, write: Int32)

  init?() {
    var pair: [Int32] = [0, 0]
    guard pipe(&pair) == 0 else { return nil }
    for end in pair { _ = weir_fcntl(end, F_SETFD, Int(FD_CLOEXEC)) }
    ends = (pair[0], pair[1])
  }

  deinit {
    close(ends.read)
    close(ends.write)
  }

  /// The `count` bytes from `pointer` on; nil when not all of them may be read.
  func bytes(_ pointer: UnsafeRawPointer?, _ count: Int) -> [UInt8]? {
    guard count > 0 else { return [] }
    let first = UInt(bitPattern: pointer)
    if pointer == nil || first.addingReportingOverflow(UInt(count)).overflow { return nil }
    var copy = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      // A page at a time: a write that ends in a missing page is cut short, not refused.
      let address = first + UInt(done)
      let step = min(count - done, Int(4096 - address % 4096))
      guard let place = UnsafeRawPointer(bitPattern: address),
        weir_probe(ends.write, place, UInt(step)) == step
      else { return nil }
      let got = copy.withUnsafeMutableBytes {
        read(ends.read, UnsafeMutableRawBufferPointer(rebasing: $0[done...]).baseAddress, step)
      }
      guard got == step else { return nil }
      done += step
    }
    return copy
  }

  /// True when `pointer` lies in a loaded object: where a function has to be.
  static func isCode(_ pointer: UnsafeRawPointer?) -> Bool {
    guard let pointer else { return false }
    return weir_is_code(pointer) != 0
  }
}
