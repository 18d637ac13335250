/// A time zone rule as POSIX writes it in `TZ`: `CET-1CEST,M3.5.0,M10.5.0/3`.
struct PosixZone: Equatable {
  /// A day of the year and a time on it.
  struct Change: Equatable {
    enum Day: Equatable {
      /// The `week`th `weekday` (0 = Sunday) of a month; week 5 is the last one.
      case month(Int, week: Int, weekday: Int)
      /// Day 1–365, 29 February never counted.
      case julian(Int)
      /// Day 0–365.
      case ordinal(Int)
    }
    var day: Day
    /// Seconds after local midnight.
    var seconds: Int
  }

  /// Seconds east of UTC.
  var standard = 0
  /// Daylight saving time: seconds east of UTC, its start and its end.
  var daylight: (offset: Int, start: Change, end: Change)?

  static func == (a: PosixZone, b: PosixZone) -> Bool {
    a.standard == b.standard && a.daylight?.offset == b.daylight?.offset
      && a.daylight?.start == b.daylight?.start && a.daylight?.end == b.daylight?.end
  }

  /// Reads a rule; nil for text that is none.
  init?(_ text: String) {
    var reader = Reader(bytes: Array(text.utf8))
    guard reader.name(), let west = reader.time(signed: true) else { return nil }
    standard = -west
    if reader.isAtEnd { return }
    guard reader.name() else { return nil }
    var offset = standard + 3600
    if !reader.isAtEnd, reader.peek != UInt8(ascii: ",") {
      guard let west = reader.time(signed: true) else { return nil }
      offset = -west
    }
    if reader.isAtEnd {
      // Without dates the rule of the United States holds.
      let start = Change(day: .month(3, week: 2, weekday: 0), seconds: 7200)
      daylight = (offset, start, Change(day: .month(11, week: 1, weekday: 0), seconds: 7200))
      return
    }
    guard let start = reader.change(), let end = reader.change(), reader.isAtEnd else {
      return nil
    }
    daylight = (offset, start, end)
  }

  /// Every change of offset in a span of years, ascending.
  func changes(from first: Int, through last: Int) -> [(moment: Int64, offset: Int32)] {
    guard let daylight, first <= last else { return [] }
    var result: [(moment: Int64, offset: Int32)] = []
    for year in first...last {
      let start = moment(daylight.start, year, offset: standard)
      let end = moment(daylight.end, year, offset: daylight.offset)
      result.append((start, Int32(daylight.offset)))
      result.append((end, Int32(standard)))
    }
    return result.sorted { $0.moment < $1.moment }
  }

  private func moment(_ change: Change, _ year: Int, offset: Int) -> Int64 {
    let days: Int64
    switch change.day {
    case .ordinal(let day): days = CivilTime.days(year: year, month: 1, day: day + 1)
    case .julian(let day):
      let leap = CivilTime.isLeap(year) && day >= 60 ? 1 : 0
      days = CivilTime.days(year: year, month: 1, day: day + leap)
    case .month(let month, let week, let weekday):
      let first = CivilTime.days(year: year, month: month, day: 1)
      var day = 1 + (weekday - CivilTime.weekday(days: first) + 7) % 7 + 7 * (week - 1)
      while day > CivilTime.length(ofMonth: month, year: year) { day -= 7 }
      days = first + Int64(day - 1)
    }
    return days * CivilTime.secondsPerDay + Int64(change.seconds - offset)
  }

  /// A cursor over the rule's text.
  private struct Reader {
    let bytes: [UInt8]
    var index = 0

    var isAtEnd: Bool { index >= bytes.count }
    var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    mutating func take(_ byte: UInt8) -> Bool {
      guard peek == byte else { return false }
      index += 1
      return true
    }

    /// A name of three letters or more, or one between angle brackets.
    mutating func name() -> Bool {
      let start = index
      if take(UInt8(ascii: "<")) {
        while let byte = peek, byte != UInt8(ascii: ">") { _ = take(byte) }
        return take(UInt8(ascii: ">"))
      }
      while let byte = peek, (byte | 0x20) &- 0x61 <= 25 { index += 1 }
      return index - start >= 3
    }

    mutating func number(max: Int) -> Int? {
      var value: Int?
      while let byte = peek, byte &- 0x30 <= 9, (value ?? 0) <= max {
        value = (value ?? 0) * 10 + Int(byte - 0x30)
        index += 1
      }
      return value.flatMap { $0 <= max ? $0 : nil }
    }

    /// `hh[:mm[:ss]]` in seconds, with a sign where allowed.
    mutating func time(signed: Bool) -> Int? {
      var sign = 1
      if signed {
        if take(UInt8(ascii: "-")) { sign = -1 } else { _ = take(UInt8(ascii: "+")) }
      }
      guard var seconds = number(max: 167).map({ $0 * 3600 }) else { return nil }
      for unit in [60, 1] where take(UInt8(ascii: ":")) {
        guard let part = number(max: 59) else { return nil }
        seconds += part * unit
      }
      return sign * seconds
    }

    mutating func change() -> Change? {
      guard take(UInt8(ascii: ",")), let day = day() else { return nil }
      guard take(UInt8(ascii: "/")) else { return Change(day: day, seconds: 7200) }
      return time(signed: true).map { Change(day: day, seconds: $0) }
    }

    private mutating func day() -> Change.Day? {
      if take(UInt8(ascii: "J")) { return number(max: 365).map { .julian($0) } }
      guard take(UInt8(ascii: "M")) else { return number(max: 365).map { .ordinal($0) } }
      guard let month = number(max: 12), month >= 1, take(UInt8(ascii: ".")),
        let week = number(max: 5), week >= 1, take(UInt8(ascii: ".")),
        let weekday = number(max: 6)
      else { return nil }
      return .month(month, week: week, weekday: weekday)
    }
  }
}
