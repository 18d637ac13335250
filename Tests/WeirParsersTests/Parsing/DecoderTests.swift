import Testing
import WeirConfig

@testable import WeirParsers

@Suite("Decoders of fields") struct DecoderTests {
  private func decoded(_ rules: [ParserDefinition.Decoder], _ line: String) throws -> [String]? {
    try parse(definition(.regex, "^(?<m>.*)$") { $0.decoders = rules }, line)
  }

  @Test("decode_field_as json replaces the value by the object, and leaves what is none")
  func asJSON() throws {
    let parser = definition(.json) { $0.decoders = [decoder(.json, "log")] }
    #expect(
      try parse(parser, #"{"log":"{\"a\":1,\"b\":{\"c\":\"d\"}}\n","s":"x"}"#)
        == [#"log={"a":1,"b":{"c":"d"}}"#, "s=\"x\""])
    #expect(try parse(parser, #"{"log":"plain"}"#) == ["log=\"plain\""])
    #expect(try parse(parser, #"{"log":"[1,2]","x":1}"#) == ["log=\"[1,2]\"", "x=1"])
    #expect(try parse(parser, #"{"log":"","x":2}"#) == ["log=\"\"", "x=2"])
    #expect(try parse(parser, #"{"log":7}"#) == ["log=7"])
  }

  @Test("decode_field json appends the object's members and keeps the field")
  func json() throws {
    let parser = definition(.json) { $0.decoders = [decoder(.json, "log", replaces: false)] }
    #expect(
      try parse(parser, #"{"log":"{\"a\":1,\"s\":2}","s":"x"}"#)
        == [#"log=`{\"a\":1,\"s\":2}`"#, "s=\"x\"", "a=1", "s=2", "duplicates"])
  }

  @Test("escaped undoes C escapes; an unknown one leaves its letter")
  func escaped() throws {
    let rules = [decoder(.escaped, "m")]
    #expect(try decoded(rules, #"tab\tnewline\nquote\"end"#) == ["m=\"tab\tnewline\nquote\"end\""])
    #expect(try decoded(rules, #"back\\slash"#) == [#"m="back\slash""#])
    #expect(try decoded(rules, #"hex\x41 bell\a"#) == ["m=\"hexx41 bell\u{7}\""])
    #expect(try decoded(rules, #"end\"#) == [#"m="end\""#])
  }

  @Test("escaped_utf8 undoes code points, pairs, bytes and octal numbers too")
  func escapedUTF8() throws {
    let rules = [decoder(.escapedUTF8, "m")]
    #expect(try decoded(rules, #"caf\u00e9 \ud83d\ude00"#) == ["m=\"café 😀\""])
    #expect(try decoded(rules, #"q\"q t\t n\n"#) == ["m=\"q\"q t\t n\n\""])
    #expect(try decoded(rules, #"\x41\U0001F600\101\/"#) == ["m=\"A😀A/\""])
    #expect(try decoded(rules, #"\ud83d \x \uZ"#) == ["m=\"\u{FFFD} x uZ\""])
    #expect(try decoded(rules, "plain é") == ["m=\"plain é\""])
  }

  @Test("mysql_quoted takes quotes off and undoes what is inside them")
  func mysql() throws {
    let rules = [decoder(.mysqlQuoted, "m")]
    for (line, text) in [
      ("plain", "plain"), ("''", ""), ("'333'", "333"), (#"'\n'"#, "\n"), (#"'\''"#, "'"),
      (#"'\"'"#, "\""), (#"'\\'"#, "\\"), (#"'abc\nE\\'"#, "abc\nE\\"), (#""x""#, "x"),
      ("'", "'"), (#"un\n"#, #"un\n"#),
    ] {
      #expect(try decoded(rules, line) == ["m=\"\(text)\""], "\(line)")
    }
  }

  @Test("do_next goes on with the result, try_next only after a failure")
  func chains() throws {
    let both = [decoder(.escaped, "m", .doNext), decoder(.json, "m")]
    #expect(try decoded(both, #"{\"a\":\"b\"}"#) == [#"m={"a":"b"}"#])
    let either = [decoder(.json, "m", .tryNext), decoder(.escaped, "m")]
    #expect(try decoded(either, #"{"a":"\\t"}"#) == [#"m={"a":"\\t"}"#])
    #expect(try decoded(either, #"a\tb"#) == ["m=\"a\tb\""])
    let stops = [decoder(.json, "m"), decoder(.escaped, "m")]
    #expect(try decoded(stops, #"a\tb"#) == [#"m="a\tb""#])
  }
}
