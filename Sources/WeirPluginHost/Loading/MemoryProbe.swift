import CWeirSystem
import Glibc

/// Tells whether memory may be read, without reading it: a pointer of a bad descriptor must not
/// crash the host. One page costs one pair of system calls; used while a plugin is loaded only.
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

  /// True when all `count` bytes from `pointer` on may be read.
  func isReadable(_ pointer: UnsafeRawPointer?, _ count: Int) -> Bool {
    guard count > 0 else { return true }
    guard let pointer else { return false }
    let first = UInt(bitPattern: pointer)
    let (last, overflow) = first.addingReportingOverflow(UInt(count - 1))
    if overflow { return false }
    var page = first & ~4095
    while true {
      // The kernel copies the byte and answers EFAULT where there is none.
      let address = max(page, first)
      guard let place = UnsafeRawPointer(bitPattern: address) else { return false }
      if weir_probe(ends.write, place) == 0 { return false }
      var byte: UInt8 = 0
      _ = read(ends.read, &byte, 1)
      if page >= last & ~4095 { return true }
      page += 4096
    }
  }

  /// True when `pointer` lies in a loaded object: where a function has to be.
  static func isCode(_ pointer: UnsafeRawPointer?) -> Bool {
    guard let pointer else { return false }
    return weir_is_code(pointer) != 0
  }
}
