// A strptime format is compiled once into a flat list of operations, composites (%F, %T, %c)
// already expanded. Reading a time is one walk over that list; the commonest beginning, an
// ISO 8601 date and time of 19 bytes, is read in one go when the digits are where they should be.

/// A compiled `time_format`: reads text into nanoseconds since 1970-01-01T00:00:00Z.
///
/// Immutable and shared by all lanes. Reading allocates nothing and throws nothing.
public struct TimeFormat: Sendable {
  /// Where times without a zone of their own belong.
  public enum Zone: Sendable {
    case utc
    /// Seconds east of UTC.
    case offset(Int)
    case rules(TimeZoneRules)
  }

  /// One step of reading.
  enum Step: UInt8 {
    case literal, blank
    case year, century, yearOfCentury, month, monthName, day, blankDay, dayOfYear
    case hour, hour12, minute, second, meridian, fraction, epoch
    case weekdayName, weekdaySunday, weekdayMonday, week, isoYear, isoYearOfCentury, isoWeek
    case zoneOffset, zoneName
  }

  /// A step and, for a literal, its byte.
  struct Operation {
    var step: Step
    var byte: UInt8 = 0
  }

  /// Longest format accepted, in bytes.
  public static let formatBytesMax = 512

  /// The format as written.
  public let source: String
  let operations: [Operation]
  /// The operations begin with `%Y-%m-%d?%H:%M:%S`, where `?` is this byte.
  let isoSeparator: UInt8?
  /// The operation from which on a failure is forgiven when not strict.
  let coreEnd: Int
  /// The operation from which on the core is forgiven, too: its date is complete by then.
  let dateEnd: Int
  let zone: Zone
  let isStrict: Bool

  /// Compiles a format.
  ///
  /// - Parameters:
  ///   - zone: where times belong whose format has neither `%z` nor `%Z`.
  ///   - isStrict: false accepts a time whose fraction or zone is missing or unreadable, and a date
  ///     whose clock, behind it, is.
  /// - Throws: `ParserError.timeFormat` for conversions that don't exist.
  public init(_ source: String, zone: Zone = .utc, isStrict: Bool = true) throws(ParserError) {
    let bytes = Array(source.utf8)
    guard bytes.count <= Self.formatBytesMax else {
      throw .timeFormat(format: source, reason: "longer than \(Self.formatBytesMax) bytes")
    }
    var compiled: [Operation] = []
    try Self.compile(bytes, into: &compiled, source)
    guard compiled.count(where: { $0.step == .fraction }) <= 1 else {
      throw .timeFormat(format: source, reason: "%L may stand once only")
    }
    self.source = source
    self.zone = zone
    self.isStrict = isStrict
    operations = compiled
    isoSeparator = Self.isoSeparator(compiled)
    let core = compiled.lastIndex { operation in
      switch operation.step {
      case .literal, .blank, .fraction, .zoneOffset, .zoneName: false
      default: true
      }
    }
    let coreEnd = core.map { $0 + 1 } ?? compiled.count
    self.coreEnd = coreEnd
    let date = compiled.lastIndex { operation in
      switch operation.step {
      case .year, .century, .yearOfCentury, .month, .monthName, .day, .blankDay, .dayOfYear: true
      default: false
      }
    }
    dateEnd = date.map { $0 + 1 } ?? coreEnd
  }

  // MARK: Compiling

  private static func compile(
    _ format: [UInt8], into result: inout [Operation], _ source: String
  ) throws(ParserError) {
    var index = 0
    while index < format.count {
      let byte = format[index]
      index += 1
      if isBlank(byte) {
        result.append(Operation(step: .blank))
        continue
      }
      guard byte == UInt8(ascii: "%") else {
        result.append(Operation(step: .literal, byte: byte))
        continue
      }
      // The modifiers for alternative forms change nothing here.
      while index < format.count,
        format[index] == UInt8(ascii: "E") || format[index] == UInt8(ascii: "O")
      {
        index += 1
      }
      guard index < format.count else {
        throw .timeFormat(format: source, reason: "it ends within a conversion")
      }
      let letter = format[index]
      index += 1
      if let parts = composites[letter] {
        try compile(Array(parts.utf8), into: &result, source)
      } else if let step = steps[letter] {
        result.append(Operation(step: step, byte: UInt8(ascii: "%")))
      } else {
        let name = String(UnicodeScalar(letter))
        throw .timeFormat(format: source, reason: "unknown conversion %\(name)")
      }
    }
  }

  private static let composites: [UInt8: String] = [
    UInt8(ascii: "c"): "%a %b %e %H:%M:%S %Y", UInt8(ascii: "D"): "%m/%d/%y",
    UInt8(ascii: "F"): "%Y-%m-%d", UInt8(ascii: "R"): "%H:%M",
    UInt8(ascii: "r"): "%I:%M:%S %p", UInt8(ascii: "T"): "%H:%M:%S",
    UInt8(ascii: "X"): "%H:%M:%S", UInt8(ascii: "x"): "%m/%d/%y",
    UInt8(ascii: "k"): " %H", UInt8(ascii: "l"): " %I",
  ]

  private static let steps: [UInt8: Step] = [
    UInt8(ascii: "%"): .literal, UInt8(ascii: "a"): .weekdayName, UInt8(ascii: "A"): .weekdayName,
    UInt8(ascii: "b"): .monthName, UInt8(ascii: "B"): .monthName, UInt8(ascii: "h"): .monthName,
    UInt8(ascii: "C"): .century, UInt8(ascii: "d"): .day, UInt8(ascii: "e"): .blankDay,
    UInt8(ascii: "g"): .isoYearOfCentury, UInt8(ascii: "G"): .isoYear, UInt8(ascii: "H"): .hour,
    UInt8(ascii: "I"): .hour12,
    UInt8(ascii: "j"): .dayOfYear, UInt8(ascii: "m"): .month, UInt8(ascii: "M"): .minute,
    UInt8(ascii: "n"): .blank, UInt8(ascii: "t"): .blank, UInt8(ascii: "p"): .meridian,
    UInt8(ascii: "S"): .second, UInt8(ascii: "s"): .epoch, UInt8(ascii: "u"): .weekdayMonday,
    UInt8(ascii: "w"): .weekdaySunday, UInt8(ascii: "U"): .week, UInt8(ascii: "W"): .week,
    UInt8(ascii: "V"): .isoWeek, UInt8(ascii: "y"): .yearOfCentury, UInt8(ascii: "Y"): .year,
    UInt8(ascii: "z"): .zoneOffset, UInt8(ascii: "Z"): .zoneName, UInt8(ascii: "L"): .fraction,
  ]

  private static func isoSeparator(_ operations: [Operation]) -> UInt8? {
    let layout: [Step] = [
      .year, .literal, .month, .literal, .day, .literal, .hour, .literal, .minute, .literal,
      .second,
    ]
    guard operations.count >= layout.count,
      operations[1].byte == UInt8(ascii: "-"), operations[3].byte == UInt8(ascii: "-"),
      operations[7].byte == UInt8(ascii: ":"), operations[9].byte == UInt8(ascii: ":")
    else { return nil }
    for index in layout.indices {
      let isBlank = index == 5 && operations[index].step == .blank
      guard operations[index].step == layout[index] || isBlank else { return nil }
    }
    return operations[5].step == .blank ? 0x20 : operations[5].byte
  }

  @inline(__always)
  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
}
