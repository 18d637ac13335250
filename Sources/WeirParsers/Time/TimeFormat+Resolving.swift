// A time without a year is of this year, except around New Year: a line of 31 December read on
// 1 January is of last year, and one of 1 January read on a slow clock's 31 December of the next.
// Logs don't come from the future, so a date that would lie more than a week ahead is last year's.

extension TimeFormat {
  /// How far ahead of the clock a time without a year may lie before it is last year's, in seconds.
  static let aheadSecondsMax: Int64 = 7 * CivilTime.secondsPerDay
  /// How far ahead a time without a date may lie before it is yesterday's, in seconds.
  static let laterTodaySecondsMax: Int64 = CivilTime.secondsPerDay / 2
  /// How far ahead a time of next year may lie, for clocks that run apart, in seconds.
  static let nextYearSecondsMax: Int64 = 2 * CivilTime.secondsPerDay

  /// The time of what was read.
  func resolve(_ parts: inout TimeParts, _ now: Int64) -> TimeReading {
    if parts.hasEpoch { return Self.join(parts.epoch, parts.nanoseconds) }
    if let isAfternoon = parts.isAfternoon {
      guard parts.hour <= 12 else { return .unreadable }
      parts.hour = parts.hour % 12 &+ (isAfternoon ? 12 : 0)
    }
    if parts.yearOfCentury >= 0 {
      let base =
        parts.century >= 0 ? parts.century &* 100 : parts.yearOfCentury <= 68 ? 2000 : 1900
      parts.year = base &+ parts.yearOfCentury
      parts.hasYear = true
    }
    let clock = Int64(parts.hour &* 3600 &+ parts.minute &* 60 &+ parts.second)
    if parts.hasYear {
      return Self.join(
        universal(days(of: parts) &* CivilTime.secondsPerDay &+ clock, parts), parts.nanoseconds)
    }
    let nowSeconds = CivilTime.split(nanoseconds: now).seconds
    let localNow = nowSeconds &+ Int64(offset(at: nowSeconds, parts))
    let today = Self.floorDays(localNow)
    if !parts.hasMonth, !parts.hasDay, !parts.hasDayOfYear {
      let local = today &* CivilTime.secondsPerDay &+ clock
      let isYesterday = local &- localNow > Self.laterTodaySecondsMax
      return Self.join(
        universal(local &- (isYesterday ? CivilTime.secondsPerDay : 0), parts),
        parts.nanoseconds)
    }
    let date = CivilTime.date(days: today)
    if !parts.hasMonth { parts.month = date.month }
    if !parts.hasDay { parts.day = date.day }
    let local = yearless(parts, clock, thisYear: date.year, localNow)
    return Self.join(universal(local, parts), parts.nanoseconds)
  }

  /// Local seconds of a date without a year.
  private func yearless(
    _ parts: TimeParts, _ clock: Int64, thisYear: Int, _ localNow: Int64
  ) -> Int64 {
    var dated = parts
    func local(_ year: Int) -> Int64 {
      dated.year = year
      return days(of: dated) &* CivilTime.secondsPerDay &+ clock
    }
    // 29 February belongs to the latest leap year.
    if parts.month == 2, parts.day == 29, !parts.hasDayOfYear {
      var year = thisYear
      while !CivilTime.isLeap(year) { year &-= 1 }
      return local(year)
    }
    let current = local(thisYear)
    if current &- localNow > Self.aheadSecondsMax { return local(thisYear &- 1) }
    let next = local(thisYear &+ 1)
    return next &- localNow <= Self.nextYearSecondsMax ? next : current
  }

  private func days(of parts: TimeParts) -> Int64 {
    if parts.hasDayOfYear, !(parts.hasMonth && parts.hasDay) {
      return CivilTime.days(year: parts.year, month: 1, day: parts.dayOfYear)
    }
    return CivilTime.days(year: parts.year, month: parts.month, day: parts.day)
  }

  /// UTC seconds of local seconds.
  private func universal(_ local: Int64, _ parts: TimeParts) -> Int64 {
    if parts.hasOffset { return local &- Int64(parts.offset) }
    switch zone {
    case .utc: return local
    case .offset(let seconds): return local &- Int64(seconds)
    case .rules(let rules): return rules.universal(local: local)
    }
  }

  /// Seconds east of UTC at a moment.
  private func offset(at seconds: Int64, _ parts: TimeParts) -> Int {
    if parts.hasOffset { return parts.offset }
    switch zone {
    case .utc: return 0
    case .offset(let seconds): return seconds
    case .rules(let rules): return rules.offset(at: seconds)
    }
  }

  private static func floorDays(_ seconds: Int64) -> Int64 {
    let days = seconds / CivilTime.secondsPerDay
    return seconds % CivilTime.secondsPerDay < 0 ? days &- 1 : days
  }

  @inline(__always)
  private static func join(_ seconds: Int64, _ nanoseconds: Int) -> TimeReading {
    guard seconds >= CivilTime.secondsMin, seconds <= CivilTime.secondsMax else {
      return .outOfRange
    }
    return .time(seconds &* 1_000_000_000 &+ Int64(nanoseconds))
  }
}
