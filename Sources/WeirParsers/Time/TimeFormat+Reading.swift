/// What has been read of a time so far.
struct TimeParts {
  var year = 1970
  var month = 1
  var day = 1
  var dayOfYear = 0
  var hour = 0
  var minute = 0
  var second = 0
  var nanoseconds = 0
  /// `%p`: nil when not seen.
  var isAfternoon: Bool?
  /// `%C` times 100, and `%y`; -1 when not seen.
  var century = -1
  var yearOfCentury = -1
  /// Seconds east of UTC as read.
  var offset = 0
  var epoch: Int64 = 0
  var hasYear = false
  var hasMonth = false
  var hasDay = false
  var hasDayOfYear = false
  var hasOffset = false
  var hasEpoch = false
}

/// What came of reading a time.
public enum TimeReading: Equatable, Sendable {
  /// Nanoseconds since 1970-01-01T00:00:00Z.
  case time(Int64)
  /// The text is not of the format.
  case unreadable
  /// The text is of the format, and its time is none that 64 bits of nanoseconds can hold.
  case outOfRange
}

extension TimeFormat {
  /// Reads a time from `count` bytes at `text`; what follows the format is ignored.
  ///
  /// - Parameter now: wall clock in nanoseconds, for formats without a year or a date.
  public func reading(
    _ text: UnsafePointer<UInt8>, _ count: Int, now: Int64
  ) -> TimeReading {
    var parts = TimeParts()
    var position = 0
    var first = 0
    if let isoSeparator, Self.readISO(text, count, isoSeparator, &parts) {
      position = 19
      first = 11
    }
    let isRead = operations.withUnsafeBufferPointer { steps in
      var index = first
      while index < steps.count {
        if !Self.read(steps[index], text, count, &position, &parts) {
          if isStrict || index < dateEnd { return false }
          // Not strict: a date does, with as much of the clock as there is; where only the fraction
          // is missing, the rest, a zone, may be there.
          if index < coreEnd { return true }
        }
        index &+= 1
      }
      return true
    }
    return isRead ? resolve(&parts, now) : .unreadable
  }

  /// `YYYY-MM-DDxHH:MM:SS` in exactly 19 bytes; false leaves it to the steps.
  @inline(__always)
  private static func readISO(
    _ p: UnsafePointer<UInt8>, _ count: Int, _ separator: UInt8, _ parts: inout TimeParts
  ) -> Bool {
    guard count >= 19, p[4] == UInt8(ascii: "-"), p[7] == UInt8(ascii: "-"), p[10] == separator,
      p[13] == UInt8(ascii: ":"), p[16] == UInt8(ascii: ":")
    else { return false }
    // A byte below "0" wraps to a large number: one comparison finds any that is no digit.
    var worst: UInt8 = 0
    @inline(__always) func two(_ at: Int) -> Int {
      let (tens, ones) = (p[at] &- 0x30, p[at &+ 1] &- 0x30)
      worst = max(worst, max(tens, ones))
      return Int(tens) &* 10 &+ Int(ones)
    }
    let year = two(0) &* 100 &+ two(2)
    let (month, day, hour) = (two(5), two(8), two(11))
    let (minute, second) = (two(14), two(17))
    guard worst <= 9, month >= 1, month <= 12, day >= 1, day <= 31, hour <= 23, minute <= 59,
      second <= 60
    else { return false }
    parts.year = year
    parts.month = month
    parts.day = day
    parts.hour = hour
    parts.minute = minute
    parts.second = second
    parts.hasYear = true
    parts.hasMonth = true
    parts.hasDay = true
    return true
  }

  private static func read(
    _ operation: Operation, _ p: UnsafePointer<UInt8>, _ count: Int, _ at: inout Int,
    _ parts: inout TimeParts
  ) -> Bool {
    if operation.step == .blank {
      skipBlanks(p, count, &at)
      return true
    }
    guard at < count else { return false }
    switch operation.step {
    case .literal:
      guard p[at] == operation.byte else { return false }
      at &+= 1
      return true
    case .fraction: return readFraction(p, count, &at, &parts)
    case .zoneOffset: return readOffset(p, count, &at, &parts)
    case .zoneName: return readZoneName(p, count, &at, &parts)
    case .hour, .hour12, .minute, .second, .meridian:
      return readClock(operation.step, p, count, &at, &parts)
    case .epoch: return readEpoch(p, count, &at, &parts)
    default: return readDate(operation.step, p, count, &at, &parts)
    }
  }

