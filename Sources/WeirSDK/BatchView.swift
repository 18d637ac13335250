public import CWeirPlugin

/// Indexes of the records that a call is to work on.
public typealias SelectionView = UnsafeBufferPointer<UInt32>

/// A batch, read in place. Valid during the call that it came with.
public struct BatchView {
  /// The struct itself.
  public let raw: UnsafeMutablePointer<weir_batch>

  /// Wraps a batch of a call.
  public init(_ raw: UnsafeMutablePointer<weir_batch>) { self.raw = raw }

  /// Records, dropped ones included.
  public var recordCount: Int { Int(raw.pointee.record_count) }

  /// A record by its index; the index comes from a selection.
  public func record(_ index: UInt32) -> RecordView {
    precondition(index < raw.pointee.record_count, "no such record")
    // SAFETY: inside the table; the stride may be more than this SDK knows of.
    let place = UnsafeMutableRawPointer(raw.pointee.records)
      .advanced(by: Int(index) * Int(raw.pointee.record_stride))
    return RecordView(
      batch: self, index: index, raw: place.assumingMemoryBound(to: weir_record.self))
  }

  /// The name of a key.
  public func name(of key: UInt32) -> UnsafeRawBufferPointer {
    if key == WEIR_NO_KEY { return UnsafeRawBufferPointer(start: nil, count: 0) }
    let isLocal = key & UInt32(WEIR_LOCAL_KEY) != 0
    let table = isLocal ? raw.pointee.local_keys : raw.pointee.keys
    guard let entry = table?[Int(key & ~UInt32(WEIR_LOCAL_KEY))] else {
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    return UnsafeRawBufferPointer(start: entry.data, count: Int(entry.length))
  }

  /// The child fields of a map, an array or metadata.
  public func children(of field: weir_field) -> UnsafeMutableBufferPointer<weir_field> {
    UnsafeMutableBufferPointer(
      start: raw.pointee.fields + Int(field.value.children.first),
      count: Int(field.value.children.count))
  }

  /// The value of a field.
  public func value(_ field: weir_field) -> FieldValue {
    switch UInt32(field.type) {
    case UInt32(WEIR_BOOL): .bool(field.value.i64 != 0)
    case UInt32(WEIR_INT64): .integer(field.value.i64)
    case UInt32(WEIR_UINT64): .unsigned(field.value.u64)
    case UInt32(WEIR_DOUBLE): .double(field.value.f64)
    case UInt32(WEIR_TEXT): .text(slice(field))
    case UInt32(WEIR_JSON_TEXT): .jsonText(slice(field))
    case UInt32(WEIR_JSON): .json(slice(field))
    case UInt32(WEIR_BINARY): .binary(slice(field))
    case UInt32(WEIR_TIME): .time(field.value.i64)
    case UInt32(WEIR_MAP): .map(children(of: field))
    case UInt32(WEIR_ARRAY): .array(children(of: field))
    case UInt32(WEIR_METADATA): .metadata(children(of: field))
    default: .null
    }
  }

  private func slice(_ field: weir_field) -> UnsafeRawBufferPointer {
    let segment = raw.pointee.segments[Int(field.segment)]
    return UnsafeRawBufferPointer(
      start: segment.base + Int(field.value.slice.offset), count: Int(field.value.slice.length))
  }
}

/// A value of a field, by its type; bytes lie in the batch.
public enum FieldValue {
  case null
  case bool(Bool)
  case integer(Int64)
  case unsigned(UInt64)
  case double(Double)
  /// Text, meant as UTF-8, not validated.
  case text(UnsafeRawBufferPointer)
  /// The body of a JSON string in canonical escapes, without quotes.
  case jsonText(UnsafeRawBufferPointer)
  /// An object, an array or a number token as canonical JSON.
  case json(UnsafeRawBufferPointer)
  case binary(UnsafeRawBufferPointer)
  /// Nanoseconds since 1970-01-01T00:00:00Z.
  case time(Int64)
  case map(UnsafeMutableBufferPointer<weir_field>)
  case array(UnsafeMutableBufferPointer<weir_field>)
  case metadata(UnsafeMutableBufferPointer<weir_field>)
}

/// A record of a batch.
public struct RecordView {
  /// The batch that it is in.
  public let batch: BatchView
  /// Its index.
  public let index: UInt32
  /// The struct itself.
  public let raw: UnsafeMutablePointer<weir_record>

  /// Nanoseconds since 1970-01-01T00:00:00Z.
  public var time: Int64 { raw.pointee.time_ns }
  /// True when a rule took it out.
  public var isDropped: Bool { raw.pointee.flags & UInt16(WEIR_RECORD_DROPPED) != 0 }

  /// Takes it out.
  public func drop() { raw.pointee.flags |= UInt16(WEIR_RECORD_DROPPED) }

  /// Its tag.
  public var tag: UnsafeRawBufferPointer {
    let tag = batch.raw.pointee.tags[Int(raw.pointee.tag)]
    return UnsafeRawBufferPointer(start: tag.data, count: Int(tag.length))
  }

  /// Its fields, in order; may be edited in place.
  public var fields: UnsafeMutableBufferPointer<weir_field> {
    UnsafeMutableBufferPointer(
      start: batch.raw.pointee.fields + Int(raw.pointee.first_field),
      count: Int(raw.pointee.field_count))
  }

  /// The last field of a key, or nil.
  public func field(_ key: UInt32) -> UnsafeMutablePointer<weir_field>? {
    guard let first = fields.baseAddress else { return nil }
    for i in fields.indices.reversed() where fields[i].key == key { return first + i }
    return nil
  }
}
