import Testing
import WeirBatch
import WeirConfig

@testable import WeirParsers

@Suite("The json format") struct JSONParserTests {
  @Test("values keep their type, strings and containers stay slices of the line")
  func types() throws {
    let line = #"""
      {"i":1,"neg":-5,"u":18446744073709551615,"f":1.5,"t":true,"n":null,"s":"","o":{"a":[1]}}
      """#
    #expect(
      try parse(definition(.json), line) == [
        "i=1", "neg=-5", "u=18446744073709551615u", "f=1.5d", "t=true", "n=null", "s=\"\"",
        #"o={"a":[1]}"#,
      ])
  }

  @Test("escapes in the writer's form stay as they are, others are rendered anew")
  func escapes() throws {
    #expect(
      try parse(definition(.json), #"{"a":"q\"\n","b":"s\/\u00e9"}"#)
        == [#"a=`q\"\n`"#, "b=`s/é`"])
    #expect(try parse(definition(.json), #"{"a":{ "b" : "\u00e9" }}"#) == [#"a={"b":"é"}"#])
    #expect(try parse(definition(.json), #"{"k\u0065y\n":1}"#) == ["key\n=1"])
  }

  @Test("duplicate keys stay and are marked")
  func duplicates() throws {
    #expect(
      try parse(definition(.json), #"{"a":1,"b":2,"a":3}"#) == ["a=1", "b=2", "a=3", "duplicates"])
  }

  @Test("what is no object fails; trailing text that is no JSON value is ignored")
  func failures() throws {
    for bad in [
      #"{"a":1}{"b":2}"#, #"[{"a":1}]"#, "42", "{'a':1}", "{a:1}", #"{"a":1,}"#, #"{"a":1"#,
      #"{"a":"unterminated"#, "null", "", "   ",
    ] {
      #expect(try parse(definition(.json), bad) == nil, "\(bad)")
    }
    #expect(try parse(definition(.json), "\t{\"tabbed\":1}\t") == ["tabbed=1"])
    #expect(try parse(definition(.json), #"{"a":1} junk"#) == ["a=1"])
    #expect(try parse(definition(.json), #"{"a":1},"#) == ["a=1"])
    #expect(try parse(definition(.json), "{}") == [])
  }

  @Test("the time is read and its field goes, unless it is to stay or cannot be read")
  func time() throws {
    let plain = definition(.json) {
      $0.timeKey = "ts"
      $0.timeFormat = "%Y-%m-%dT%H:%M:%S.%L%z"
    }
    #expect(
      try parse(plain, #"{"ts":"2026-02-03T04:05:06.789Z","n":0}"#)
        == ["n=0", "@1770091506789000000"])
    #expect(
      try parse(plain, #"{"ts":"2026-02-03\u005404:05:06.789Z","n":0}"#)
        == ["n=0", "@1770091506789000000"], "an escaped time")
    #expect(try parse(plain, #"{"ts":"bad","n":0}"#) == ["ts=\"bad\"", "n=0"])
    #expect(try parse(plain, #"{"ts":17,"n":0}"#) == ["ts=17", "n=0"])
    var keeping = plain
    keeping.timeKeep = true
    #expect(
      try parse(keeping, #"{"ts":"1970-01-01T00:00:01.0Z"}"#)
        == ["ts=\"1970-01-01T00:00:01.0Z\"", "@1000000000"])
    #expect(
      try parse(plain, #"{"ts":"1970-01-01T00:00:00.0Z","a":1}"#) == ["a=1"], "0 is no time")
  }

  @Test("without a time format the time key is a field like others; casts don't apply")
  func noFormat() throws {
    let typed = definition(.json) { $0.types = [.init(key: "a", type: .integer)] }
    #expect(try parse(typed, #"{"a":"12","time":"x"}"#) == ["a=\"12\"", "time=\"x\""])
  }

  @Test("an object with more members than a record may have stays raw and is counted")
  func tooMany() throws {
    let lane = try Parser(definition(.json)).openLane()
    let members = (0...ParserLane.fieldsMax).map { "\"k\($0)\":1" }.joined(separator: ",")
    let text = TextBatch(Array("{\(members)}".utf8))
    #expect(lane.parse(text.batch, text.field, now: 0) == .failed)
    #expect(lane.counters.noRoom == 1)
  }

  @Test("a batch without scratch room fails the line, and is counted")
  func noScratch() throws {
    var limits = BatchLimits()
    limits.scratchBytesMax = 32
    let lane = try Parser(definition(.json)).openLane()
    let text = TextBatch(Array(#"{"a":"\u00e9\u00e9\u00e9\u00e9\u00e9"}"#.utf8), limits: limits)
    #expect(lane.parse(text.batch, text.field, now: 0) == .failed)
    #expect(lane.counters.noRoom == 1)
  }
}
