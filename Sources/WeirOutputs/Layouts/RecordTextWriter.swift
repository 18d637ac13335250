import CWeirKernels
public import CWeirPlugin
import Glibc
public import WeirBatch
public import WeirStage

/// Renders values as msgpack's own printer does: `{"k"=>"v", "n"=>1, "f"=>1.500000, "x"=>nil}`.
///
/// Text stands in quotes but is not escaped, floats have six decimals. Used by stdout's default
/// layout and by the csv, ltsv and template formats of the file output. Allocates nothing; owned
/// by one lane.
public struct RecordTextWriter {
  /// Maps and arrays nest so deep; what lies deeper becomes nil.
  static let depthMax = 100

  public init() {}

  /// Appends a record's own fields and its resource as one map.
  public func append(
    _ record: UnsafePointer<weir_record>, of batch: Batch, to payload: Payload
  ) {
    let fields = batch.fields(of: record)
    payload.append(UInt8(ascii: "{"))
    var isFirst = true
    for field in fields where UInt32(field.type) != WEIR_METADATA {
      if !isFirst { append(", ", to: payload) }
      isFirst = false
      appendKey(field.key, batch, to: payload)
      append("=>", to: payload)
      append(field, of: batch, to: payload)
    }
    if record.pointee.resource != WEIR_NO_RESOURCE {
      if !isFirst { append(", ", to: payload) }
      let resource = batch.raw.pointee.resources[Int(record.pointee.resource)]
      appendKey(resource.key, batch, to: payload)
      append("=>", to: payload)
      appendJSON(resource.data, Int(resource.length), to: payload, depth: 0)
    }
    payload.append(UInt8(ascii: "}"))
  }

  /// Appends the metadata of a record as a map, `{}` when it has none.
  public func appendMetadata(
    _ record: UnsafePointer<weir_record>, of batch: Batch, to payload: Payload
  ) {
    let fields = batch.fields(of: record)
    guard var field = fields.last(where: { UInt32($0.type) == WEIR_METADATA }) else {
      append("{}", to: payload)
      return
    }
    field.type = UInt8(WEIR_MAP)
    append(field, of: batch, to: payload)
  }

  /// Appends a key in quotes.
  func appendKey(_ key: KeyID, _ batch: Batch, to payload: Payload) {
    payload.append(UInt8(ascii: "\""))
    payload.append(batch.name(of: key))
    payload.append(UInt8(ascii: "\""))
  }

  /// Appends one value; text in quotes.
  func append(
    _ field: weir_field, of batch: Batch, to payload: Payload, depth: Int = 0
  ) {
    switch UInt32(field.type) {
    case WEIR_BOOL: append(field.value.i64 == 0 ? "false" : "true", to: payload)
    case WEIR_INT64: payload.length += weir_put_i64(payload.reserve(24), field.value.i64)
    case WEIR_UINT64: payload.length += weir_put_u64(payload.reserve(24), field.value.u64)
    case WEIR_DOUBLE:
      payload.length += weir_put_double_f6(payload.reserve(352), field.value.f64)
    case WEIR_TIME: payload.length += weir_put_epoch9(payload.reserve(32), field.value.i64)
    case WEIR_TEXT:
      payload.append(UInt8(ascii: "\""))
      payload.append(batch.bytes(of: field))
      payload.append(UInt8(ascii: "\""))
    case WEIR_JSON_TEXT:
      let bytes = batch.bytes(of: field)
      appendQuoted(bytes.baseAddress, bytes.count, to: payload)
    case WEIR_JSON:
      let bytes = batch.bytes(of: field)
      guard let base = bytes.baseAddress else { return append("nil", to: payload) }
      appendJSON(
        base.assumingMemoryBound(to: UInt8.self), bytes.count, to: payload, depth: depth)
    case WEIR_BINARY: appendBinary(batch.bytes(of: field), to: payload)
    case WEIR_MAP, WEIR_ARRAY: appendChildren(field, batch, to: payload, depth: depth)
    default: append("nil", to: payload)
    }
  }

  /// Appends the content of a text value without quotes; other values as `append` does.
  func appendBare(_ field: weir_field, of batch: Batch, to payload: Payload) {
    switch UInt32(field.type) {
    case WEIR_TEXT: payload.append(batch.bytes(of: field))
    case WEIR_JSON_TEXT:
      let bytes = batch.bytes(of: field)
      appendUnescaped(bytes.baseAddress, bytes.count, to: payload)
    default: append(field, of: batch, to: payload)
    }
  }

