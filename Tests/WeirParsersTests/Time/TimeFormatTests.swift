import Testing

@testable import WeirParsers

/// 2026-02-03T04:05:06Z, the moment most vectors spell.
private let moment: Int64 = 1_770_091_506
/// 2026-11-23T12:00:00Z.
private let now: Int64 = 1_795_435_200 * 1_000_000_000

/// Nanoseconds of a text under a format, nil when it doesn't fit.
func read(
  _ format: String, _ text: String, zone: TimeFormat.Zone = .utc, strict: Bool = true,
  now clock: Int64 = now
) throws -> Int64? {
  let reading = try reading(format, text, zone: zone, strict: strict, now: clock)
  return if case .time(let time) = reading { time } else { nil }
}

/// What comes of reading a text under a format.
func reading(
  _ format: String, _ text: String, zone: TimeFormat.Zone = .utc, strict: Bool = true,
  now clock: Int64 = now
) throws -> TimeReading {
  let compiled = try TimeFormat(format, zone: zone, isStrict: strict)
  let bytes = Array(text.utf8) + [0]
  return bytes.withUnsafeBufferPointer { buffer in
    buffer.baseAddress.map { compiled.reading($0, buffer.count - 1, now: clock) } ?? .unreadable
  }
}

private func seconds(_ value: Int64, _ nanoseconds: Int64 = 0) -> Int64 {
  value * 1_000_000_000 + nanoseconds
}

