import CWeirSystem
import Glibc

/// Writes to descriptors, whole or up to an error, however the kernel cuts it.
///
/// The calls are values, so that tests can cut and fail them.
struct DescriptorWriter: Sendable {
  /// writev(2): bytes written, or -1 and errno.
  var writev: @Sendable (Int32, UnsafePointer<iovec>, Int32) -> Int = { fd, vectors, count in
    Glibc.writev(fd, vectors, count)
  }

  /// Writes the vectors and moves them on: what is left after an error is what was not written.
  ///
  /// Waits where the descriptor does not take more (a full pipe, blocking or not).
  /// - Returns: bytes written, and 0 or the errno that stopped it.
  func writeAll(
    _ fd: Int32, _ vectors: UnsafeMutablePointer<iovec>, _ count: Int
  ) -> (written: Int, error: Int32) {
    var first = 0
    var total = 0
    while true {
      while first < count, vectors[first].iov_len == 0 { first += 1 }
      if first == count { return (total, 0) }
      let n = writev(fd, vectors + first, Int32(min(count - first, DescriptorWriter.vectorsMax)))
      if n < 0 {
        let code = errno
        if code == EINTR { continue }
        if code == EAGAIN || code == EWOULDBLOCK {
          var wait = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
          _ = poll(&wait, 1, -1)
          continue
        }
        return (total, code)
      }
      total += n
      first = advance(vectors, first, n)
    }
  }

  /// Vectors of one call (the kernel's IOV_MAX).
  static let vectorsMax = 1024

  private func advance(_ vectors: UnsafeMutablePointer<iovec>, _ from: Int, _ bytes: Int) -> Int {
    var left = bytes
    var i = from
    while left > 0 {
      let length = Int(vectors[i].iov_len)
      if left < length {
        vectors[i].iov_base += left
        vectors[i].iov_len = length - left
        return i
      }
      left -= length
      vectors[i].iov_len = 0
      i += 1
    }
    return i
  }

  /// Writes one stretch of bytes; as `writeAll`.
  func write(
    _ fd: Int32, _ base: UnsafeMutablePointer<UInt8>, _ count: Int
  ) -> (written: Int, error: Int32) {
    var vector = iovec(iov_base: base, iov_len: count)
    return writeAll(fd, &vector, 1)
  }
}

/// How an errno of a write is answered: most may pass, so the records are kept. That is so for a
/// pipe without a reader too: what has a position is read again at the next start.
func deliveryIsHopeless(_ code: Int32) -> Bool {
  switch code {
  case EINVAL, EFBIG: true
  default: false
  }
}