  private func appendChildren(
    _ field: weir_field, _ batch: Batch, to payload: Payload, depth: Int
  ) {
    if depth >= RecordTextWriter.depthMax { return append("nil", to: payload) }
    let isArray = UInt32(field.type) == WEIR_ARRAY
    payload.append(isArray ? UInt8(ascii: "[") : UInt8(ascii: "{"))
    let first = batch.fields + Int(field.value.children.first)
    for i in 0..<Int(field.value.children.count) {
      if i > 0 { append(", ", to: payload) }
      if !isArray {
        appendKey(first[i].key, batch, to: payload)
        append("=>", to: payload)
      }
      append(first[i], of: batch, to: payload, depth: depth + 1)
    }
    payload.append(isArray ? UInt8(ascii: "]") : UInt8(ascii: "}"))
  }

  /// Appends canonical JSON in the printer's form.
  func appendJSON(_ p: UnsafePointer<UInt8>, _ count: Int, to payload: Payload, depth: Int) {
    var value = weir_json_member()
    var result = weir_json_result()
    guard weir_json_value(p, count, &value, &result) == Int32(WEIR_JSON_OK) else {
      return append("nil", to: payload)
    }
    appendJSON(value, at: p, to: payload, depth: depth)
  }

  private func appendJSON(
    _ value: weir_json_member, at p: UnsafePointer<UInt8>, to payload: Payload, depth: Int
  ) {
    let text = p + Int(value.val_off)
    let count = Int(value.val_len)
    switch Int(value.type) {
    case WEIR_JSON_BOOL: append(value.num.u64 == 0 ? "false" : "true", to: payload)
    case WEIR_JSON_I64: payload.length += weir_put_i64(payload.reserve(24), value.num.i64)
    case WEIR_JSON_U64: payload.length += weir_put_u64(payload.reserve(24), value.num.u64)
    case WEIR_JSON_DOUBLE:
      payload.length += weir_put_double_f6(payload.reserve(352), value.num.f64)
    case WEIR_JSON_STRING: appendQuoted(text, count, to: payload)
    case WEIR_JSON_OBJECT, WEIR_JSON_ARRAY:
      appendContainer(value, text, count, to: payload, depth: depth)
    default: append("nil", to: payload)
    }
  }

  private func appendContainer(
    _ value: weir_json_member, _ text: UnsafePointer<UInt8>, _ count: Int, to payload: Payload,
    depth: Int
  ) {
    if depth >= RecordTextWriter.depthMax { return append("nil", to: payload) }
    let isArray = Int(value.type) == WEIR_JSON_ARRAY
    payload.append(isArray ? UInt8(ascii: "[") : UInt8(ascii: "{"))
    var cursor = 0
    var member = weir_json_member()
    var isFirst = true
    while weir_json_next(text, count, &cursor, &member) == 1 {
      if !isFirst { append(", ", to: payload) }
      isFirst = false
      if !isArray {
        appendQuoted(text + Int(member.key_off), Int(member.key_len), to: payload)
        append("=>", to: payload)
      }
      appendJSON(member, at: text, to: payload, depth: depth + 1)
    }
    payload.append(isArray ? UInt8(ascii: "]") : UInt8(ascii: "}"))
  }

  // MARK: Pieces

  private func appendQuoted(_ p: UnsafeRawPointer?, _ count: Int, to payload: Payload) {
    payload.append(UInt8(ascii: "\""))
    appendUnescaped(p, count, to: payload)
    payload.append(UInt8(ascii: "\""))
  }

  private func appendUnescaped(_ p: UnsafeRawPointer?, _ count: Int, to payload: Payload) {
    guard let p else { return }
    payload.length += weir_json_unescape(
      payload.reserve(count + 16), p.assumingMemoryBound(to: UInt8.self), count)
  }

  /// Printable bytes as they are, others as `\xNN`, in quotes.
  private func appendBinary(_ bytes: UnsafeRawBufferPointer, to payload: Payload) {
    let digits: StaticString = "0123456789abcdef"
    payload.append(UInt8(ascii: "\""))
    for byte in bytes {
      if byte >= 0x20 && byte < 0x7f {
        payload.append(byte)
      } else {
        let out = payload.reserve(4)
        out[0] = UInt8(ascii: "\\")
        out[1] = UInt8(ascii: "x")
        out[2] = digits.utf8Start[Int(byte >> 4)]
        out[3] = digits.utf8Start[Int(byte & 15)]
        payload.length += 4
      }
    }
    payload.append(UInt8(ascii: "\""))
  }

  @inline(__always)
  func append(_ text: StaticString, to payload: Payload) {
    let count = text.utf8CodeUnitCount
    memcpy(payload.reserve(count), text.utf8Start, count)
    payload.length += count
  }
}
