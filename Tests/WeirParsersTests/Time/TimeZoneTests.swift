import Glibc
import Testing

@testable import WeirParsers

@Suite("Time zones") struct TimeZoneTests {
  private func seconds(_ text: String, _ zone: TimeZoneRules) throws -> Int64? {
    try read("%F %T", text, zone: .rules(zone)).map { $0 / 1_000_000_000 }
  }

  @Test("an IANA zone knows daylight saving")
  func zurich() throws {
    let zone = try TimeZoneRules(named: "Europe/Zurich")
    #expect(try seconds("2026-01-15 12:00:00", zone) == 1_768_474_800)
    #expect(try seconds("2026-07-15 12:00:00", zone) == 1_784_109_600)
    #expect(try seconds("2150-07-15 12:00:00", zone) == 5_697_165_600, "beyond the table")
  }

  @Test("hours that clocks skip or repeat have a defined reading")
  func changes() throws {
    let zone = try TimeZoneRules(named: "America/New_York")
    // Spring forward on 8 March 2026, 02:00 to 03:00.
    #expect(try seconds("2026-03-08 01:59:59", zone) == 1_772_953_199)
    #expect(try seconds("2026-03-08 02:30:00", zone) == 1_772_955_000, "the old offset")
    #expect(try seconds("2026-03-08 03:00:00", zone) == 1_772_953_200)
    // Fall back on 1 November 2026, 02:00 to 01:00.
    #expect(try seconds("2026-11-01 01:30:00", zone) == 1_793_511_000, "the first of the two")
    #expect(try seconds("2026-11-01 02:00:00", zone) == 1_793_516_400)
  }

  @Test("local times of every hour around each change come back to themselves")
  func roundTrip() throws {
    for name in ["Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"] {
      let zone = try TimeZoneRules(named: name)
      for moment in zone.moments where moment > 0 && moment < 4_102_444_800 {
        for hour in -50...50 {
          let utc = moment + Int64(hour) * 3600
          let local = utc + Int64(zone.offset(at: utc))
          let back = zone.universal(local: local)
          // A repeated hour may come back as its first occurrence.
          let isSame = back == utc
          let isFirst = back < utc && back + Int64(zone.offset(at: back)) == local
          #expect(isSame || isFirst, "\(name) \(utc)")
        }
      }
    }
  }

  @Test("POSIX rules are read and written out")
  func posix() throws {
    let rule = try #require(PosixZone("CET-1CEST,M3.5.0,M10.5.0/3"))
    let zone = TimeZoneRules(rule: rule)
    #expect(zone.offset(at: 1_768_474_800) == 3600)
    #expect(zone.offset(at: 1_784_109_600) == 7200)
    let south = TimeZoneRules(rule: try #require(PosixZone("NZST-12NZDT,M9.5.0,M4.1.0/3")))
    #expect(south.offset(at: 1_768_474_800) == 46_800)
    #expect(south.offset(at: 1_784_109_600) == 43_200)
    #expect(PosixZone("<+0330>-3:30")?.standard == 12_600)
    #expect(PosixZone("EST5")?.daylight == nil)
    for bad in ["", "AB1", "EST", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0", "EST5EDT,x,y"] {
      #expect(PosixZone(bad) == nil, "\(bad)")
    }
  }

  @Test("names that could leave the database are refused")
  func names() {
    for bad in ["", "../etc/passwd", "/etc/passwd", "Europe/", "Europe//Zurich", "Nowhere/City"] {
      #expect(throws: ParserError.self, "\(bad)") { try TimeZoneRules(named: bad) }
    }
  }

  @Test("damaged zone files are refused, not trusted")
  func damage() throws {
    let file = try #require(fopen("/usr/share/zoneinfo/Europe/Zurich", "r"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 8192)
    bytes.removeLast(8192 - fread(&bytes, 1, 8192, file))
    #expect(ZoneFile(bytes) != nil)
    for count in 0..<bytes.count where count < 1900 { _ = ZoneFile(Array(bytes.prefix(count))) }
    for index in 0..<100 {
      var damaged = bytes
      damaged[index] = 0xFF
      _ = ZoneFile(damaged)
    }
    #expect(ZoneFile(Array("TZif2".utf8)) == nil)
    #expect(ZoneFile([]) == nil)
  }
}
