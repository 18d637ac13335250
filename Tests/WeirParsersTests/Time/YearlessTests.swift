import Testing

@testable import WeirParsers

@Suite("Times without a year or a date") struct YearlessTests {
  private func utc(_ year: Int, _ month: Int, _ day: Int, _ clock: Int64 = 0) -> Int64 {
    (CivilTime.days(year: year, month: month, day: day) * 86_400 + clock) * 1_000_000_000
  }

  @Test("a month and a day are of this year")
  func thisYear() throws {
    let now = utc(2026, 11, 23, 43_200)
    #expect(try read("%b %d %T", "Nov 23 11:59:59", now: now) == utc(2026, 11, 23, 43_199))
    #expect(try read("%b %d %T", "Mar  7 00:00:00", now: now) == utc(2026, 3, 7))
    #expect(try read("%m-%d %T", "11-24 06:00:00", now: now) == utc(2026, 11, 24, 21_600))
  }

  @Test("around New Year the year before or after is meant")
  func newYear() throws {
    let format = "%b %d %H:%M:%S"
    let january = utc(2027, 1, 1, 5)
    #expect(try read(format, "Dec 31 23:59:59", now: january) == utc(2026, 12, 31, 86_399))
    #expect(try read(format, "Jan  1 00:00:01", now: january) == utc(2027, 1, 1, 1))
    let december = utc(2026, 12, 31, 86_390)
    #expect(try read(format, "Jan  1 00:00:01", now: december) == utc(2027, 1, 1, 1))
    #expect(try read(format, "Jan 20 00:00:01", now: december) == utc(2026, 1, 20, 1))
    #expect(try read(format, "Dec 31 00:00:00", now: december) == utc(2026, 12, 31))
  }

  @Test("the year turns in the zone of the text")
  func zones() throws {
    // Nine hours east it is 2027 already.
    let now = utc(2026, 12, 31, 72_000)
    #expect(
      try read("%b %d %T", "Jan  1 05:00:00", zone: .offset(32_400), now: now)
        == utc(2026, 12, 31, 72_000))
    #expect(
      try read("%b %d %T %z", "Jan  1 05:00:00 +0900", now: now) == utc(2026, 12, 31, 72_000))
  }

  @Test("29 February is of the latest leap year")
  func leapDay() throws {
    #expect(try read("%b %d", "Feb 29", now: utc(2027, 3, 1)) == utc(2024, 2, 29))
    #expect(try read("%b %d", "Feb 29", now: utc(2028, 3, 1)) == utc(2028, 2, 29))
  }

  @Test("a time without a date is today's, or yesterday's just after midnight")
  func clockOnly() throws {
    #expect(try read("%T", "11:00:00", now: utc(2026, 11, 23, 43_200)) == utc(2026, 11, 23, 39_600))
    #expect(try read("%T", "13:00:00", now: utc(2026, 11, 23, 43_200)) == utc(2026, 11, 23, 46_800))
    #expect(try read("%T", "23:59:59", now: utc(2026, 11, 23, 2)) == utc(2026, 11, 22, 86_399))
  }
}
