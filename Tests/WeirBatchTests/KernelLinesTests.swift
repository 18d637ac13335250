import CWeirKernels
import Testing
import WeirTestSupport

@Suite("Line and CRI kernels")
struct KernelLinesTests {
  @Test("every variant lists exactly the line feeds, up to the capacity")
  func newlines() {
    for seed in SeededGenerator.seeds {
      var random = SeededGenerator(seed: seed)
      let memory = GuardedBytes()
      for _ in 0..<400 {
        let n = random.below(300)
        let density = 1 + random.below(60)
        let data = (0..<n).map { _ in
          random.oneIn(density) ? UInt8(ascii: "\n") : UInt8(random.below(256))
        }
        let expected = data.indices.filter { data[$0] == 10 }.map { UInt32($0) + 1000 }
        let p = memory.input(data, padding: { _ in 10 })
        let cap = random.oneIn(2) ? 400 : random.below(6)
        for variant in KernelVariant.available {
          var found = [UInt32](repeating: 0, count: cap + 1)
          var consumed = -1
          let count = variant.newlines(p, n, 1000, &found, cap, &consumed)
          #expect(Array(found.prefix(count)) == Array(expected.prefix(cap)), "seed \(seed)")
          let all = expected.count <= cap
          let end = all ? n : (count == 0 ? 0 : Int(found[count - 1]) - 1000 + 1)
          #expect(consumed == end, "seed \(seed) \(variant)")
        }
        let last = expected.last.map { Int($0) - 1000 } ?? -1
        #expect(weir_last_newline(p, n) == last, "seed \(seed)")
      }
    }
  }

  private func parse(_ line: String) -> weir_cri_line {
    let memory = GuardedBytes()
    let data = Array(line.utf8)
    var out = weir_cri_line()
    _ = weir_cri_parse(memory.input(data, padding: hostilePadding), data.count, &out)
    return out
  }

  @Test(
    "CRI times are exact in nanoseconds, with fractions and offsets",
    arguments: [
      ("2026-07-01T10:00:00.5+02:00 stdout F plus two", 1_782_892_800_500_000_000),
      ("2026-07-01T10:00:00.000000001-07:00 stdout F x", 1_782_925_200_000_000_001),
      ("2026-07-01T10:00:00.123456Z stdout F micro", 1_782_900_000_123_456_000),
      ("2026-07-01T10:00:00Z stdout F no fraction", 1_782_900_000_000_000_000),
      ("2026-07-01T10:00:00.1234567891Z stdout F ten digits", 1_782_900_000_123_456_789),
      ("2026-07-01T10:00:00.123456789Z stderr P nine", 1_782_900_000_123_456_789),
      ("2026-07-01T10:00:00.12345678Z stderr P eight", 1_782_900_000_123_456_780),
      ("1969-12-31T23:59:59.999999999Z stdout F before", -1),
      ("2016-12-31T23:59:60Z stdout F leap", 1_483_228_800_000_000_000),
      ("2024-02-29T00:00:00-0130 stdout F compact", 1_709_170_200_000_000_000),
      ("2262-04-11T23:47:16.854775807Z stdout F last", Int64.max),
      ("1677-09-21T00:12:43.145224192Z stdout F first", Int64.min),
    ] as [(String, Int64)])
  func criTimes(line: String, expected: Int64) {
    let parsed = parse(line)
    #expect(parsed.ok == 1 && parsed.time_ok == 1)
    #expect(parsed.time_ns == expected)
  }

  @Test("CRI fields point at stream, flag and text")
  func criFields() {
    let line = "2026-01-01T00:00:00.600000006Z stderr P  leading blank kept"
    let parsed = parse(line)
    #expect(parsed.ok == 1 && parsed.flag == UInt8(ascii: "P"))
    #expect(parsed.time_len == 30 && parsed.stream_off == 31 && parsed.stream_len == 6)
    #expect(text(Array(Array(line.utf8)[Int(parsed.log_off)...])) == " leading blank kept")
    for empty in ["2026-01-01T00:00:00.500000105Z stdout F ", "2026-01-01T00:00:00.5Z stdout F"] {
      let parsed = parse(empty)
      #expect(parsed.ok == 1 && Int(parsed.log_off) == empty.utf8.count)
    }
  }

  @Test(
    "a line with an unparsable time is still CRI",
    arguments: [
      "2026-02-30T10:00:00.123456789Z stdout F x", "yesterday stdout F x",
      "2026-07-01T24:00:00Z stdout F x", "2026-07-01T10:00:00 stdout F x",
      "2026-07-01T10:00:00.Z stdout F x", "2262-04-11T23:47:16.854775808Z stdout F x",
      "2026-07-01T10:00:00.123456789+2 stdout F x", "2026-13-01T10:00:00.1Z stdout F x",
    ])
  func badTimes(line: String) {
    let parsed = parse(line)
    #expect(parsed.ok == 1 && parsed.time_ok == 0 && parsed.time_ns == 0)
  }

  @Test(
    "other lines are not CRI",
    arguments: [
      "", " ", "stdout F x", " stdout F x", "2026-07-01T10:00:00.123456789Z stdout F:x tagged",
      "2026-07-01T10:00:00.123456789Z stdout X x", "2026-07-01T10:00:00.123456789Z stdlog F x",
      "2026-07-01T10:00:00.123456789Z  stdout F x", "2026-07-01T10:00:00.123456789Z stdout",
      "2026-07-01T10:00:00.123456789Z stdout ", "2026-07-01T10:00:00.123456789Z",
      "a message that speaks of stdout F now", "{\"log\":\"x\"}",
    ])
  func notCRI(line: String) {
    let parsed = parse(line)
    #expect(parsed.ok == 0 && parsed.time_ok == 0)
  }

  @Test("the minute cache never changes a result")
  func cache() {
    for seed in SeededGenerator.seeds {
      var random = SeededGenerator(seed: seed)
      let memory = GuardedBytes()
      var cache = weir_minute_cache()
      for _ in 0..<4000 {
        func two(_ bound: Int) -> String {
          let v = random.below(bound)
          return v < 10 ? "0\(v)" : "\(v)"
        }
        var line = "202\(random.below(8))-\(two(14))-\(two(33))"
        line += "T\(two(25)):\(two(61)):\(two(62)).\(two(100))Z stdout F x"
        var data = Array(line.utf8)
        if random.oneIn(4) { data[random.below(data.count)] = UInt8(random.below(256)) }
        let p = memory.input(data, padding: hostilePadding)
        var plain = weir_cri_line()
        var cached = weir_cri_line()
        let a = weir_cri_parse(p, data.count, &plain)
        let b = weir_cri_parse_cached(p, data.count, &cache, &cached)
        #expect(a == b && plain.time_ns == cached.time_ns && plain.time_ok == cached.time_ok)
        #expect(plain.log_off == cached.log_off, "seed \(seed) \(text(data))")
      }
    }
  }

  @Test("days from civil dates count every day once")
  func calendar() {
    var expected: Int64 = 0
    for year in 1970..<2420 {
      let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
      for month in 1...12 {
        let days = month == 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
        #expect(weir_days_from_civil(Int64(year), UInt32(month), 1) == expected)
        expected += Int64(days)
      }
    }
    #expect(weir_days_from_civil(0, 3, 1) == -719468)
  }
}