@Suite("Reading times") struct TimeFormatTests {
  @Test("ISO 8601 with fraction and zone is exact to the nanosecond")
  func iso() throws {
    let format = "%Y-%m-%dT%H:%M:%S.%L%z"
    #expect(try read(format, "2026-02-03T04:05:06.789Z") == seconds(moment, 789_000_000))
    #expect(
      try read(format, "2026-02-03T04:05:06.123456789+02:00")
        == seconds(moment - 7200, 123_456_789))
    #expect(try read(format, "2026-02-03T04:05:06.5-0130") == seconds(moment + 5400, 500_000_000))
    #expect(
      try read(format, "2026-12-31T23:59:59.999999999Z") == seconds(1_798_761_599, 999_999_999))
    #expect(try read(format, "2024-02-29T00:00:00.000001Z") == seconds(1_709_164_800, 1000))
    #expect(try read(format, "2026-02-03T04:05:06Z") == nil)
    #expect(try read(format, "2026-02-03 04:05:06.5Z") == nil)
    #expect(try read(format, "2026-13-03T04:05:06.5Z") == nil)
    #expect(try read(format, "2026-02-0xT04:05:06.5Z") == nil)
    #expect(try read(format, "") == nil)
  }

  @Test("the fast path and the step by step path agree")
  func isoPathsAgree() throws {
    let seed: UInt64 = 0x71_3E
    var state = seed
    func next(_ bound: UInt64) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % bound)
    }
    // %n in front is a blank that matches nothing and keeps the fast path away.
    for round in 0..<2000 {
      var text = Array("2026-02-03 04:05:06.789".utf8)
      for _ in 0..<next(3) { text[next(23)] = Array("0123456789:- TxZ".utf8)[next(16)] }
      let string = String(decoding: text.prefix(15 + next(9)), as: UTF8.self)
      for format in ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%L"] {
        let fast = try read(format, string)
        let slow = try read("%n" + format, string)
        #expect(fast == slow, "seed \(seed) round \(round) '\(string)' '\(format)'")
      }
    }
  }

  @Test("fractions have one to nine digits; what follows is ignored")
  func fractions() throws {
    let format = "%Y-%m-%dT%H:%M:%S,%L"
    for (digits, value) in [
      ("1", 100_000_000), ("120", 120_000_000), ("000250", 250_000), ("000000025", 25),
      ("1234567899", 123_456_789), ("500 trailing", 500_000_000),
    ] {
      #expect(
        try read(format, "2026-02-03T04:05:06,\(digits)") == seconds(moment, Int64(value)),
        "\(digits)")
    }
    #expect(try read(format, "2026-02-03T04:05:06,") == nil)
    #expect(try read("%S.%L %Y %j", "06.5 2026 034") == seconds(moment - 14700, 500_000_000))
  }

  @Test("names of days and months in any case, padded and unpadded numbers")
  func names() throws {
    let format = "%A, %d-%B-%Y %T"
    for text in [
      "Tuesday, 03-February-2026 04:05:06", "tue, 03-feb-2026 04:05:06",
      "TUESDAY, 3-FEBRUARY-2026 4:5:6", "Tuesday,  3-February-2026 04:05:06",
    ] {
      #expect(try read(format, text) == seconds(moment), "\(text)")
    }
    #expect(try read(format, "Xday, 03-February-2026 04:05:06") == nil)
    #expect(try read("%a %b %d %H:%M:%S %Y", "Sun Dec 04 04:47:44 2005") == seconds(1_133_671_664))
    #expect(try read("%c", "Tue Feb  3 04:05:06 2026") == seconds(moment))
    #expect(try read("%b %e %T %Y", "May  3 04:05:06 2026") != nil)
  }

  @Test("twelve-hour clocks, also with the half of the day in front")
  func halfDays() throws {
    let format = "%m/%d/%Y %I:%M:%S %p"
    #expect(try read(format, "02/03/2026 12:00:01 AM") == seconds(1_770_076_801))
    #expect(try read(format, "02/03/2026 12:00:01 PM") == seconds(1_770_120_001))
    #expect(try read(format, "02/03/2026 01:30:00 pm") == seconds(1_770_125_400))
    #expect(try read(format, "02/03/2026 13:30:00 pm") == nil)
    #expect(try read("%p %I:%M %F", "PM 01:30 2026-02-03") == seconds(1_770_125_400))
    #expect(try read("%r %F", "01:30:00 PM 2026-02-03") == seconds(1_770_125_400))
  }

  @Test("composites, days of the year, two-digit years and centuries")
  func composites() throws {
    #expect(try read("%F %T", "2026-02-03 04:05:06") == seconds(moment))
    #expect(try read("%D %R", "02/03/26 04:05") == seconds(moment - 6))
    #expect(try read("%Y.%j %H%M%S", "2026.034 040506") == seconds(moment))
    #expect(try read("%C%y-%m-%d", "1999-12-31") == seconds(946_598_400))
    #expect(try read("%d.%m.%y %H:%M", "01.01.00 00:00") == seconds(946_684_800))
    #expect(try read("%d.%m.%y %H:%M", "31.12.68 23:59") == seconds(3_124_223_940))
    #expect(try read("%d.%m.%y %H:%M", "02.01.70 00:00") == seconds(86_400))
    #expect(try read("%d.%m.%y %H:%M", "15.06.99 12:30") == seconds(929_449_800))
    #expect(try read("%F week %V of %G, day %u", "2026-02-03 week 06 of 2026, day 2") != nil)
    #expect(try read("%Ey-%Om-%Od", "26-02-03") == seconds(1_770_076_800))
  }

  @Test("blanks of the format match any run of blanks, also none")
  func blanks() throws {
    let format = "at [%d.%m.%Y] %H h %M %% %S"
    #expect(try read(format, "at [03.02.2026] 04 h 05 % 06") == seconds(moment))
    #expect(try read(format, "at [03.02.2026]   04 h\t05 % 06") == seconds(moment))
    #expect(try read(format, "at[03.02.2026]04 h05%06") == seconds(moment))
    #expect(try read(format, "At [03.02.2026] 04 h 05 % 06") == nil)
  }

  @Test("seconds since 1970, whole and with a fraction, whatever the zone")
  func epoch() throws {
    #expect(try read("%s", "1770087906") == seconds(1_770_087_906))
    #expect(try read("%s.%L", "1770087906.123456789") == seconds(1_770_087_906, 123_456_789))
    #expect(try read("%s.%L", "0.25") == 250_000_000)
    #expect(try read("%s.%L", "1770087906") == nil)
    #expect(try read("%s.%L", "1770087906.") == nil)
    #expect(try read("%s", "1770087906", zone: .offset(3600)) == seconds(1_770_087_906))
    #expect(try read("%s", "99999999999999999999") == nil)
    #expect(try read("%s", "99999999999999") == nil, "beyond the year 2262")
  }

  @Test("zones in the text win over the parser's")
  func zones() throws {
    let format = "%Y-%m-%d %H:%M:%S %z"
    for (text, west) in [
      ("UTC", 0), ("GMT", 0), ("UT", 0), ("Z", 0), ("EST", 5), ("PDT", 7), ("+01", -1),
      ("-0200", 2), ("+03:00", -3), ("  +03", -3),
    ] {
      #expect(
        try read(format, "2026-01-01 00:00:00 \(text)", zone: .offset(5400))
          == seconds(1_767_225_600 + Int64(west) * 3600), "\(text)")
    }
    #expect(try read(format, "2026-01-01 00:00:00 XYZ") == nil)
    #expect(try read(format, "2026-01-01 00:00:00 +0") == nil)
    let named = "%F %T %Z|"
    #expect(try read(named, "2026-01-01 00:00:00 CEST|") == seconds(1_767_225_600 - 7200))
    #expect(try read(named, "2026-01-01 00:00:00 nst|") == seconds(1_767_225_600 + 12_600))
    #expect(try read(named, "2026-01-01 00:00:00 Q|") == seconds(1_767_225_600 + 14_400))
    #expect(try read(named, "2026-01-01 00:00:00 CESTX|") == nil)
    #expect(try read(named, "2026-01-01 00:00:00 J|") == nil)
  }

  @Test("an offset applies to times without a zone")
  func offsets() throws {
    #expect(TimeFormat.offset("+0530") == 19_800)
    #expect(TimeFormat.offset("-06:00") == -21_600)
    for bad in ["0000", "+00:90", "--600", "+1", "+24:00", "+05300", ""] {
      #expect(TimeFormat.offset(bad) == nil, "\(bad)")
    }
    #expect(
      try read("%F %T", "2026-01-01 05:30:00", zone: .offset(19_800)) == seconds(1_767_225_600))
  }

  @Test("not strict: a missing fraction or zone is forgiven, the rest is not")
  func partial() throws {
    let format = "%Y-%m-%dT%H:%M:%S.%L%z"
    #expect(try read(format, "2026-02-03T04:05:06", strict: false) == seconds(moment))
    #expect(
      try read(format, "2026-02-03T04:05:06+02:00", strict: false) == seconds(moment - 7200),
      "the zone counts even where the fraction is missing")
    #expect(
      try read(format, "2026-02-03T04:05:06.5", strict: false) == seconds(moment, 500_000_000))
  }

  @Test("without strictness a date does, with as much of the clock as there is")
  func dateOnly() throws {
    let format = "%Y-%m-%dT%H:%M:%S.%L%z"
    let midnight = moment - 4 * 3600 - 5 * 60 - 6
    for text in ["2026-02-03", "2026-02-03 04:05:06", "2026-02-03T", "2026-02-03Tx"] {
      #expect(try read(format, text, strict: false) == seconds(midnight), "\(text)")
      #expect(try read(format, text) == nil, "\(text)")
    }
    #expect(try read(format, "2026-02-03T04:05", strict: false) == seconds(moment - 6))
    #expect(try read(format, "2026-02-03T04", strict: false) == seconds(moment - 6 - 300))
    for text in ["", "x", "2026", "2026-02", "2026-02-xx", "2026-13-03"] {
      #expect(try reading(format, text, strict: false) == .unreadable, "\(text)")
    }
    #expect(
      try read("%d/%b/%Y:%H:%M:%S", "03/Feb/2026", strict: false) == seconds(midnight))
    #expect(try read("%H:%M:%S %Y-%m-%d", "04:05:06 2026", strict: false) == nil)
    #expect(try read("%H:%M:%S", "04:05", strict: false) == nil)
  }

  @Test("a time that no record can have is told apart from a text of another form")
  func outOfRange() throws {
    for text in ["1700000000000", "9223372036", "99999999999999999999999"] {
      #expect(try reading("%s", text) == .outOfRange, "\(text)")
    }
    #expect(try reading("%s", "9223372035") == .time(9_223_372_035_000_000_000))
    #expect(try reading("%Y-%m-%d", "9999-12-31") == .outOfRange)
    #expect(try reading("%Y-%m-%d", "1500-12-31") == .outOfRange)
    #expect(try reading("%Y-%m-%d", "next week") == .unreadable)
  }

  @Test("the sixtieth second is accepted")
  func leapSecond() throws {
    #expect(try read("%F %T", "2016-12-31 23:59:60") == seconds(1_483_228_800))
  }

  @Test("formats that cannot be used are refused")
  func refusals() {
    for bad in ["%Q", "%Y-%", "%L %L", String(repeating: "x", count: 600)] {
      #expect(throws: ParserError.self, "\(bad)") { try TimeFormat(bad) }
    }
  }

  @Test("random bytes never trap")
  func hostile() throws {
    let seed: UInt64 = 0xBAD_F00D
    var state = seed
    func next(_ bound: UInt64) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % bound)
    }
    let letters = Array("aAbBhcCdDeFgGHkIljmMntprRSsTuwUWVxXyYzZL%".utf8)
    for round in 0..<3000 {
      let format = (0..<next(6)).map { _ in
        "%\(UnicodeScalar(letters[next(UInt64(letters.count))]))"
      }.joined(separator: next(2) == 0 ? "" : " ")
      let text = (0..<next(24)).map { _ in
        String(UnicodeScalar(UInt8([32, 43, 45, 48, 49, 57, 58, 90, 97, 255][next(10)])))
      }.joined()
      do {
        _ = try read(format, text, strict: next(2) == 0)
      } catch let error as ParserError {
        #expect(error.description.contains("%L"), "seed \(seed) round \(round): \(error)")
      }
    }
  }
}
