import CWeirKernels
public import CWeirPlugin
import Glibc

/// The captures of an expression, for `$0` to `$9` in an accessor's text.
public struct AccessorCaptures {
  /// The text that was searched.
  public let subject: UnsafePointer<UInt8>
  /// Offset and length in bytes of each group, 0 being the whole match; offset -1: took no part.
  public let ranges: UnsafePointer<(offset: Int, count: Int)>
  /// Number of ranges.
  public let count: Int

  /// Makes a view; nothing is copied.
  public init(
    subject: UnsafePointer<UInt8>, ranges: UnsafePointer<(offset: Int, count: Int)>, count: Int
  ) {
    self.subject = subject
    self.ranges = ranges
    self.count = count
  }
}

extension RecordAccessor {
  /// Adds the text with its accessors replaced to `buffer` (which is not cleared).
  ///
  /// Texts go in raw, numbers in decimal, floats with six decimals, `true`, `false`, `null`, maps
  /// and arrays as JSON, binary as hexadecimal digits; what is missing adds nothing.
  /// - Returns: false when something was missing.
  @discardableResult
  public func render(
    _ batch: Batch, _ record: UnsafePointer<weir_record>, into buffer: TextBuffer,
    captures: AccessorCaptures? = nil
  ) -> Bool {
    var isComplete = true
    for part in parts {
      switch part.kind {
      case .text: buffer.append(part.bytes, part.length)
      case .path:
        let value = resolve(part, batch, record)
        if !value.isPresent { isComplete = false }
        value.render(into: buffer, batch)
      case .tag:
        let tag = batch.tag(of: record)
        if let base = tag.baseAddress { buffer.append(base, tag.count) }
      case .tagPart:
        if !appendTagPart(part.number, batch.tag(of: record), buffer) { isComplete = false }
      case .capture:
        if !appendCapture(part.number, captures, buffer) { isComplete = false }
      }
    }
    return isComplete
  }

  private func appendTagPart(
    _ number: Int, _ tag: UnsafeRawBufferPointer, _ buffer: TextBuffer
  ) -> Bool {
    guard let base = tag.baseAddress else { return false }
    var start = 0
    var index = 0
    while start <= tag.count {
      let found = memchr(base + start, Int32(UInt8(ascii: ".")), tag.count - start)
      let end = found.map { UnsafeRawPointer($0) - base } ?? tag.count
      if index == number {
        buffer.append(base + start, end - start)
        return end > start
      }
      index += 1
      start = end + 1
    }
    return false
  }

  private func appendCapture(
    _ number: Int, _ captures: AccessorCaptures?, _ buffer: TextBuffer
  ) -> Bool {
    guard let captures, number < captures.count else { return false }
    let range = captures.ranges[number]
    guard range.offset >= 0 else { return false }
    buffer.append(captures.subject + range.offset, range.count)
    return true
  }
}

extension RecordValue {
  /// Adds the value as text to `buffer`, by the rules of `RecordAccessor.render`.
  public func render(into buffer: TextBuffer, _ batch: Batch) {
    switch type {
    case UInt32(WEIR_TEXT): if let base { buffer.append(base, count) }
    case UInt32(WEIR_JSON_TEXT): appendUnescaped(buffer)
    case UInt32(WEIR_DOUBLE): appendFloat(Double(bitPattern: bits), buffer)
    case UInt32(WEIR_JSON):
      if isContainer { appendJSON(buffer, batch, depth: 0) } else { appendNumber(buffer) }
    case UInt32(WEIR_BINARY): appendHex(buffer)
    case RecordValue.missingType: break
    default: appendJSON(buffer, batch, depth: 0)
    }
  }

  private func appendUnescaped(_ buffer: TextBuffer) {
    guard let base, let room = buffer.reserve(count + 16) else { return }
    buffer.commit(weir_json_unescape(room, base.assumingMemoryBound(to: UInt8.self), count))
  }

  private func appendFloat(_ value: Double, _ buffer: TextBuffer) {
    guard let room = buffer.reserve(352) else { return }
    buffer.commit(weir_put_double_f6(room, value))
  }

