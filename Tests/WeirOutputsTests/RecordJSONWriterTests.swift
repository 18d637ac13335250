import CWeirPlugin
import Testing
import WeirBatch
import WeirConfig
import WeirStage
import WeirTestSupport

@testable import WeirOutputs

/// 2026-02-03T04:05:06.123456789Z
let someTime: Int64 = 1_770_091_506_123_456_789

@Suite("the JSON writer")
struct RecordJSONWriterTests {
  private func json(
    _ fields: [(String, TestValue)], _ style: JSONStyle = JSONStyle(), time: Int64 = 0,
    duplicates: Bool = false
  ) -> String {
    let test = TestBatch()
    let record = test.add(fields, time: time, duplicates: duplicates)
    let payload = Payload()
    RecordJSONWriter(style).append(record, of: test.batch, to: payload)
    return payload.text
  }

  @Test("each type of value has its form")
  func types() {
    let fields: [(String, TestValue)] = [
      ("s", .text("text")), ("i", .int(-7)), ("u", .unsigned(.max)), ("f", .double(1.5)),
      ("w", .double(2)), ("e", .double(1e-05)), ("t", .bool(true)), ("n", .bool(false)),
      ("z", .null), ("a", .array([.int(1), .text("b")])), ("m", .map([("k", .text("v"))])),
      ("j", .json("{\"x\":[1]}")), ("q", .jsonText("a\\\"b")), ("b", .binary([0x41, 0x00])),
      ("em", .map([])), ("ea", .array([])),
    ]
    #expect(
      json(fields) == #"{"s":"text","i":-7,"u":18446744073709551615,"f":1.5,"w":2.0,"e":1e-05,"#
        + #""t":true,"n":false,"z":null,"a":[1,"b"],"m":{"k":"v"},"j":{"x":[1]},"q":"a\"b","#
        + #""b":"A\u0000","em":{},"ea":[]}"#)
    #expect(json([]) == "{}")
  }

