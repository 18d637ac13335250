/// A compiled strftime format for names of indexes and files, always in UTC.
///
/// Immutable and shared by lanes; writing allocates nothing.
public struct TimeFormatter: Sendable {
  private enum Piece {
    case literal(UInt8)
    case field(UInt8)
  }

  /// Longest format accepted, in bytes.
  public static let formatBytesMax = 512
  /// Bytes that one conversion writes at most (`%c`).
  static let fieldBytesMax = 32

  /// The format as written.
  public let source: String
  private let pieces: [Piece]

  /// Bytes that `write` needs at most.
  public let bytesMax: Int

  /// Compiles a format. An unknown conversion is kept as written, as strftime does.
  ///
  /// - Throws: `ParserError.timeFormat` when it is too long.
  public init(_ source: String) throws(ParserError) {
    let bytes = Array(source.utf8)
    guard bytes.count <= Self.formatBytesMax else {
      throw .timeFormat(format: source, reason: "longer than \(Self.formatBytesMax) bytes")
    }
    self.source = source
    var pieces: [Piece] = []
    Self.compile(bytes, into: &pieces)
    self.pieces = pieces
    bytesMax = pieces.reduce(0) { sum, piece in
      if case .field = piece { sum + Self.fieldBytesMax } else { sum + 1 }
    }
  }

  private static func compile(_ bytes: [UInt8], into pieces: inout [Piece]) {
    var index = 0
    while index < bytes.count {
      guard bytes[index] == UInt8(ascii: "%"), index + 1 < bytes.count else {
        pieces.append(.literal(bytes[index]))
        index += 1
        continue
      }
      let letter = bytes[index + 1]
      index += 2
      switch String(UnicodeScalar(letter)) {
      case "%": pieces.append(.literal(UInt8(ascii: "%")))
      case "n": pieces.append(.literal(0x0A))
      case "t": pieces.append(.literal(0x09))
      case "F": compile(Array("%Y-%m-%d".utf8), into: &pieces)
      case "T", "X": compile(Array("%H:%M:%S".utf8), into: &pieces)
      case "R": compile(Array("%H:%M".utf8), into: &pieces)
      case "D", "x": compile(Array("%m/%d/%y".utf8), into: &pieces)
      case "c": compile(Array("%a %b %e %H:%M:%S %Y".utf8), into: &pieces)
      case "r": compile(Array("%I:%M:%S %p".utf8), into: &pieces)
      case "a", "A", "b", "B", "h", "C", "d", "e", "G", "g", "H", "I", "j", "k", "l", "L", "m",
        "M", "N", "p", "s", "S", "u", "U", "V", "w", "W", "y", "Y", "z", "Z":
        pieces.append(.field(letter))
      default:
        pieces.append(.literal(UInt8(ascii: "%")))
        pieces.append(.literal(letter))
      }
    }
  }

  /// Writes the form of a time; `out` has room for `bytesMax` bytes.
  ///
  /// - Parameter nanoseconds: since 1970-01-01T00:00:00Z.
  /// - Returns: the number of bytes written.
  public func write(_ nanoseconds: Int64, to out: UnsafeMutablePointer<UInt8>) -> Int {
    let moment = Moment(nanoseconds)
    var writer = DigitWriter(out: out)
    for piece in pieces {
      switch piece {
      case .literal(let byte): writer.put(byte)
      case .field(let letter): moment.write(letter, &writer)
      }
    }
    return writer.count
  }

