import Glibc

/// A fixed buffer in front of a descriptor, with the few ways of writing that lines need.
///
/// Callers write at most `lineBytesMax` between two calls of `settle`, which is where the buffer is
/// handed to the kernel; the writes themselves do not check for room.
struct LineWriter: ~Copyable {
  static let lineBytesMax = 1 << 16
  private static let capacity = 1 << 20

  private let base: UnsafeMutablePointer<UInt8>
  private var count = 0
  private let descriptor: Int32
  private(set) var written = 0

  /// Takes the descriptor; closing it stays with the caller.
  init(descriptor: Int32) {
    self.descriptor = descriptor
    base = .allocate(capacity: Self.capacity + Self.lineBytesMax)
  }

  deinit { base.deallocate() }

  /// Bytes written so far, those in the buffer with them.
  var total: Int { written + count }

  mutating func put(_ text: StaticString) {
    memcpy(base + count, text.utf8Start, text.utf8CodeUnitCount)
    count &+= text.utf8CodeUnitCount
  }

  mutating func put(_ piece: UnsafeBufferPointer<UInt8>) {
    guard let start = piece.baseAddress else { return }
    memcpy(base + count, start, piece.count)
    count &+= piece.count
  }

  mutating func put(byte: UInt8) {
    base[count] = byte
    count &+= 1
  }

  /// A number in decimal; negative ones do not occur.
  mutating func put(_ number: Int) {
    var digits = 1
    var limit = 10
    while number >= limit && digits < 18 {
      digits &+= 1
      limit &*= 10
    }
    put(number, digits: digits)
  }

  /// A number in exactly `digits` places, zeros in front.
  mutating func put(_ number: Int, digits: Int) {
    var rest = UInt(truncatingIfNeeded: number)
    var index = count &+ digits
    count = index
    for _ in 0..<digits {
      index &-= 1
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      base[index] = 48 &+ UInt8(truncatingIfNeeded: digit)
      rest = quotient
    }
  }

  /// The lower `digits` hexadecimal places of a number.
  mutating func put(hex number: UInt64, digits: Int) {
    var rest = number
    for _ in 0..<digits {
      let nibble = UInt8(truncatingIfNeeded: rest & 15)
      put(byte: nibble < 10 ? 48 &+ nibble : 87 &+ nibble)
      rest >>= 4
    }
  }

  /// Hands the buffer to the kernel when it is full; true unless that failed.
  mutating func settle() -> Bool {
    count < Self.capacity || flush()
  }

  /// Hands what is buffered to the kernel; true unless that failed.
  mutating func flush() -> Bool {
    var start = 0
    while start < count {
      let result = write(descriptor, base + start, count - start)
      if result < 0 && errno == EINTR { continue }
      guard result > 0 else { return false }
      start += result
    }
    written += count
    count = 0
    return true
  }
}
