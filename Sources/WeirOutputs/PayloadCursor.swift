public import WeirStage

/// The end of a payload as a loop over records moves it: two pointers in registers instead of the
/// payload's own properties, whose accesses are checked one by one.
///
/// While a cursor is in use the payload's `length` stands still; `commit` sets it.
public struct PayloadCursor {
  /// The payload that is written.
  public let payload: Payload
  /// Where the next byte goes.
  public var out: UnsafeMutablePointer<UInt8>
  private var limit: UnsafeMutablePointer<UInt8>

  /// Starts at the payload's end.
  @inline(__always)
  public init(_ payload: Payload) {
    self.payload = payload
    out = payload.base + payload.length
    limit = payload.base + payload.capacity
  }

  /// Bytes in the payload, the cursor's included.
  public var length: Int { out - payload.base }

  /// Makes room for `count` more bytes (and 64 to spare) and returns where they go.
  @inline(__always)
  public mutating func reserve(_ count: Int) -> UnsafeMutablePointer<UInt8> {
    if limit - out < count { grow(count) }
    return out
  }

  @inline(never)
  private mutating func grow(_ count: Int) {
    payload.length = out - payload.base
    out = payload.reserve(count)
    limit = payload.base + payload.capacity
  }

  /// Appends one byte.
  @inline(__always)
  public mutating func append(_ byte: UInt8) {
    reserve(1).pointee = byte
    out += 1
  }

  /// Tells the payload how far it goes.
  @inline(__always)
  public func commit() { payload.length = out - payload.base }

  /// Follows what was appended to the payload after `commit`.
  public mutating func reload() { self = PayloadCursor(payload) }
}