  /// The form of a time as a new string, for messages and tests.
  public func string(_ nanoseconds: Int64) -> String {
    let bytes = [UInt8](unsafeUninitializedCapacity: max(bytesMax, 1)) { buffer, count in
      count = buffer.baseAddress.map { write(nanoseconds, to: $0) } ?? 0
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// Puts digits and letters one behind the other.
struct DigitWriter {
  let out: UnsafeMutablePointer<UInt8>
  var count = 0

  @inline(__always)
  mutating func put(_ byte: UInt8) {
    out[count] = byte
    count &+= 1
  }

  /// A number of at least `width` digits, filled up with `fill`.
  mutating func number(_ value: Int, _ width: Int, fill: UInt8 = 0x30) {
    if value < 0 { put(UInt8(ascii: "-")) }
    let magnitude = value.magnitude
    var scale: UInt = 1
    var digits = 1
    while magnitude / scale >= 10 {
      scale &*= 10
      digits &+= 1
    }
    while digits < width {
      put(fill)
      digits &+= 1
    }
    while scale > 0 {
      put(0x30 &+ UInt8(truncatingIfNeeded: magnitude / scale % 10))
      scale /= 10
    }
  }

  /// The first `length` bytes of a lower-case name with a capital in front.
  mutating func name(_ text: StaticString, _ length: Int) {
    for index in 0..<min(length, text.utf8CodeUnitCount) {
      put(index == 0 ? text.utf8Start[0] & 0xDF : text.utf8Start[index])
    }
  }
}

/// A moment taken apart in UTC.
private struct Moment {
  let seconds: Int64
  let nanoseconds: Int
  let days: Int64
  let second: Int
  let year: Int
  let month: Int
  let day: Int

  init(_ time: Int64) {
    (seconds, nanoseconds) = CivilTime.split(nanoseconds: time)
    let rest = seconds % CivilTime.secondsPerDay
    second = Int(rest < 0 ? rest &+ CivilTime.secondsPerDay : rest)
    days = (seconds &- Int64(second)) / CivilTime.secondsPerDay
    (year, month, day) = CivilTime.date(days: days)
  }

  private var hour: Int { second / 3600 }
  private var hour12: Int { (hour + 11) % 12 + 1 }
  private var weekday: Int { CivilTime.weekday(days: days) }
  private var dayOfYear: Int { Int(days - CivilTime.days(year: year, month: 1, day: 1)) }

  /// The ISO 8601 year and week: the week belongs to the year of its Thursday.
  private var isoWeek: (year: Int, week: Int) {
    let thursday = days + Int64(3 - (weekday + 6) % 7)
    let isoYear = CivilTime.date(days: thursday).year
    return (isoYear, Int(thursday - CivilTime.days(year: isoYear, month: 1, day: 1)) / 7 + 1)
  }

  func write(_ letter: UInt8, _ out: inout DigitWriter) {
    switch letter {
    case UInt8(ascii: "Y"): out.number(year, 4)
    case UInt8(ascii: "m"): out.number(month, 2)
    case UInt8(ascii: "d"): out.number(day, 2)
    case UInt8(ascii: "e"): out.number(day, 2, fill: 0x20)
    case UInt8(ascii: "H"): out.number(hour, 2)
    case UInt8(ascii: "k"): out.number(hour, 2, fill: 0x20)
    case UInt8(ascii: "I"): out.number(hour12, 2)
    case UInt8(ascii: "l"): out.number(hour12, 2, fill: 0x20)
    case UInt8(ascii: "M"): out.number(second / 60 % 60, 2)
    case UInt8(ascii: "S"): out.number(second % 60, 2)
    case UInt8(ascii: "L"): out.number(nanoseconds / 1_000_000, 3)
    case UInt8(ascii: "N"): out.number(nanoseconds, 9)
    case UInt8(ascii: "s"): out.number(Int(seconds), 1)
    case UInt8(ascii: "y"): out.number(year % 100, 2)
    case UInt8(ascii: "C"): out.number(year / 100, 2)
    case UInt8(ascii: "j"): out.number(dayOfYear + 1, 3)
    case UInt8(ascii: "p"):
      out.put(UInt8(ascii: hour < 12 ? "A" : "P"))
      out.put(UInt8(ascii: "M"))
    case UInt8(ascii: "z"): for byte in "+0000".utf8 { out.put(byte) }
    case UInt8(ascii: "Z"): for byte in "UTC".utf8 { out.put(byte) }
    default: writeWeek(letter, &out)
    }
  }

  private func writeWeek(_ letter: UInt8, _ out: inout DigitWriter) {
    switch letter {
    case UInt8(ascii: "a"): out.name(TimeNames.weekdays[weekday], 3)
    case UInt8(ascii: "A"): out.name(TimeNames.weekdays[weekday], 9)
    case UInt8(ascii: "b"), UInt8(ascii: "h"): out.name(TimeNames.months[month - 1], 3)
    case UInt8(ascii: "B"): out.name(TimeNames.months[month - 1], 9)
    case UInt8(ascii: "u"): out.number(weekday == 0 ? 7 : weekday, 1)
    case UInt8(ascii: "w"): out.number(weekday, 1)
    case UInt8(ascii: "U"): out.number((dayOfYear + 7 - weekday) / 7, 2)
    case UInt8(ascii: "W"): out.number((dayOfYear + 7 - (weekday + 6) % 7) / 7, 2)
    case UInt8(ascii: "V"): out.number(isoWeek.week, 2)
    case UInt8(ascii: "G"): out.number(isoWeek.year, 4)
    case UInt8(ascii: "g"): out.number(isoWeek.year % 100, 2)
    default: out.put(letter)
    }
  }
}
