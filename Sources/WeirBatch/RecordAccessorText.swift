import Glibc

/// A growing piece of memory that a lane reuses: unescaped text, rendered accessors.
///
/// Owned by one lane. `clear` keeps the memory, so that nothing is allocated per record once the
/// longest value was seen; 64 readable bytes follow what is in it.
public final class TextBuffer {
  /// Bytes that it holds at most; what would go beyond is left out and `isTruncated` is set.
  public static let bytesMax = 128 << 20
  /// Bytes that `clear` keeps.
  static let bytesKept = 1 << 20
  static let padding = 64

  /// The first byte.
  public private(set) var base: UnsafeMutablePointer<UInt8>
  /// Bytes in use.
  public private(set) var count = 0
  /// True when the bound was reached since the last `clear`.
  public private(set) var isTruncated = false
  private var capacity: Int

  /// An empty buffer with room for `capacity` bytes.
  public init(capacity: Int = 4096) {
    self.capacity = capacity
    base = .allocate(capacity: capacity + TextBuffer.padding)
    base.initialize(repeating: 0, count: capacity + TextBuffer.padding)
  }

  deinit { base.deallocate() }

  /// What is in it; valid until the next change.
  public var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: base, count: count) }

  /// Empties it. Memory beyond a megabyte is given back.
  public func clear() {
    count = 0
    isTruncated = false
    if capacity > TextBuffer.bytesKept { resize(to: TextBuffer.bytesKept) }
  }

  /// Where the next `more` bytes may be written, or nil at the bound. Nothing is taken until
  /// `commit`.
  public func reserve(_ more: Int) -> UnsafeMutablePointer<UInt8>? {
    let wanted = count + more
    if wanted <= capacity { return base + count }
    if wanted > TextBuffer.bytesMax {
      isTruncated = true
      return nil
    }
    resize(to: min(max(wanted, capacity * 2), TextBuffer.bytesMax))
    return base + count
  }

  /// Takes the bytes just written at `reserve`'s place.
  public func commit(_ written: Int) { count += written }

  /// Takes back everything behind the first `length` bytes.
  public func cut(to length: Int) { count = min(count, length) }

  /// Adds bytes; leaves them out at the bound.
  public func append(_ p: UnsafeRawPointer, _ length: Int) {
    guard length > 0, let room = reserve(length) else { return }
    memcpy(room, p, length)
    count += length
  }

  /// Adds one byte.
  public func append(_ byte: UInt8) {
    guard let room = reserve(1) else { return }
    room[0] = byte
    count += 1
  }

  /// Adds text of the program itself.
  public func append(_ text: StaticString) {
    append(UnsafeRawPointer(text.utf8Start), text.utf8CodeUnitCount)
  }

  private func resize(to wanted: Int) {
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: wanted + TextBuffer.padding)
    larger.update(from: base, count: count)
    (larger + count).initialize(repeating: 0, count: wanted + TextBuffer.padding - count)
    base.deallocate()
    base = larger
    capacity = wanted
  }
}
