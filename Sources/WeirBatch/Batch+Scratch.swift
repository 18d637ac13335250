public import CWeirPlugin
public import Glibc

extension Batch {
  /// Bytes in use in scratch.
  @inlinable
  public var scratchLength: Int { Int(raw.pointee.segments[1].length) }

  /// Where the next `count` bytes of scratch may be written, or nil when the bound is reached.
  /// Nothing is taken until `commitScratch`; another `reserveScratch` starts at the same place.
  @inlinable
  public func reserveScratch(_ count: Int) -> UnsafeMutablePointer<UInt8>? {
    let scratch = raw.pointee.segments + 1
    if Int(scratch.pointee.length) &+ count > Int(scratch.pointee.capacity) { return nil }
    return scratch.pointee.base + Int(scratch.pointee.length)
  }

  /// Takes the `count` bytes just written at `reserveScratch`'s place.
  /// - Returns: their offset in the scratch segment.
  @inlinable
  public func commitScratch(_ count: Int) -> UInt32 {
    let scratch = raw.pointee.segments + 1
    let offset = scratch.pointee.length
    scratch.pointee.length = offset &+ UInt64(truncatingIfNeeded: count)
    return UInt32(truncatingIfNeeded: offset)
  }

  /// Copies bytes to scratch and returns their offset, or nil when the bound is reached.
  @inlinable
  public func copyToScratch(_ p: UnsafeRawPointer, _ count: Int) -> UInt32? {
    guard let room = reserveScratch(count) else { return nil }
    memcpy(room, p, count)
    return commitScratch(count)
  }

  /// A text field over new scratch bytes; nil when the bound is reached.
  @inlinable
  public func textField(
    _ key: KeyID, copying bytes: UnsafeRawBufferPointer, flags: UInt8 = 0
  ) -> weir_field? {
    guard let base = bytes.baseAddress, bytes.count > 0 else {
      return weir_field.slice(
        key, UInt32(WEIR_TEXT), segment: UInt32(WEIR_SEGMENT_SCRATCH), offset: 0, length: 0,
        flags: flags)
    }
    guard let offset = copyToScratch(base, bytes.count) else { return nil }
    return weir_field.slice(
      key, UInt32(WEIR_TEXT), segment: UInt32(WEIR_SEGMENT_SCRATCH), offset: offset,
      length: UInt32(truncatingIfNeeded: bytes.count), flags: flags)
  }
}

extension weir_field {
  /// A field whose value is a slice of a segment.
  @inlinable
  public static func slice(
    _ key: KeyID, _ type: UInt32, segment: UInt32, offset: UInt32, length: UInt32, flags: UInt8 = 0
  ) -> weir_field {
    var field = weir_field()
    field.key = key
    field.type = UInt8(truncatingIfNeeded: type)
    field.flags = flags
    field.segment = UInt16(truncatingIfNeeded: segment)
    field.value.slice.offset = offset
    field.value.slice.length = length
    return field
  }

  /// A null.
  @inlinable
  public static func null(_ key: KeyID) -> weir_field {
    var field = weir_field()
    field.key = key
    return field
  }

  /// A boolean.
  @inlinable
  public static func bool(_ key: KeyID, _ value: Bool) -> weir_field {
    var field = weir_field()
    field.key = key
    field.type = UInt8(WEIR_BOOL)
    field.value.i64 = value ? 1 : 0
    return field
  }

  /// A signed integer.
  @inlinable
  public static func int(_ key: KeyID, _ value: Int64) -> weir_field {
    var field = weir_field()
    field.key = key
    field.type = UInt8(WEIR_INT64)
    field.value.i64 = value
    return field
  }

  /// An integer beyond the signed range.
  @inlinable
  public static func unsigned(_ key: KeyID, _ value: UInt64) -> weir_field {
    var field = weir_field()
    field.key = key
    field.type = UInt8(WEIR_UINT64)
    field.value.u64 = value
    return field
  }

  /// A floating-point number.
  @inlinable
  public static func double(_ key: KeyID, _ value: Double) -> weir_field {
    var field = weir_field()
    field.key = key
    field.type = UInt8(WEIR_DOUBLE)
    field.value.f64 = value
    return field
  }

  /// True for the types whose value is a slice.
  @inlinable
  public var isSlice: Bool {
    let t = UInt32(type)
    return t >= UInt32(WEIR_TEXT) && t <= UInt32(WEIR_BINARY)
  }
}
