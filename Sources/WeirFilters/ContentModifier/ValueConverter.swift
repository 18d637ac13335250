import CWeirFilters
import CWeirPlugin
import Glibc
import WeirBatch

/// Turns values into texts and other types, as `hash` and `convert` need them.
struct ValueConverter {
  /// The text of a scalar: numbers in decimal (floats with 17 digits), `true`, `false`, `null`.
  ///
  /// Valid until `buffer` is used again.
  /// - Returns: nil for maps and arrays.
  func text(
    of value: RecordValue, using buffer: TextBuffer
  ) -> UnsafeBufferPointer<UInt8>? {
    if value.isText { return value.text(using: buffer) }
    switch value.type {
    case UInt32(WEIR_BINARY): return value.stored
    case UInt32(WEIR_JSON): return value.isContainer ? nil : value.stored
    case UInt32(WEIR_DOUBLE):
      buffer.clear()
      guard let room = buffer.reserve(40) else { return nil }
      let count = room.withMemoryRebound(to: CChar.self, capacity: 40) {
        weir_put_double_g17($0, Double(bitPattern: value.bits))
      }
      buffer.commit(count)
      return buffer.bytes
    case UInt32(WEIR_NULL), UInt32(WEIR_BOOL), UInt32(WEIR_INT64), UInt32(WEIR_UINT64):
      buffer.clear()
      value.renderScalar(into: buffer)
      return buffer.bytes
    default: return nil
    }
  }

  /// The value as a boolean, whole number or float; nil when it cannot be one.
  func field(
    _ key: KeyID, _ value: RecordValue, _ type: ContentAction.ConvertedType,
    using buffer: TextBuffer
  ) -> weir_field? {
    switch value.type {
    case UInt32(WEIR_TEXT), UInt32(WEIR_JSON_TEXT), UInt32(WEIR_BINARY):
      guard let text = text(of: value, using: buffer) else { return nil }
      return parse(key, text, type)
    case UInt32(WEIR_JSON):
      return value.isContainer ? nil : parse(key, value.stored, type)
    case UInt32(WEIR_NULL): return number(key, 0, type)
    case UInt32(WEIR_BOOL), UInt32(WEIR_INT64):
      return number(key, Int64(bitPattern: value.bits), type)
    case UInt32(WEIR_UINT64):
      switch type {
      case .boolean: return .bool(key, value.bits != 0)
      case .double: return .double(key, Double(value.bits))
      case .int: return .unsigned(key, value.bits)
      case .string: return nil
      }
    case UInt32(WEIR_DOUBLE): return fromDouble(key, Double(bitPattern: value.bits), type)
    default: return nil
    }
  }

  private func number(
    _ key: KeyID, _ value: Int64, _ type: ContentAction.ConvertedType
  ) -> weir_field? {
    switch type {
    case .boolean: .bool(key, value != 0)
    case .int: .int(key, value)
    case .double: .double(key, Double(value))
    case .string: nil
    }
  }

  private func fromDouble(
    _ key: KeyID, _ value: Double, _ type: ContentAction.ConvertedType
  ) -> weir_field? {
    switch type {
    case .boolean: return .bool(key, value != 0)
    case .double: return .double(key, value)
    case .int: return Int64(exactly: value.rounded()).map { .int(key, $0) }
    case .string: return nil
    }
  }

  private func parse(
    _ key: KeyID, _ text: UnsafeBufferPointer<UInt8>, _ type: ContentAction.ConvertedType
  ) -> weir_field? {
    switch type {
    case .boolean: return .bool(key, isTrue(text))
    case .double: return double(text).map { .double(key, $0) }
    case .int: return integer(key, text)
    case .string: return nil
    }
  }

  private func isTrue(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    text.count == 4 && zip(text, "true".utf8).allSatisfy { lowercased($0) == $1 }
  }

  /// The whole text has to be a number; blanks before it are passed over.
  private func integer(_ key: KeyID, _ text: UnsafeBufferPointer<UInt8>) -> weir_field? {
    var index = 0
    while index < text.count, isBlank(text[index]) { index += 1 }
    var isNegative = false
    if index < text.count, text[index] == UInt8(ascii: "-") || text[index] == UInt8(ascii: "+") {
      isNegative = text[index] == UInt8(ascii: "-")
      index += 1
    }
    guard index < text.count else { return nil }
    var magnitude: UInt64 = 0
    while index < text.count {
      let digit = text[index] &- 0x30
      guard digit <= 9 else { return nil }
      let (product, high) = magnitude.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
      if high || carry { return nil }
      magnitude = sum
      index += 1
    }
    if !isNegative {
      return magnitude > UInt64(Int64.max)
        ? .unsigned(key, magnitude) : .int(key, Int64(magnitude))
    }
    guard magnitude <= UInt64(Int64.max) + 1 else { return nil }
    return .int(key, Int64(truncatingIfNeeded: 0 &- magnitude))
  }

  /// The number that the text begins with, behind blanks; words and hexadecimal forms are none.
  private func double(_ text: UnsafeBufferPointer<UInt8>) -> Double? {
    var start = 0
    while start < text.count, isBlank(text[start]) { start += 1 }
    var end = start
    while end < text.count, end - start < 400, isNumeric(text[end]) { end += 1 }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 401) { copy -> Double? in
      guard let base = copy.baseAddress else { return nil }
      for index in start..<end { base[index - start] = CChar(bitPattern: text[index]) }
      base[end - start] = 0
      var rest: UnsafeMutablePointer<CChar>?
      let value = strtod(base, &rest)
      return rest == base || !value.isFinite ? nil : value
    }
  }

  private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0d) }

  private func isNumeric(_ byte: UInt8) -> Bool {
    (byte >= 0x30 && byte <= 0x39) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")
      || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E")
  }
}
