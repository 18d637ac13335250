import Glibc
import Testing

@testable import WeirParsers

@Suite("Writing times") struct TimeFormatterTests {
  @Test("index and file names")
  func names() throws {
    let time: Int64 = 1_770_091_506_789_000_000
    #expect(try TimeFormatter("logstash-%Y.%m.%d").string(time) == "logstash-2026.02.03")
    #expect(try TimeFormatter("%H%M%S.%L").string(time) == "040506.789")
    #expect(try TimeFormatter("100%% %Q %").string(time) == "100% %Q %")
    #expect(try TimeFormatter("").string(time) == "")
    #expect(try TimeFormatter("%F %T").string(-1) == "1969-12-31 23:59:59")
  }

  @Test("every conversion is what the C library writes")
  func likeTheLibrary() throws {
    let seed: UInt64 = 0x7F0
    var state = seed
    let format = "%a %A %b %B %h|%c|%C %d %D %e %F %g %G %H %I %j %k %l|%m %M %p %r %R %s %S %T"
    let more = " %u %U %V %w %W %x %X %y %Y %%"
    let formatter = try TimeFormatter(format + more)
    for round in 0..<2000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      var seconds = time_t(state >> 31) - 2_000_000_000
      var parts = tm()
      gmtime_r(&seconds, &parts)
      var buffer = [CChar](repeating: 0, count: 512)
      let count = strftime(&buffer, buffer.count, format + more, &parts)
      let text = String(
        decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      #expect(formatter.string(Int64(seconds) * 1_000_000_000) == text, "seed \(seed) \(round)")
    }
  }

  @Test("what is written reads back")
  func roundTrip() throws {
    let format = "%Y-%m-%dT%H:%M:%S.%L%z"
    let writer = try TimeFormatter("%Y-%m-%dT%H:%M:%S.%N%z")
    for time: Int64 in [
      0, 1, 1_770_091_506_123_456_789, -86_400_000_000_001, 9_223_372_034_000_000_000,
    ] {
      #expect(try read(format, writer.string(time)) == time)
    }
  }
}
