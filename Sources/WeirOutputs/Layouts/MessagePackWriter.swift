import CWeirKernels
public import CWeirPlugin
import Glibc
public import WeirBatch
public import WeirStage

/// Renders records as msgpack events: `[[time, metadata], body]`, the time as extension type 0
/// with 32-bit seconds and nanoseconds. Allocates nothing; owned by one lane.
public struct MessagePackWriter {
  /// Maps and arrays nest so deep; what lies deeper becomes nil.
  static let depthMax = 100

  public init() {}

  /// Appends a record as one event.
  public func append(
    _ record: UnsafePointer<weir_record>, of batch: Batch, to payload: Payload
  ) {
    let out = payload.reserve(16)
    let time = record.pointee.time_ns
    let seconds = floorDivide(time, 1_000_000_000)
    out[0] = 0x92
    out[1] = 0x92
    out[2] = 0xd7
    out[3] = 0
    store(UInt32(truncatingIfNeeded: seconds), out + 4)
    store(UInt32(truncatingIfNeeded: time &- seconds &* 1_000_000_000), out + 8)
    payload.length += 12
    appendMetadata(record, batch, to: payload)
    appendBody(record, batch, to: payload)
  }

  private func appendMetadata(
    _ record: UnsafePointer<weir_record>, _ batch: Batch, to payload: Payload
  ) {
    let fields = batch.fields(of: record)
    guard var field = fields.last(where: { UInt32($0.type) == WEIR_METADATA }) else {
      return payload.append(0x80)
    }
    field.type = UInt8(WEIR_MAP)
    append(field, batch, to: payload, depth: 0)
  }

  private func appendBody(
    _ record: UnsafePointer<weir_record>, _ batch: Batch, to payload: Payload
  ) {
    let fields = batch.fields(of: record)
    var count = 0
    for field in fields where UInt32(field.type) != WEIR_METADATA { count += 1 }
    let hasResource = record.pointee.resource != WEIR_NO_RESOURCE
    appendHeader(count + (hasResource ? 1 : 0), 0x80, 15, 0xde, to: payload)
    for field in fields where UInt32(field.type) != WEIR_METADATA {
      appendText(batch.name(of: field.key), to: payload)
      append(field, batch, to: payload, depth: 0)
    }
    if hasResource {
      let resource = batch.raw.pointee.resources[Int(record.pointee.resource)]
      appendText(batch.name(of: resource.key), to: payload)
      appendJSON(resource.data, Int(resource.length), to: payload, depth: 0)
    }
  }

  private func append(_ field: weir_field, _ batch: Batch, to payload: Payload, depth: Int) {
    switch UInt32(field.type) {
    case WEIR_BOOL: payload.append(field.value.i64 == 0 ? 0xc2 : 0xc3)
    case WEIR_INT64, WEIR_TIME: appendInt(field.value.i64, to: payload)
    case WEIR_UINT64: appendUInt(field.value.u64, to: payload)
    case WEIR_DOUBLE: appendDouble(field.value.f64, to: payload)
    case WEIR_TEXT: appendText(batch.bytes(of: field), to: payload)
    case WEIR_JSON_TEXT:
      let bytes = batch.bytes(of: field)
      appendEscapedText(bytes.baseAddress, bytes.count, to: payload)
    case WEIR_JSON:
      let bytes = batch.bytes(of: field)
      guard let base = bytes.baseAddress else { return payload.append(0xc0) }
      appendJSON(
        base.assumingMemoryBound(to: UInt8.self), bytes.count, to: payload, depth: depth)
    case WEIR_BINARY: appendBinary(batch.bytes(of: field), to: payload)
    case WEIR_MAP, WEIR_ARRAY: appendChildren(field, batch, to: payload, depth: depth)
    default: payload.append(0xc0)
    }
  }

  private func appendChildren(
    _ field: weir_field, _ batch: Batch, to payload: Payload, depth: Int
  ) {
    if depth >= MessagePackWriter.depthMax { return payload.append(0xc0) }
    let isArray = UInt32(field.type) == WEIR_ARRAY
    let count = Int(field.value.children.count)
    appendHeader(count, isArray ? 0x90 : 0x80, 15, isArray ? 0xdc : 0xde, to: payload)
    let first = batch.fields + Int(field.value.children.first)
    for i in 0..<count {
      if !isArray { appendText(batch.name(of: first[i].key), to: payload) }
      append(first[i], batch, to: payload, depth: depth + 1)
    }
  }

  // MARK: Canonical JSON

  private func appendJSON(
    _ p: UnsafePointer<UInt8>, _ count: Int, to payload: Payload, depth: Int
  ) {
    var value = weir_json_member()
    var result = weir_json_result()
    guard weir_json_value(p, count, &value, &result) == Int32(WEIR_JSON_OK) else {
      return payload.append(0xc0)
    }
    appendJSON(value, at: p, to: payload, depth: depth)
  }

  private func appendJSON(
    _ value: weir_json_member, at p: UnsafePointer<UInt8>, to payload: Payload, depth: Int
  ) {
    let text = p + Int(value.val_off)
    let count = Int(value.val_len)
    switch Int(value.type) {
    case WEIR_JSON_BOOL: payload.append(value.num.u64 == 0 ? 0xc2 : 0xc3)
    case WEIR_JSON_I64: appendInt(value.num.i64, to: payload)
    case WEIR_JSON_U64: appendUInt(value.num.u64, to: payload)
    case WEIR_JSON_DOUBLE: appendDouble(value.num.f64, to: payload)
    case WEIR_JSON_STRING: appendEscapedText(text, count, to: payload)
    case WEIR_JSON_OBJECT, WEIR_JSON_ARRAY:
      appendContainer(value, text, count, to: payload, depth: depth)
    default: payload.append(0xc0)
    }
  }

