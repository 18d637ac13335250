import Testing
import WeirBatch
import WeirConfig

@testable import WeirParsers

@Suite("The ltsv and logfmt formats") struct PairParserTests {
  @Test("ltsv: tabs separate, the first colon splits, values may be empty")
  func ltsv() throws {
    let typed = definition(.ltsv) {
      $0.timeFormat = "[%d/%b/%Y:%H:%M:%S %z]"
      $0.types = [.init(key: "status", type: .integer)]
    }
    #expect(
      try parse(typed, "time:[28/Feb/2026:12:00:00 +0900]\thost:h\tstatus:200\tua:a b (X:Y)")
        == ["host=\"h\"", "status=200", "ua=\"a b (X:Y)\"", "@1772247600000000000"])
    #expect(
      try parse(typed, "host:n\tempty:\tlast:1\r") == ["host=\"n\"", "empty=\"\"", "last=\"1\""])
    #expect(try parse(typed, "a.b-c_1:x\t\td:y\t") == ["a.b-c_1=\"x\"", "d=\"y\""])
    for bad in ["no colon here", "a:1\tjunk", "", "bad label:1", ":x", "time:bad\ta:1"] {
      #expect(try parse(typed, bad) == nil, "\(bad)")
    }
  }

  @Test("logfmt: bare keys are true, quotes hold blanks and escapes")
  func logfmt() throws {
    #expect(
      try parse(definition(.logfmt), #"a=1 bare b= c="" d="x y" e="q\"\n\u00e9" f"#)
        == [
          "a=\"1\"", "bare=true", "b=true", "c=\"\"", "d=\"x y\"", "e=\"q\"\né\"", "f=true",
        ])
    #expect(try parse(definition(.logfmt), "p=/a?c=d") == ["p=\"/a?c\"", "d=true"])
    #expect(try parse(definition(.logfmt), #"a="open"#) == ["a=\"open\""])
    #expect(try parse(definition(.logfmt), #"a="open\"#) == ["a=\"open\\\""])
    #expect(try parse(definition(.logfmt), "a=1 a=2") == ["a=\"1\"", "a=\"2\"", "duplicates"])
    #expect(try parse(definition(.logfmt), "  \t ") == nil)
    #expect(try parse(definition(.logfmt), "") == nil)
  }

  @Test("logfmt: bare keys can be refused")
  func noBareKeys() throws {
    let strict = definition(.logfmt) { $0.logfmtNoBareKeys = true }
    #expect(try parse(strict, "a=1 b=2") == ["a=\"1\"", "b=\"2\""])
    #expect(try parse(strict, "x=") == ["x=true"])
    #expect(try parse(strict, "a=1 bare") == nil)
  }

  @Test("logfmt: casts, and a time that fails the line")
  func logfmtTypes() throws {
    let typed = definition(.logfmt) {
      $0.timeKey = "ts"
      $0.timeFormat = "%Y-%m-%dT%H:%M:%S.%L%z"
      $0.types = [
        .init(key: "n", type: .integer), .init(key: "f", type: .float),
        .init(key: "ok", type: .bool),
      ]
    }
    #expect(
      try parse(typed, "ts=2026-02-03T04:05:06.789Z n=42 f=1.5 ok=true s=007")
        == ["n=42", "f=1.5d", "ok=true", "s=\"007\"", "@1770091506789000000"])
    #expect(try parse(typed, "ts=bad n=1") == nil)
    #expect(try parse(typed, "n=3 noTime=yes") == ["n=3", "noTime=\"yes\""])
    #expect(try parse(typed, "ts=2026-02-03T04:05:06.789Z") == ["@1770091506789000000"])
  }

  @Test("random lines never trap, and slices stay inside the line")
  func hostile() throws {
    let seed: UInt64 = 0xC0FFEE
    var state = seed
    func next(_ bound: UInt64) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % bound)
    }
    let alphabet = Array("ab=\"\\ \t:{}[],1u\u{e9}\n".utf8) + [0xFF, 0]
    let formats: [ParserDefinition] = [
      definition(.json), definition(.ltsv), definition(.logfmt),
      definition(.regex, "(?<k>[^=]*)=(?<v>.*)"),
    ]
    for format in formats {
      let lane = try Parser(format).openLane()
      for round in 0..<3000 {
        var line = (0..<next(24)).map { _ in alphabet[next(UInt64(alphabet.count))] }
        if format.format == .json { line = [0x7B, 0x22, 0x61, 0x22, 0x3A] + line + [0x7D] }
        let text = TextBatch(line, limits: small)
        _ = lane.parse(text.batch, text.field, now: 0)
        for field in lane.fields where field.isSlice && field.segment == 0 {
          let slice = field.value.slice
          #expect(Int(slice.offset + slice.length) <= line.count, "seed \(seed) round \(round)")
        }
      }
    }
  }

  private var small: BatchLimits {
    var limits = BatchLimits()
    limits.scratchBytesMax = 4096
    limits.fieldsMax = 4096
    limits.recordsMax = 16
    return limits
  }
}
