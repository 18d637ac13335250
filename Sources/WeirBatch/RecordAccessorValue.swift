import CWeirKernels
public import CWeirPlugin
import Glibc

/// A value of a record, viewed where it lies: in a field, among child fields, or inside JSON text.
///
/// Valid as long as the batch is not changed at that place. The bytes of texts and JSON values are
/// followed by 64 readable bytes.
public struct RecordValue {
  /// The type of a value that is not there.
  public static let missingType: UInt32 = 0xff

  /// `WEIR_NULL` to `WEIR_ARRAY`, or `missingType`.
  public let type: UInt32
  /// `WEIR_FIELD_ASCII` and `WEIR_FIELD_CLEAN` of a slice.
  public let flags: UInt8
  /// The bytes of a slice; the first child field of a map or array.
  public let base: UnsafeRawPointer?
  /// Bytes of a slice; child fields of a map or array.
  public let count: Int
  /// The bits of a number, boolean or time.
  public let bits: UInt64

  init(
    type: UInt32, flags: UInt8 = 0, base: UnsafeRawPointer? = nil, count: Int = 0, bits: UInt64 = 0
  ) {
    self.type = type
    self.flags = flags
    self.base = base
    self.count = count
    self.bits = bits
  }

  /// The value that is not there.
  public static var missing: RecordValue { RecordValue(type: missingType) }

  /// The value of a field.
  public init(_ field: weir_field, in batch: Batch) {
    switch UInt32(field.type) {
    case UInt32(WEIR_TEXT)...UInt32(WEIR_BINARY):
      let bytes = batch.bytes(of: field)
      self.init(
        type: UInt32(field.type), flags: field.flags, base: bytes.baseAddress, count: bytes.count)
    case UInt32(WEIR_MAP)...UInt32(WEIR_METADATA):
      self.init(
        type: UInt32(field.type),
        base: UnsafeRawPointer(batch.fields + Int(field.value.children.first)),
        count: Int(field.value.children.count))
    default:
      self.init(type: UInt32(field.type), bits: field.value.u64)
    }
  }

  /// The value of a member that the JSON kernels found in `text`.
  init(_ member: weir_json_member, of text: UnsafePointer<UInt8>) {
    let bytes = UnsafeRawPointer(text + Int(member.val_off))
    let isASCII = member.flags & UInt8(WEIR_JSON_ASCII) != 0
    let ascii = isASCII ? UInt8(WEIR_FIELD_ASCII) : 0
    switch Int(member.type) {
    case WEIR_JSON_STRING:
      let isPlain = member.flags & UInt8(WEIR_JSON_PLAIN) != 0
      self.init(
        type: UInt32(isPlain ? WEIR_TEXT : WEIR_JSON_TEXT),
        flags: isPlain && isASCII ? ascii | UInt8(WEIR_FIELD_CLEAN) : ascii, base: bytes,
        count: Int(member.val_len))
    case WEIR_JSON_OBJECT, WEIR_JSON_ARRAY:
      self.init(type: UInt32(WEIR_JSON), flags: ascii, base: bytes, count: Int(member.val_len))
    case WEIR_JSON_BOOL: self.init(type: UInt32(WEIR_BOOL), bits: member.num.u64)
    case WEIR_JSON_I64: self.init(type: UInt32(WEIR_INT64), bits: member.num.u64)
    case WEIR_JSON_U64: self.init(type: UInt32(WEIR_UINT64), bits: member.num.u64)
    case WEIR_JSON_DOUBLE: self.init(type: UInt32(WEIR_DOUBLE), bits: member.num.u64)
    default: self.init(type: UInt32(WEIR_NULL))
    }
  }

  // MARK: Questions

  /// Whether the record has it; null is a value.
  public var isPresent: Bool { type != RecordValue.missingType }

  /// Whether it is text, escaped or not. Only these match in filters.
  public var isText: Bool { type == UInt32(WEIR_TEXT) || type == UInt32(WEIR_JSON_TEXT) }

  /// Whether it is a map or an array, parsed or not.
  public var isContainer: Bool {
    if type == UInt32(WEIR_MAP) || type == UInt32(WEIR_ARRAY) { return true }
    guard type == UInt32(WEIR_JSON), let base, count > 0 else { return false }
    let first = base.load(as: UInt8.self)
    return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
  }

  /// The truth of a boolean; nil for anything else.
  public var bool: Bool? { type == UInt32(WEIR_BOOL) ? bits != 0 : nil }

  /// The child fields of a map or array that is not JSON text.
  public var children: UnsafeBufferPointer<weir_field> {
    guard type >= UInt32(WEIR_MAP), type <= UInt32(WEIR_METADATA) else {
      return UnsafeBufferPointer(start: nil, count: 0)
    }
    return UnsafeBufferPointer(start: base?.assumingMemoryBound(to: weir_field.self), count: count)
  }

  /// The bytes of a slice as they are stored; empty for everything else.
  public var stored: UnsafeBufferPointer<UInt8> {
    guard type >= UInt32(WEIR_TEXT), type <= UInt32(WEIR_BINARY) else {
      return UnsafeBufferPointer(start: nil, count: 0)
    }
    return UnsafeBufferPointer(start: base?.assumingMemoryBound(to: UInt8.self), count: count)
  }

  /// The content of a text: the stored bytes, or unescaped into `buffer` if it holds escapes.
  ///
  /// `buffer` is cleared only when it is needed. Never has a null base address.
  public func text(using buffer: TextBuffer) -> UnsafeBufferPointer<UInt8> {
    guard isText, count > 0, let base else {
      return UnsafeBufferPointer(start: buffer.base, count: 0)
    }
    let p = base.assumingMemoryBound(to: UInt8.self)
    if type == UInt32(WEIR_TEXT) || flags & UInt8(WEIR_FIELD_CLEAN) != 0
      || memchr(p, Int32(UInt8(ascii: "\\")), count) == nil
    {
      return UnsafeBufferPointer(start: p, count: count)
    }
    buffer.clear()
    guard let room = buffer.reserve(count + 16) else {
      return UnsafeBufferPointer(start: buffer.base, count: 0)
    }
    buffer.commit(weir_json_unescape(room, p, count))
    return buffer.bytes
  }

  /// Whether it is a text whose content is exactly these bytes.
  public func textEquals(_ other: UnsafePointer<UInt8>, _ length: Int) -> Bool {
    guard isText else { return false }
    guard let base, count > 0 else { return length == 0 }
    let p = base.assumingMemoryBound(to: UInt8.self)
    if type == UInt32(WEIR_TEXT) || flags & UInt8(WEIR_FIELD_CLEAN) != 0 {
      return count == length && memcmp(p, other, length) == 0
    }
    return weir_json_string_equals(p, count, other, length) != 0
  }
}