  /// Walks the members twice: msgpack wants their number first.
  private func appendContainer(
    _ value: weir_json_member, _ text: UnsafePointer<UInt8>, _ count: Int, to payload: Payload,
    depth: Int
  ) {
    if depth >= MessagePackWriter.depthMax { return payload.append(0xc0) }
    let isArray = Int(value.type) == WEIR_JSON_ARRAY
    var cursor = 0
    var member = weir_json_member()
    var members = 0
    while weir_json_next(text, count, &cursor, &member) == 1 { members += 1 }
    appendHeader(members, isArray ? 0x90 : 0x80, 15, isArray ? 0xdc : 0xde, to: payload)
    cursor = 0
    while weir_json_next(text, count, &cursor, &member) == 1 {
      if !isArray {
        appendEscapedText(text + Int(member.key_off), Int(member.key_len), to: payload)
      }
      appendJSON(member, at: text, to: payload, depth: depth + 1)
    }
  }

  // MARK: Pieces

  /// A count in the short form `fix | n`, else 16 bits behind `wide`, else 32 behind `wide + 1`.
  private func appendHeader(
    _ count: Int, _ fix: UInt8, _ fixMax: Int, _ wide: UInt8, to payload: Payload
  ) {
    let out = payload.reserve(5)
    if count <= fixMax {
      out[0] = fix | UInt8(truncatingIfNeeded: count)
      payload.length += 1
    } else if count <= 0xffff {
      out[0] = wide
      store(UInt16(truncatingIfNeeded: count), out + 1)
      payload.length += 3
    } else {
      out[0] = wide + 1
      store(UInt32(truncatingIfNeeded: count), out + 1)
      payload.length += 5
    }
  }

  private func appendTextHeader(_ count: Int, to payload: Payload) {
    if count > 31 && count <= 0xff {
      let out = payload.reserve(2)
      out[0] = 0xd9
      out[1] = UInt8(count)
      payload.length += 2
    } else {
      appendHeader(count, 0xa0, 31, 0xda, to: payload)
    }
  }

  private func appendText(_ bytes: UnsafeRawBufferPointer, to payload: Payload) {
    appendTextHeader(bytes.count, to: payload)
    payload.append(bytes)
  }

  /// Unescapes behind the longest header, then moves the text to where its own header ends.
  private func appendEscapedText(_ p: UnsafeRawPointer?, _ count: Int, to payload: Payload) {
    guard let p else { return payload.append(0xa0) }
    let content = payload.reserve(count + 32) + 5
    let length = weir_json_unescape(content, p.assumingMemoryBound(to: UInt8.self), count)
    appendTextHeader(length, to: payload)
    memmove(payload.base + payload.length, content, length)
    payload.length += length
  }

  private func appendBinary(_ bytes: UnsafeRawBufferPointer, to payload: Payload) {
    if bytes.count <= 0xff {
      let out = payload.reserve(2)
      out[0] = 0xc4
      out[1] = UInt8(bytes.count)
      payload.length += 2
    } else {
      appendHeader(bytes.count, 0, -1, 0xc5, to: payload)
    }
    payload.append(bytes)
  }

  private func appendInt(_ value: Int64, to payload: Payload) {
    if value >= 0 { return appendUInt(UInt64(value), to: payload) }
    let out = payload.reserve(9)
    if value >= -32 {
      out[0] = UInt8(truncatingIfNeeded: value)
      payload.length += 1
    } else if value >= -0x80 {
      out[0] = 0xd0
      out[1] = UInt8(truncatingIfNeeded: value)
      payload.length += 2
    } else if value >= -0x8000 {
      out[0] = 0xd1
      store(UInt16(truncatingIfNeeded: value), out + 1)
      payload.length += 3
    } else if value >= -0x8000_0000 {
      out[0] = 0xd2
      store(UInt32(truncatingIfNeeded: value), out + 1)
      payload.length += 5
    } else {
      out[0] = 0xd3
      store(UInt64(bitPattern: value), out + 1)
      payload.length += 9
    }
  }

  private func appendUInt(_ value: UInt64, to payload: Payload) {
    let out = payload.reserve(9)
    if value < 0x80 {
      out[0] = UInt8(value)
      payload.length += 1
    } else if value <= 0xff {
      out[0] = 0xcc
      out[1] = UInt8(value)
      payload.length += 2
    } else if value <= 0xffff {
      out[0] = 0xcd
      store(UInt16(value), out + 1)
      payload.length += 3
    } else if value <= 0xffff_ffff {
      out[0] = 0xce
      store(UInt32(value), out + 1)
      payload.length += 5
    } else {
      out[0] = 0xcf
      store(value, out + 1)
      payload.length += 9
    }
  }

  private func appendDouble(_ value: Double, to payload: Payload) {
    let out = payload.reserve(9)
    out[0] = 0xcb
    store(value.bitPattern, out + 1)
    payload.length += 9
  }

  /// Stores in network order, unaligned.
  @inline(__always)
  private func store<Integer: FixedWidthInteger>(
    _ value: Integer, _ out: UnsafeMutablePointer<UInt8>
  ) {
    UnsafeMutableRawPointer(out).storeBytes(of: value.bigEndian, as: Integer.self)
  }
}