  private static func readDate(
    _ step: Step, _ p: UnsafePointer<UInt8>, _ count: Int, _ at: inout Int,
    _ parts: inout TimeParts
  ) -> Bool {
    var ignored = 0
    switch step {
    case .year:
      guard number(p, count, &at, 4, 0, 9999, &parts.year) else { return false }
      parts.yearOfCentury = -1
      parts.hasYear = true
    case .century: return number(p, count, &at, 2, 0, 99, &parts.century)
    case .yearOfCentury: return number(p, count, &at, 2, 0, 99, &parts.yearOfCentury)
    case .month:
      guard number(p, count, &at, 2, 1, 12, &parts.month) else { return false }
      parts.hasMonth = true
    case .monthName:
      let index = TimeNames.month(p, count, &at)
      guard index >= 0 else { return false }
      parts.month = index &+ 1
      parts.hasMonth = true
    case .blankDay, .day:
      if step == .blankDay, isBlank(p[at]) { at &+= 1 }
      guard number(p, count, &at, 2, 1, 31, &parts.day) else { return false }
      parts.hasDay = true
    case .dayOfYear:
      guard number(p, count, &at, 3, 1, 366, &parts.dayOfYear) else { return false }
      parts.hasDayOfYear = true
    case .weekdayName: return TimeNames.weekday(p, count, &at) >= 0
    case .weekdaySunday: return number(p, count, &at, 1, 0, 6, &ignored)
    case .weekdayMonday: return number(p, count, &at, 1, 1, 7, &ignored)
    case .week, .isoWeek: return number(p, count, &at, 2, 0, 53, &ignored)
    case .isoYearOfCentury: return number(p, count, &at, 2, 0, 99, &ignored)
    case .isoYear: return number(p, count, &at, 4, 0, 9999, &ignored)
    default: return false
    }
    return true
  }

  private static func readClock(
    _ step: Step, _ p: UnsafePointer<UInt8>, _ count: Int, _ at: inout Int,
    _ parts: inout TimeParts
  ) -> Bool {
    switch step {
    case .hour: return number(p, count, &at, 2, 0, 23, &parts.hour)
    case .hour12: return number(p, count, &at, 2, 1, 12, &parts.hour)
    case .minute: return number(p, count, &at, 2, 0, 59, &parts.minute)
    case .second: return number(p, count, &at, 2, 0, 60, &parts.second)
    default:
      guard at &+ 1 < count, p[at &+ 1] | 0x20 == UInt8(ascii: "m") else { return false }
      let letter = p[at] | 0x20
      guard letter == UInt8(ascii: "a") || letter == UInt8(ascii: "p") else { return false }
      parts.isAfternoon = letter == UInt8(ascii: "p")
      at &+= 2
      return true
    }
  }

  /// One to nine digits; more are left where they are.
  private static func readFraction(
    _ p: UnsafePointer<UInt8>, _ count: Int, _ at: inout Int, _ parts: inout TimeParts
  ) -> Bool {
    var value = 0
    var digits = 0
    while digits < 9, at < count, p[at] &- 0x30 <= 9 {
      value = value &* 10 &+ Int(p[at] &- 0x30)
      at &+= 1
      digits &+= 1
    }
    if digits == 0 { return false }
    while digits < 9 {
      value = value &* 10
      digits &+= 1
    }
    parts.nanoseconds = value
    return true
  }

  private static func readEpoch(
    _ p: UnsafePointer<UInt8>, _ count: Int, _ at: inout Int, _ parts: inout TimeParts
  ) -> Bool {
    var value: Int64 = 0
    var digits = 0
    while at < count, p[at] &- 0x30 <= 9 {
      // More digits than these are beyond every range anyway.
      value = digits < 18 ? value &* 10 &+ Int64(p[at] &- 0x30) : .max
      at &+= 1
      digits &+= 1
    }
    guard digits > 0 else { return false }
    parts.epoch = value
    parts.hasEpoch = true
    return true
  }

  /// At most `width` digits between two bounds; stops before a digit that would pass the upper one.
  @inline(__always)
  private static func number(
    _ p: UnsafePointer<UInt8>, _ count: Int, _ at: inout Int, _ width: Int, _ low: Int,
    _ high: Int, _ value: inout Int
  ) -> Bool {
    var result = 0
    var digits = 0
    while digits < width, at < count, p[at] &- 0x30 <= 9, digits == 0 || result &* 10 <= high {
      result = result &* 10 &+ Int(p[at] &- 0x30)
      at &+= 1
      digits &+= 1
    }
    guard digits > 0, result >= low, result <= high else { return false }
    value = result
    return true
  }

  @inline(__always)
  static func skipBlanks(_ p: UnsafePointer<UInt8>, _ count: Int, _ at: inout Int) {
    while at < count, isBlank(p[at]) { at &+= 1 }
  }
}