  @Test("text is escaped as the reference does")
  func escapes() {
    let value = "q\" b\\ / \u{8}\u{c}\n\r\t \0\u{1}\u{1f}\u{7f} é € 😀 \u{2028}"
    #expect(
      json([("s", .text(value)), ("ké\ny", .int(1))])
        == #"{"s":"q\" b\\ / \b\f\n\r\t \u0000\u0001\u001f\u007f "#
        + #"\u00e9 \u20ac \ud83d\ude00 \u2028","k\u00e9\ny":1}"#
    )
    var raw = JSONStyle()
    raw.escapeUnicode = false
    #expect(
      json([("s", .text("é € 😀 \u{1} \"")), ("ké", .int(1))], raw)
        == #"{"s":"é € 😀 \u0001 \"","ké":1}"#)
  }

  @Test("invalid UTF-8 becomes private-use text, or the replacement character")
  func invalidUTF8() {
    let bytes: [UInt8] = Array("caf".utf8) + [0xe9] + Array(" x".utf8)
    #expect(json([("log", .text(bytes, flags: 0))]) == "{\"log\":\"caf\u{e0e9} x\"}")
    var raw = JSONStyle()
    raw.escapeUnicode = false
    #expect(json([("log", .text(bytes, flags: 0))], raw) == "{\"log\":\"caf\u{fffd} x\"}")
  }

  @Test("canonical JSON is spliced, its non-ASCII in the wanted form")
  func splices() {
    let fields: [(String, TestValue)] = [("j", .json("{\"é\":1}")), ("q", .jsonText("€\\n"))]
    #expect(json(fields) == #"{"j":{"\u00e9":1},"q":"\u20ac\n"}"#)
    var raw = JSONStyle()
    raw.escapeUnicode = false
    #expect(json(fields, raw) == #"{"j":{"é":1},"q":"€\n"}"#)
  }

  @Test("NaN is raw, or null when asked")
  func nan() {
    #expect(json([("x", .double(.infinity))]) == "{\"x\":inf}")
    var style = JSONStyle()
    style.nanToNull = true
    #expect(
      json([("x", .double(.nan)), ("y", .double(-.infinity))], style) == #"{"x":null,"y":null}"#)
  }

  @Test("of equal keys the last one is written, at its own place", arguments: [true, false])
  func duplicates(flagged: Bool) {
    let fields: [(String, TestValue)] = [
      ("a", .int(1)), ("b", .int(2)), ("a", .int(3)), ("b", .text("added")),
    ]
    let expected = flagged ? #"{"a":3,"b":"added"}"# : #"{"a":1,"b":2,"a":3,"b":"added"}"#
    #expect(json(fields, duplicates: flagged) == expected)
  }

  @Test("duplicates are found inside maps as well, and maps do not disturb each other")
  func nestedDuplicates() {
    let inner: [(String, TestValue)] = [("a", .int(1)), ("b", .int(2)), ("a", .int(3))]
    let fields: [(String, TestValue)] = [
      ("a", .int(0)), ("m", .map(inner)), ("b", .map(inner)), ("a", .int(9)),
    ]
    #expect(
      json(fields, duplicates: true) == #"{"m":{"b":2,"a":3},"b":{"b":2,"a":3},"a":9}"#)
  }

  @Test(
    "the date comes first in each of the five forms",
    arguments: [
      ("double", "1770091506.123457"), ("iso8601", "\"2026-02-03T04:05:06.123456Z\""),
      ("epoch", "1770091506"), ("epoch_ms", "1770091506123"),
      ("java_sql_timestamp", "\"2026-02-03 04:05:06.123456\""),
    ])
  func dates(word: String, text: String) throws {
    let config = InstanceConfig(
      kind: .output, plugin: "stdout", options: ["json_date_format": "\(word)"])
    let style = try JSONStyle(config, escapeUnicode: true, nanToNull: false)
    #expect(json([("a", .int(1))], style, time: someTime) == "{\"date\":\(text),\"a\":1}")
    #expect(json([], style, time: someTime) == "{\"date\":\(text)}")
  }

  @Test("a date key can be named, switched off, and lost to the record's own field")
  func dateKeys() throws {
    func style(_ key: String) throws -> JSONStyle {
      try JSONStyle(
        InstanceConfig(
          kind: .output, plugin: "stdout",
          options: ["json_date_key": "\(key)", "json_date_format": "epoch"]),
        escapeUnicode: true, nanToNull: false)
    }
    #expect(json([("a", .int(1))], try style("@t"), time: someTime) == #"{"@t":1770091506,"a":1}"#)
    #expect(json([("a", .int(1))], try style("false"), time: someTime) == #"{"a":1}"#)
    #expect(json([("a", .int(1)), ("@t", .int(2))], try style("@t")) == #"{"a":1,"@t":2}"#)
  }

  @Test("metadata stands behind the date, and only where it is asked for")
  func metadata() throws {
    let fields: [(String, TestValue)] = [("a", .int(1)), ("", .metadata([("k", .text("v"))]))]
    #expect(json(fields) == #"{"a":1}"#)
    let style = try JSONStyle(
      InstanceConfig(kind: .output, plugin: "stdout", options: ["json_date_format": "epoch"]),
      escapeUnicode: true, nanToNull: false)
    #expect(
      json(fields, style)
        == #"{"date":0,"__internal__":{"log_metadata":{"k":"v"}},"a":1}"#)
  }

  @Test("a resource stands behind the record's own keys and wins over an equal one")
  func resources() {
    let test = TestBatch()
    let record = test.add([("log", .text("x")), ("kubernetes", .int(1)), ("a", .int(2))])
    test.setResource("kubernetes", #"{"pod":"é"}"#, of: record)
    let payload = Payload()
    let writer = RecordJSONWriter(JSONStyle())
    writer.append(record, of: test.batch, to: payload)
    #expect(payload.text == #"{"log":"x","a":2,"kubernetes":{"pod":"\u00e9"}}"#)
  }

  @Test("keys of the batch's own table are escaped in place")
  func localKeys() {
    let test = TestBatch()
    let record = test.add([("lo\"cal é", .int(1)), ("b", .int(2))], localKeys: true)
    let payload = Payload()
    RecordJSONWriter(JSONStyle()).append(record, of: test.batch, to: payload)
    #expect(payload.text == #"{"lo\"cal \u00e9":1,"b":2}"#)
  }

  @Test("nesting without an end becomes null, not a crash")
  func depth() {
    var value = TestValue.int(1)
    for _ in 0..<200 { value = .array([value]) }
    let text = json([("deep", value)])
    #expect(text.contains("[null]"))
    #expect(JSONReader.read(Array(text.utf8)) != nil)
  }

  @Test("the fast writer agrees with the naive one", arguments: 1...40)
  func differential(seed: Int) {
    for escapes in [true, false] {
      for flagged in [true, false] {
        var records = RandomRecords(seed: UInt64(seed))
        records.repeats = flagged
        let style = JSONStyle(escapeUnicode: escapes)
        let writer = RecordJSONWriter(style)
        let naive = NaiveJSON(escapeUnicode: escapes)
        for _ in 0..<20 {
          let fields = records.fields()
          let test = TestBatch()
          let record = test.add(fields, duplicates: flagged)
          let payload = Payload(capacity: 64)
          writer.append(record, of: test.batch, to: payload)
          #expect(
            payload.text == naive.object(fields, unique: flagged), "seed \(seed)")
        }
      }
    }
  }

  @Test("any record is one line of valid JSON", arguments: 100...140)
  func validity(seed: Int) {
    var records = RandomRecords(seed: UInt64(seed))
    records.repeats = true
    let writer = RecordJSONWriter(JSONStyle())
    for _ in 0..<20 {
      let test = TestBatch()
      let record = test.add(records.fields(), duplicates: true)
      let payload = Payload()
      writer.append(record, of: test.batch, to: payload)
      #expect(!payload.bytes.contains(UInt8(ascii: "\n")), "seed \(seed)")
      #expect(JSONReader.read(payload.bytes) != nil, "seed \(seed): \(payload.text)")
    }
  }

  @Test("text survives being written and read", arguments: 200...230)
  func roundTrip(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    for escapes in [true, false] {
      let scalars = (0..<300).compactMap { _ in
        Unicode.Scalar(UInt32.random(in: 0...0x1_0fff, using: &random))
      }
      let text = String(String.UnicodeScalarView(scalars))
      let bytes = Array(json([("v", .text(text))], JSONStyle(escapeUnicode: escapes)).utf8)
      guard case .object(let members, _)? = JSONReader.read(bytes) else {
        Issue.record("seed \(seed): not an object")
        continue
      }
      #expect(members[[0x76]] == .string(Array(text.utf16)), "seed \(seed)")
    }
  }

  @Test("of 40,000 fields with one key the last is left")
  func manyDuplicates() {
    let test = TestBatch()
    let record = test.add([], duplicates: true)
    #expect(test.batch.grow(record, by: 40_000))
    let key = KeyTable.shared.intern("same")
    for i in 0..<40_000 { test.batch.append(.int(key, Int64(i)), to: record) }
    let payload = Payload()
    RecordJSONWriter(JSONStyle()).append(record, of: test.batch, to: payload)
    #expect(payload.text == #"{"same":39999}"#)
  }
}
