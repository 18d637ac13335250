import Testing
import WeirConfig

@testable import WeirParsers

@Suite("The regex format") struct RegexParserTests {
  @Test("named captures become fields, empty ones go by default")
  func captures() throws {
    let pattern = #"^(?<a>\w*),(?<b>\w*),(?<c>\w*)(?:,(?<d>\w+))?$"#
    #expect(try parse(definition(.regex, pattern), "1,,3") == ["a=\"1\"", "c=\"3\""])
    let keeping = definition(.regex, pattern) { $0.skipEmptyValues = false }
    #expect(try parse(keeping, "1,,3") == ["a=\"1\"", "b=\"\"", "c=\"3\"", "d=\"\""])
    #expect(try parse(keeping, "no") == nil)
    #expect(try parse(definition(.regex, pattern), ",,") == [])
  }

  @Test("an expression without names never matches")
  func noNames() throws {
    #expect(try parse(definition(.regex, #"^(\w+)$"#), "word") == nil)
  }

  @Test("a duplicated name gives one field")
  func duplicates() throws {
    let pattern = #"^(?:a(?<n>\d)|b(?<n>\w))$"#
    #expect(try parse(definition(.regex, pattern), "a1") == ["n=\"1\""])
    #expect(try parse(definition(.regex, pattern), "bz") == ["n=\"z\""])
    let keeping = definition(.regex, pattern) { $0.skipEmptyValues = false }
    #expect(try parse(keeping, "bz") == ["n=\"z\""])
  }

  @Test("casts: a leading number suffices, what is none stays text")
  func casts() throws {
    let typed = definition(.regex, "^(?<i>[^ ]*) (?<f>[^ ]*) (?<h>[^ ]*) (?<b>[^ ]*)$") {
      $0.types = [
        .init(key: "i", type: .integer), .init(key: "f", type: .float),
        .init(key: "h", type: .hex), .init(key: "b", type: .bool),
      ]
    }
    #expect(try parse(typed, "42 0.125 ff TRUE") == ["i=42", "f=0.125d", "h=255u", "b=true"])
    #expect(try parse(typed, "-7ms 1e3 0x1F falsely") == ["i=-7", "f=1000.0d", "h=31u", "b=false"])
    #expect(try parse(typed, "- x - yes") == ["i=\"-\"", "f=\"x\"", "h=\"-\"", "b=\"yes\""])
    #expect(
      try parse(typed, "99999999999999999999 inf 1 true")
        == ["i=\"99999999999999999999\"", "f=\"inf\"", "h=1u", "b=true"])
  }

  @Test("a time that cannot be read takes its field with it, even when it is to stay")
  func time() throws {
    let pattern = #"^(?<time>.+?)\|(?<m>.*)$"#
    let timed = definition(.regex, pattern) { $0.timeFormat = "%Y-%m-%dT%H:%M:%S.%L" }
    #expect(try parse(timed, "2026-02-03T04:05:06.5|ok") == ["m=\"ok\"", "@1770091506500000000"])
    #expect(try parse(timed, "2026-02-03T04:05:06|no") == ["m=\"no\""])
    var keeping = timed
    keeping.timeKeep = true
    #expect(try parse(keeping, "2026-02-03T04:05:06|no") == ["m=\"no\""])
    #expect(
      try parse(keeping, "1970-01-01T00:00:01.0|k")
        == ["time=\"1970-01-01T00:00:01.0\"", "m=\"k\"", "@1000000000"])
    let untimed = definition(.regex, pattern)
    #expect(try parse(untimed, "x|y") == ["time=\"x\"", "m=\"y\""])
  }

  @Test("options that contradict each other are refused")
  func contradictions() {
    let both = definition(.regex, "(?<a>x)") {
      $0.timeFormat = "%T"
      $0.timeZone = "Europe/Zurich"
      $0.timeOffsetSeconds = 3600
    }
    #expect(throws: ParserError.self) { try Parser(both) }
    let lonely = definition(.regex, "(?<a>x)") { $0.timeZone = "Europe/Zurich" }
    #expect(throws: ParserError.self) { try Parser(lonely) }
    #expect(throws: ParserError.self) { try Parser(definition(.regex)) }
    #expect(throws: ParserError.self) { try Parser(definition(.regex, "(unclosed")) }
  }

  @Test("lines that are not UTF-8 are parsed too")
  func invalidText() throws {
    let fields = try parse(definition(.regex, "^(?<a>[^ ]+) (?<b>.*)$"), [0xFF, 0x20, 0x62])
    #expect(fields?.last == "b=\"b\"")
  }
}
