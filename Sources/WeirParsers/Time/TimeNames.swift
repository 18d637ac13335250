/// English names of months and weekdays, read without regard to case, and zone abbreviations.
enum TimeNames {
  static let months: [StaticString] = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
  ]
  static let weekdays: [StaticString] = [
    "sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday",
  ]

  /// Index of the month whose full or three-letter name is at `at`, which moves behind it; or -1.
  static func month(_ p: UnsafePointer<UInt8>, _ count: Int, _ at: inout Int) -> Int {
    lookup(months, p, count, &at)
  }

  /// Index of the weekday, 0 = Sunday, likewise.
  static func weekday(_ p: UnsafePointer<UInt8>, _ count: Int, _ at: inout Int) -> Int {
    lookup(weekdays, p, count, &at)
  }

  private static func lookup(
    _ names: [StaticString], _ p: UnsafePointer<UInt8>, _ count: Int, _ at: inout Int
  ) -> Int {
    guard at &+ 3 <= count else { return -1 }
    for index in names.indices {
      let name = names[index].utf8Start
      guard
        p[at] | 0x20 == name[0], p[at &+ 1] | 0x20 == name[1], p[at &+ 2] | 0x20 == name[2]
      else { continue }
      var length = 3
      let full = names[index].utf8CodeUnitCount
      while length < full, at &+ length < count, p[at &+ length] | 0x20 == name[length] {
        length &+= 1
      }
      at &+= length == full ? full : 3
      return index
    }
    return -1
  }

  /// Seconds east of UTC of a zone abbreviation of `count` bytes, any case; nil when unknown.
  static func zoneOffset(_ p: UnsafePointer<UInt8>, _ count: Int) -> Int? {
    if count == 1 { return military(p[0] | 0x20) }
    guard count >= 2, count <= 4 else { return nil }
    var key: UInt32 = 0
    for index in 0..<count { key = key << 8 | UInt32(p[index] & 0xDF) }
    return abbreviations[key]
  }

  /// Single letters run east from A to M and west from N to Y; J is nobody's, Z is UTC.
  private static func military(_ letter: UInt8) -> Int? {
    switch letter {
    case UInt8(ascii: "a")...UInt8(ascii: "i"): Int(letter - UInt8(ascii: "a") + 1) * 3600
    case UInt8(ascii: "k")...UInt8(ascii: "m"): Int(letter - UInt8(ascii: "a")) * 3600
    case UInt8(ascii: "n")...UInt8(ascii: "y"): -Int(letter - UInt8(ascii: "n") + 1) * 3600
    case UInt8(ascii: "z"): 0
    default: nil
    }
  }

  private static let abbreviations: [UInt32: Int] = {
    var table: [UInt32: Int] = [:]
    for (name, minutes) in zones {
      table[name.utf8.reduce(0) { $0 << 8 | UInt32($1) }] = minutes * 60
    }
    return table
  }()

  /// Abbreviations that name one zone for most readers, with minutes east of UTC.
  private static let zones: [(String, Int)] = [
    ("GMT", 0), ("UTC", 0), ("UT", 0),
    ("EST", -300), ("EDT", -240), ("CST", -360), ("CDT", -300), ("MST", -420), ("MDT", -360),
    ("PST", -480), ("PDT", -420), ("AKST", -540), ("AKDT", -480), ("HST", -600), ("HADT", -540),
    ("AST", -240), ("ADT", -180), ("NST", -210), ("NDT", -150),
    ("WET", 0), ("WEST", 60), ("CET", 60), ("CEST", 120), ("EET", 120), ("EEST", 180),
    ("MSK", 180), ("ART", -180), ("BRT", -180), ("BRST", -120), ("CLT", -240), ("CLST", -180),
    ("AEST", 600), ("AEDT", 660), ("ACST", 570), ("ACDT", 630), ("AWST", 480), ("NZST", 720),
    ("NZDT", 780), ("JST", 540), ("KST", 540), ("SGT", 480), ("IST", 330), ("GST", 240),
    ("ICT", 420), ("WIB", 420), ("WITA", 480), ("WIT", 540), ("MYT", 480), ("BDT", 360),
    ("NPT", 345), ("WAT", 60), ("CAT", 120), ("EAT", 180), ("SAST", 120),
  ]
}

extension TimeFormat {
  /// `Z`, `UTC`, `GMT`, `UT`, `+hh`, `+hhmm`, `+hh:mm`, and the zones of RFC 822 in America.
  static func readOffset(
    _ p: UnsafePointer<UInt8>, _ count: Int, _ at: inout Int, _ parts: inout TimeParts
  ) -> Bool {
    skipBlanks(p, count, &at)
    guard at < count else { return false }
    let sign = p[at]
    guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else {
      return readOffsetName(p, count, &at, &parts)
    }
    var index = at &+ 1
    func digit() -> Int? {
      guard index < count, p[index] &- 0x30 <= 9 else { return nil }
      index &+= 1
      return Int(p[index &- 1] &- 0x30)
    }
    guard let tens = digit(), let ones = digit() else { return false }
    var seconds = (tens &* 10 &+ ones) &* 3600
    let colon = index
    if index < count, p[index] == UInt8(ascii: ":") { index &+= 1 }
    if let tens = digit() {
      guard let ones = digit() else { return false }
      seconds &+= (tens &* 10 &+ ones) &* 60
    } else {
      index = colon
    }
    parts.offset = sign == UInt8(ascii: "-") ? -seconds : seconds
    parts.hasOffset = true
    at = index
    return true
  }

  private static func readOffsetName(
    _ p: UnsafePointer<UInt8>, _ count: Int, _ at: inout Int, _ parts: inout TimeParts
  ) -> Bool {
    let rest = count &- at
    func begins(_ name: StaticString) -> Bool {
      guard rest >= name.utf8CodeUnitCount else { return false }
      for index in 0..<name.utf8CodeUnitCount
      where p[at &+ index] != name.utf8Start[index] {
        return false
      }
      return true
    }
    var length = 3
    var offset: Int?
    if begins("Z") {
      (length, offset) = (1, 0)
    } else if begins("UTC") || begins("GMT") {
      offset = 0
    } else if begins("UT") {
      (length, offset) = (2, 0)
    } else if rest >= 3, p[at &+ 2] | 0x20 == UInt8(ascii: "t"),
      p[at &+ 1] | 0x20 == UInt8(ascii: "s") || p[at &+ 1] | 0x20 == UInt8(ascii: "d")
    {
      switch p[at] | 0x20 {
      case UInt8(ascii: "e"), UInt8(ascii: "c"), UInt8(ascii: "m"), UInt8(ascii: "p"):
        offset = TimeNames.zoneOffset(p + at, 3)
      default: break
      }
    }
    guard let offset else { return false }
    parts.offset = offset
    parts.hasOffset = true
    at &+= length
    return true
  }

  /// A known abbreviation that no letter or digit follows.
  static func readZoneName(
    _ p: UnsafePointer<UInt8>, _ count: Int, _ at: inout Int, _ parts: inout TimeParts
  ) -> Bool {
    var end = at
    while end < count, end &- at < 5, isAlphanumeric(p[end]) { end &+= 1 }
    guard let offset = TimeNames.zoneOffset(p + at, end &- at) else { return false }
    parts.offset = offset
    parts.hasOffset = true
    at = end
    return true
  }

  @inline(__always)
  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    byte &- 0x30 <= 9 || (byte | 0x20) &- 0x61 <= 25
  }
}