  /// A number that is kept as its token because it fits no 64-bit integer.
  private func appendNumber(_ buffer: TextBuffer) {
    var number = weir_json_member()
    var result = weir_json_result()
    guard let base else { return }
    let text = base.assumingMemoryBound(to: UInt8.self)
    guard weir_json_value(text, count, &number, &result) == 0, Int(result.end) == count else {
      return buffer.append(base, count)
    }
    RecordValue(number, of: text).renderScalar(into: buffer)
  }

  /// Adds a null, boolean, number or time; everything else adds `null`.
  public func renderScalar(into buffer: TextBuffer) {
    switch type {
    case UInt32(WEIR_DOUBLE): appendFloat(Double(bitPattern: bits), buffer)
    case UInt32(WEIR_INT64):
      if let room = buffer.reserve(24) {
        buffer.commit(weir_put_i64(room, Int64(bitPattern: bits)))
      }
    case UInt32(WEIR_UINT64):
      if let room = buffer.reserve(24) { buffer.commit(weir_put_u64(room, bits)) }
    case UInt32(WEIR_TIME):
      if let room = buffer.reserve(32) {
        buffer.commit(weir_put_epoch9(room, Int64(bitPattern: bits)))
      }
    case UInt32(WEIR_BOOL): bits != 0 ? buffer.append("true") : buffer.append("false")
    default: buffer.append("null")
    }
  }

  private func appendHex(_ buffer: TextBuffer) {
    guard let base, let room = buffer.reserve(count * 2) else { return }
    for index in 0..<count {
      let byte = base.load(fromByteOffset: index, as: UInt8.self)
      room[2 * index] = hexDigit(byte >> 4)
      room[2 * index + 1] = hexDigit(byte & 15)
    }
    buffer.commit(count * 2)
  }

  private func hexDigit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 0x30 + nibble : 0x57 + nibble }

  // MARK: JSON

  /// Deepest nesting of child fields that is written; below it `null` stands.
  static let depthMax = 64

  /// Adds the value as JSON with non-ASCII escaped, as accessors show maps and arrays.
  func appendJSON(_ buffer: TextBuffer, _ batch: Batch, depth: Int) {
    switch type {
    case UInt32(WEIR_TEXT), UInt32(WEIR_BINARY), UInt32(WEIR_JSON_TEXT):
      buffer.append(UInt8(ascii: "\""))
      appendEscaped(buffer, isJSON: type == UInt32(WEIR_JSON_TEXT))
      buffer.append(UInt8(ascii: "\""))
    case UInt32(WEIR_JSON): appendEscaped(buffer, isJSON: true)
    case UInt32(WEIR_DOUBLE):
      guard let room = buffer.reserve(32) else { return }
      buffer.commit(
        weir_put_double_json(room, Double(bitPattern: bits), Int32(WEIR_NAN_NULL)))
    case UInt32(WEIR_MAP), UInt32(WEIR_ARRAY):
      if depth < RecordValue.depthMax {
        appendChildren(buffer, batch, depth + 1)
      } else {
        buffer.append("null")
      }
    default: renderScalar(into: buffer)
    }
  }

  private func appendEscaped(_ buffer: TextBuffer, isJSON: Bool) {
    guard let base, count > 0, let room = buffer.reserve(count * 6 + 16) else { return }
    let p = base.assumingMemoryBound(to: UInt8.self)
    let mode = Int32(WEIR_JSON_ESCAPED)
    buffer.commit(
      isJSON ? weir_json_reescape(room, p, count, mode) : weir_json_escape(room, p, count, mode))
  }

  private func appendChildren(_ buffer: TextBuffer, _ batch: Batch, _ depth: Int) {
    let isMap = type == UInt32(WEIR_MAP)
    let fields = children
    buffer.append(UInt8(ascii: isMap ? "{" : "["))
    var isFirst = true
    for index in 0..<fields.count {
      let field = fields[index]
      if isMap, fields[(index + 1)...].contains(where: { $0.key == field.key }) { continue }
      if !isFirst { buffer.append(UInt8(ascii: ",")) }
      isFirst = false
      if isMap {
        let name = batch.name(of: field.key)
        RecordValue(type: UInt32(WEIR_TEXT), base: name.baseAddress, count: name.count)
          .appendJSON(buffer, batch, depth: depth)
        buffer.append(UInt8(ascii: ":"))
      }
      RecordValue(field, in: batch).appendJSON(buffer, batch, depth: depth)
    }
    buffer.append(UInt8(ascii: isMap ? "}" : "]"))
  }
}
