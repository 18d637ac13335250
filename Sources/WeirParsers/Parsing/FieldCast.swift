import CWeirPlugin
import Glibc
import WeirBatch
import WeirConfig

extension Parser {
  typealias FieldType = ParserDefinition.FieldType
}

/// The casts of `types`: text to number or boolean, a leading part sufficing as in C.
enum FieldCast {
  /// Longest text that is read as a floating-point number, in bytes.
  static let numberBytesMax = 63

  /// The field, nil when the text is nothing of the type and stays text.
  static func field(
    _ type: ParserDefinition.FieldType, _ key: KeyID, _ p: UnsafePointer<UInt8>, _ count: Int
  ) -> weir_field? {
    switch type {
    case .integer: integer(p, count).map { .int(key, $0) }
    case .hex: hexadecimal(p, count).map { .unsigned(key, $0) }
    case .float: double(p, count).map { .double(key, $0) }
    case .bool: boolean(p, count).map { .bool(key, $0) }
    case .string: nil
    }
  }

  /// Blanks, a sign, digits; what follows them is ignored. Nil without digits or beyond 64 bits.
  static func integer(_ p: UnsafePointer<UInt8>, _ count: Int) -> Int64? {
    var index = blanks(p, count)
    var isNegative = false
    if index < count, p[index] == UInt8(ascii: "-") || p[index] == UInt8(ascii: "+") {
      isNegative = p[index] == UInt8(ascii: "-")
      index &+= 1
    }
    let first = index
    var value: Int64 = 0
    while index < count, p[index] &- 0x30 <= 9 {
      let digit = Int64(p[index] &- 0x30)
      let (tenfold, wide) = value.multipliedReportingOverflow(by: 10)
      let (next, over) =
        isNegative
        ? tenfold.subtractingReportingOverflow(digit) : tenfold.addingReportingOverflow(digit)
      if wide || over { return nil }
      value = next
      index &+= 1
    }
    return index > first ? value : nil
  }

  /// Hexadecimal digits, with or without `0x`.
  static func hexadecimal(_ p: UnsafePointer<UInt8>, _ count: Int) -> UInt64? {
    var index = blanks(p, count)
    if index &+ 1 < count, p[index] == 0x30, p[index &+ 1] | 0x20 == UInt8(ascii: "x") {
      index &+= 2
    }
    let first = index
    var value: UInt64 = 0
    while index < count, let digit = TextEscapes.hexDigit(p[index]) {
      if value >> 60 != 0 { return nil }
      value = value << 4 | UInt64(digit)
      index &+= 1
    }
    return index > first ? value : nil
  }

  /// A finite decimal number.
  static func double(_ p: UnsafePointer<UInt8>, _ count: Int) -> Double? {
    let length = min(count, numberBytesMax)
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: numberBytesMax + 1) { text in
      guard let base = text.baseAddress else { return nil }
      memcpy(base, p, length)
      base[length] = 0
      var end: UnsafeMutablePointer<CChar>?
      let value = strtod(base, &end)
      return end == base || !value.isFinite ? nil : value
    }
  }

  /// `true` and `false` in any case; what follows them is ignored.
  static func boolean(_ p: UnsafePointer<UInt8>, _ count: Int) -> Bool? {
    if begins(p, count, "true") { return true }
    if begins(p, count, "false") { return false }
    return nil
  }

  private static func begins(_ p: UnsafePointer<UInt8>, _ count: Int, _ word: StaticString) -> Bool
  {
    guard count >= word.utf8CodeUnitCount else { return false }
    for index in 0..<word.utf8CodeUnitCount where p[index] | 0x20 != word.utf8Start[index] {
      return false
    }
    return true
  }

  private static func blanks(_ p: UnsafePointer<UInt8>, _ count: Int) -> Int {
    var index = 0
    while index < count, p[index] == 0x20 || p[index] == 0x09 { index &+= 1 }
    return index
  }
}
