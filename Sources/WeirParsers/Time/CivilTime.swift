/// Calendar arithmetic of the proleptic Gregorian calendar, in whole days and seconds.
public enum CivilTime {
  public static let secondsPerDay: Int64 = 86_400
  /// The last second that fits in a 64-bit count of nanoseconds: year 2262.
  static let secondsMax: Int64 = 9_223_372_035
  static let secondsMin: Int64 = -9_223_372_036

  /// Days from 1970-01-01 to a date; `month` 1–12, `day` may lie outside the month.
  @inline(__always)
  public static func days(year: Int, month: Int, day: Int) -> Int64 {
    // Years that begin in March put the leap day at the end.
    let shifted = month <= 2 ? year &- 1 : year
    let era = (shifted >= 0 ? shifted : shifted &- 399) / 400
    let yearOfEra = shifted &- era &* 400
    let dayOfYear = (153 &* (month > 2 ? month &- 3 : month &+ 9) &+ 2) / 5 &+ day &- 1
    let dayOfEra = yearOfEra &* 365 &+ yearOfEra / 4 &- yearOfEra / 100 &+ dayOfYear
    return Int64(era &* 146_097 &+ dayOfEra &- 719_468)
  }

  /// The date of a count of days since 1970-01-01.
  @inline(__always)
  public static func date(days: Int64) -> (year: Int, month: Int, day: Int) {
    let shifted = Int(days) &+ 719_468
    let era = (shifted >= 0 ? shifted : shifted &- 146_096) / 146_097
    let dayOfEra = shifted &- era &* 146_097
    let yearOfEra =
      (dayOfEra &- dayOfEra / 1_460 &+ dayOfEra / 36_524 &- dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra &- (365 &* yearOfEra &+ yearOfEra / 4 &- yearOfEra / 100)
    let part = (5 &* dayOfYear &+ 2) / 153
    let month = part < 10 ? part &+ 3 : part &- 9
    let year = yearOfEra &+ era &* 400 &+ (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear &- (153 &* part &+ 2) / 5 &+ 1)
  }

  /// Day of the week, 0 = Sunday.
  @inline(__always)
  public static func weekday(days: Int64) -> Int {
    let remainder = Int((days &+ 4) % 7)
    return remainder < 0 ? remainder &+ 7 : remainder
  }

  /// Whether February of a year has 29 days.
  public static func isLeap(_ year: Int) -> Bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
  }

  /// Days in a month, 1–12.
  public static func length(ofMonth month: Int, year: Int) -> Int {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Whole seconds and the rest, rounding towards the past.
  @inline(__always)
  static func split(nanoseconds: Int64) -> (seconds: Int64, nanoseconds: Int) {
    var seconds = nanoseconds / 1_000_000_000
    var rest = nanoseconds % 1_000_000_000
    if rest < 0 {
      seconds &-= 1
      rest &+= 1_000_000_000
    }
    return (seconds, Int(rest))
  }
}
