import CWeirPlugin
import Testing
import WeirBatch
import WeirConfig
import WeirParsers
import WeirStage

@testable import WeirFilters

@Suite("parser filter")
struct ParserFilterTests {
  private func filter(_ options: KeyValuePairs<String, String>) throws -> any Filter {
    var timed = ParserDefinition(name: "tm", format: .regex, regex: #"^(?<t>\S+) (?<m>.*)$"#)
    timed.timeKey = "t"
    timed.timeFormat = "%Y-%m-%dT%H:%M:%S%z"
    let catalogue = try ParserCatalogue([
      ParserDefinition(
        name: "words", format: .regex, regex: #"^(?<first>\w+) (?<second>\w+)$"#),
      ParserDefinition(name: "js", format: .json), timed,
    ])
    return try BuiltinFilters.test("parser", options, FilterBuildContext(parsers: catalogue))
  }

  private func run(
    _ options: KeyValuePairs<String, String>, _ line: String, resource: String? = nil
  ) throws -> (line: String, time: Int64) {
    let records = TestRecords([line])
    if let resource { records.attach("{}", under: resource, to: records.batch.records) }
    records.run(try filter(options))
    return (records.line(0), records.batch.records.pointee.time_ns)
  }

  @Test("the record becomes the parsed fields; what fails stays as it is")
  func plain() throws {
    let options: KeyValuePairs = ["key_name": "log", "parser": "words"]
    let expected: [(String, String)] = [
      (#"{"log":"alpha beta","x":1}"#, #"{first:"alpha",second:"beta"}"#),
      (#"{"log":"no match here","x":1}"#, #"{log:"no match here",x:1}"#),
      (#"{"log":7,"x":1}"#, "{log:7,x:1}"), (#"{"x":1}"#, "{x:1}"),
      (#"{"log":"","x":1}"#, #"{log:"",x:1}"#),
    ]
    for (input, output) in expected {
      let result = try run(options, input)
      #expect(result.line == output)
    }
  }

  @Test("other fields and the field itself stay when they are told to, and count last")
  func reserves() throws {
    let input = #"{"first":"own","log":"alpha beta","x":1}"#
    let reserve: KeyValuePairs = ["key_name": "log", "parser": "words", "reserve_data": "on"]
    let reserved = try run(reserve, input)
    #expect(reserved.line == #"{first:"alpha",second:"beta",first:"own",x:1}"#)
    let both: KeyValuePairs = [
      "key_name": "log", "parser": "words", "reserve_data": "on", "preserve_key": "on",
    ]
    let kept = try run(both, input)
    #expect(kept.line == #"{first:"alpha",second:"beta",first:"own",log:"alpha beta",x:1}"#)
    let preserve: KeyValuePairs = ["key_name": "log", "parser": "words", "preserve_key": "on"]
    let preserved = try run(preserve, input)
    #expect(preserved.line == #"{first:"alpha",second:"beta",log:"alpha beta"}"#)
  }

  @Test("a field given by an accessor is found inside, and never taken out")
  func accessors() throws {
    let inside: KeyValuePairs = ["key_name": "$k['log']", "parser": "words", "reserve_data": "on"]
    let nested = try run(inside, #"{"k":{"log":"a b"},"x":1}"#)
    #expect(nested.line == #"{first:"a",second:"b",k:{"log":"a b"},x:1}"#)
    let top: KeyValuePairs = ["key_name": "$log", "parser": "words", "reserve_data": "on"]
    let kept = try run(top, #"{"log":"a b"}"#)
    #expect(kept.line == #"{first:"a",second:"b",log:"a b"}"#)
  }

  @Test("escaped text is unescaped before it is parsed, and its own key may come back")
  func escapes() throws {
    let options: KeyValuePairs = ["key_name": "log", "parser": "js", "reserve_data": "on"]
    let result = try run(options, #"{"log":"{\"a\":{\"b\":1},\"log\":\"in\\nner\"}","s":"o"}"#)
    #expect(result.line == "{a:{\"b\":1},log:\"in\nner\",s:\"o\"}")
  }

  @Test("the first parser that succeeds wins, and its time replaces the record's")
  func several() throws {
    let options: KeyValuePairs = ["key_name": "log", "parser": "tm", "parser": "words"]
    let timed = try run(options, #"{"log":"2026-02-03T04:05:06+0100 hello"}"#)
    #expect(timed.line == #"{m:"hello"}"# && timed.time == 1_770_087_906_000_000_000)
    let untimed = try run(["key_name": "log", "parser": "words"], #"{"log":"alpha beta"}"#)
    #expect(untimed.time == 0)
  }

  @Test("metadata stays; a resource stays with the other fields and is never overshadowed")
  func beyondTheBody() throws {
    let plain: KeyValuePairs = ["key_name": "log", "parser": "words"]
    let alone = try run(plain, #"{"log":"a b"}"#, resource: "kubernetes")
    #expect(alone.line == #"{first:"a",second:"b"}"#)
    let reserve: KeyValuePairs = ["key_name": "log", "parser": "words", "reserve_data": "on"]
    let kept = try run(reserve, #"{"log":"a b"}"#, resource: "first")
    #expect(kept.line == #"{second:"b",first:{}}"#)
    let records = TestRecords([#"{"log":"a b"}"#])
    let attributes: KeyValuePairs = [
      "action": "insert", "key": "lvl", "value": "high", "context": "attributes",
    ]
    records.run(try BuiltinFilters.test("content_modifier", attributes))
    records.run(try filter(plain))
    #expect(records.metadata(0).count == 1)
    #expect(records.line(0) == #"{first:"a",second:"b"}"#)
  }

  @Test("no key, no parser and unknown parsers alone are refused")
  func refusals() throws {
    let refused: [KeyValuePairs<String, String>] = [
      ["parser": "words"], ["key_name": "log"], ["key_name": "log", "parser": "nobody"],
      ["key_name": "$a.b", "parser": "words"],
    ]
    for options in refused {
      #expect(throws: ConfigProblem.self) { try filter(options) }
    }
    _ = try filter(["key_name": "log", "parser": "nobody", "parser": "words"])
  }
}
