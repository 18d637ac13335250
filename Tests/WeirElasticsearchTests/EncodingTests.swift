import CWeirPlugin
import Testing
import WeirBatch
import WeirConfig
import WeirStage
import WeirTelemetry
import WeirTestSupport

@testable import WeirPluginHost

/// What each option does to the body of a request.
@Suite("the body of a bulk request")
struct EncodingTests {
  private static let time = "\"@timestamp\":\"2026-02-03T04:05:06.789Z\""

  /// The two lines of one record `{"a.b":"x","id":"i1"}`.
  private func pair(
    _ options: [(String, String)], type: String = "es"
  ) throws -> (action: String, document: String) {
    let lines = try Plugin.output(options, type: type)
      .lines(batch([[("a.b", "x"), ("id", "i1")]]))
    try #require(lines.count == 2)
    return (lines[0], lines[1])
  }

  static let actions: [(options: [(String, String)], line: String)] = [
    ([], #"{"create":{"_index":"fluent-bit","_type":"_doc"}}"#),
    ([("index", "logs")], #"{"create":{"_index":"logs","_type":"_doc"}}"#),
    ([("index", "a\"}\nb")], #"{"create":{"_index":"a\"}\nb","_type":"_doc"}}"#),
    ([("index", "app-$msg.x")], #"{"create":{"_index":"app-$msg.x","_type":"_doc"}}"#),
    ([("type", "t")], #"{"create":{"_index":"fluent-bit","_type":"t"}}"#),
    ([("suppress_type_name", "on")], #"{"create":{"_index":"fluent-bit"}}"#),
    ([("logstash_format", "on")], #"{"create":{"_index":"logstash-2026.02.03","_type":"_doc"}}"#),
    (
      [("logstash_format", "on"), ("logstash_prefix", "web"), ("suppress_type_name", "on")],
      #"{"create":{"_index":"web-2026.02.03"}}"#
    ),
    (
      [("logstash_format", "on"), ("logstash_prefix_separator", "_")],
      #"{"create":{"_index":"logstash_2026.02.03","_type":"_doc"}}"#
    ),
    (
      [("logstash_format", "on"), ("logstash_dateformat", "%Y-%m-%d.%H")],
      #"{"create":{"_index":"logstash-2026-02-03.04","_type":"_doc"}}"#
    ),
    (
      [("logstash_format", "on"), ("logstash_prefix_key", "id")],
      #"{"create":{"_index":"i1-2026.02.03","_type":"_doc"}}"#
    ),
    (
      [("logstash_format", "on"), ("logstash_prefix_key", "$none['x']")],
      #"{"create":{"_index":"logstash-2026.02.03","_type":"_doc"}}"#
    ),
    (
      [("write_operation", "index")], #"{"index":{"_index":"fluent-bit","_type":"_doc"}}"#
    ),
    ([("id_key", "id")], #"{"create":{"_index":"fluent-bit","_type":"_doc","_id":"i1"}}"#),
    (
      [("id_key", "$id"), ("suppress_type_name", "on")],
      #"{"create":{"_index":"fluent-bit","_id":"i1"}}"#
    ),
    (
      [("id_key", "id"), ("write_operation", "update")],
      #"{"update":{"_index":"fluent-bit","_type":"_doc","_id":"i1"}}"#
    ),
    (
      [("id_key", "id"), ("write_operation", "upsert"), ("generate_id", "on")],
      #"{"update":{"_index":"fluent-bit","_type":"_doc","_id":"i1"}}"#
    ),
  ]

  @Test("action lines", arguments: actions)
  func action(options: [(String, String)], line: String) throws {
    #expect(try pair(options).action == line)
  }

  static let documents: [(options: [(String, String)], line: String)] = [
    ([], "{\(time),\"a.b\":\"x\",\"id\":\"i1\"}"),
    ([("time_key", "when")], #"{"when":"2026-02-03T04:05:06.789Z","a.b":"x","id":"i1"}"#),
    ([("time_key", "id")], #"{"a.b":"x","id":"i1"}"#),
    (
      [("time_key_format", "%d/%b/%Y %H:%M:%S")],
      #"{"@timestamp":"03/Feb/2026 04:05:06.789Z","a.b":"x","id":"i1"}"#
    ),
    (
      [("time_key_nanos", "on")],
      #"{"@timestamp":"2026-02-03T04:05:06.789012345Z","a.b":"x","id":"i1"}"#
    ),
    (
      [("include_tag_key", "on")],
      "{\(time),\"flb-key\":\"check.one\",\"a.b\":\"x\",\"id\":\"i1\"}"
    ),
    (
      [("include_tag_key", "on"), ("tag_key", "t")],
      "{\(time),\"t\":\"check.one\",\"a.b\":\"x\",\"id\":\"i1\"}"
    ),
    (
      [("include_tag_key", "on"), ("tag_key", "@timestamp")],
      #"{"@timestamp":"check.one","a.b":"x","id":"i1"}"#
    ),
    ([("tag_key", "t")], "{\(time),\"a.b\":\"x\",\"id\":\"i1\"}"),
    ([("replace_dots", "on")], "{\(time),\"a_b\":\"x\",\"id\":\"i1\"}"),
    (
      [("id_key", "id"), ("write_operation", "update")],
      "{\"doc\":{\(time),\"a.b\":\"x\",\"id\":\"i1\"}}"
    ),
    (
      [("id_key", "id"), ("write_operation", "upsert")],
      "{\"doc_as_upsert\":true,\"doc\":{\(time),\"a.b\":\"x\",\"id\":\"i1\"}}"
    ),
  ]

  @Test("document lines", arguments: documents)
  func document(options: [(String, String)], line: String) throws {
    #expect(try pair(options).document == line)
  }

  @Test("an index with percent signs is dated, with ids too")
  func datedIndex() throws {
    for options in [[("index", "x-%Y")], [("index", "x-%Y"), ("id_key", "id")]] {
      let action = try pair(options).action
      #expect(action.contains("\"_index\":\"x-20"), "\(action)")
      #expect(!action.contains("%"))
    }
  }

  @Test("opensearch makes the index of accessors and dates; values are never conversions")
  func accessorIndex() throws {
    let options = [("index", "logs-$id.$a"), ("suppress_type_name", "on")]
    let output = try Plugin.output(options, type: "opensearch")
    let lines = output.lines(
      batch([[("id", "one"), ("a", "%Y")], [("id", "q\"\n")], [("id", "one"), ("a", "%Y")]]))
    #expect(
      lines.enumerated().filter { $0.offset % 2 == 0 }.map(\.element) == [
        #"{"create":{"_index":"logs-one.%Y"}}"#, #"{"create":{"_index":"logs-q\"\n."}}"#,
        #"{"create":{"_index":"logs-one.%Y"}}"#,
      ])
    let dated = try pair([("index", "l-$id.%Y")], type: "opensearch").action
    #expect(dated.contains("\"l-i1.20"), "\(dated)")
  }

  @Test("flags, widths and modifiers belong to a conversion in an index with accessors too")
  func conversionFlags() throws {
    for pattern in ["%-d", "%_m", "%^b", "%05Y", "%Ey", "%Om", "%#a", "%%x"] {
      var before = shell("date -u '+\(pattern)'") ?? ""
      let action = try pair([("index", "l-$id.\(pattern)")], type: "opensearch").action
      let after = shell("date -u '+\(pattern)'") ?? ""
      before.removeAll { $0 == "\n" }
      let names = [before, String(after.filter { $0 != "\n" })].map { "\"l-i1.\($0)\"" }
      #expect(names.contains { action.contains($0) }, "\(pattern): \(action)")
    }
  }

  @Test("keys that underscores make equal are one member, the last, on every level")
  func dotsMakeEqual() throws {
    let check = CheckBatch()
    check.add([
      check.parent(
        "labels", UInt32(WEIR_MAP),
        [
          check.text("app.kubernetes.io/name", "a"), check.text("x", "1"),
          check.text("app_kubernetes_io/name", "b"),
        ]),
      check.slice(
        "j", UInt32(WEIR_JSON),
        Array(
          #"{"p.q":[{"a.b":{"c":1},"a_b":"},"}],"r":{"s.t":1,"s_t":2,"s.t.":3},"p_q":0}"#.utf8)),
      check.text("a.b", "1"), check.text("a_b", "2"), check.text("a.b.", "3"),
      check.text("at.time", "own"), check.text("flb.key", "mine"),
    ])
    let lines = try Plugin.output([
      ("replace_dots", "on"), ("time_key", "at_time"), ("include_tag_key", "on"),
      ("tag_key", "flb_key"),
    ]).lines(check)
    #expect(
      lines[1] == #"{"labels":{"x":"1","app_kubernetes_io/name":"b"},"#
        + #""j":{"r":{"s_t":2,"s_t_":3},"p_q":0},"#
        + #""a_b":"2","a_b_":"3","at_time":"own","flb_key":"mine"}"#)
  }

  @Test("any record keeps of keys that become equal the last, and stays JSON")
  func dotsAtRandom() throws {
    var random = SeededGenerator(seed: 23)
    let output = try Plugin.output([("replace_dots", "on")])
    for round in 0..<300 {
      let names = (0..<Int(random.next() % 40 + 1)).map { _ in
        String((0..<3).map { _ in Array("a._b")[Int(random.next() % 4)] })
      }
      var last: [String: String] = [:]
      var fields: [(String, String)] = []
      for (index, name) in Set(names).sorted().enumerated() {
        fields.append((name, "\(index)"))
        last[String(name.map { $0 == "." ? "_" : $0 })] = "\(index)"
      }
      let line = output.lines(batch([fields]))[1]
      #expect(JSONCheck.isValue(line), "round \(round): \(line)")
      let members = line.dropFirst().dropLast().split(separator: ",").dropFirst()
      #expect(members.count == last.count, "round \(round): \(line)")
      for (key, value) in last { #expect(members.contains("\"\(key)\":\"\(value)\"")) }
    }
  }

  @Test("current_time_index takes the time of writing for index and time key")
  func currentTime() throws {
    let (action, document) = try pair([
      ("current_time_index", "on"), ("logstash_format", "on"),
      ("logstash_dateformat", "%Y.%m.%d.%H%M%S"),
    ])
    #expect(!action.contains("2026.02.03.040506"))
    #expect(!document.contains("04:05:06.789"))
    #expect(document.contains("\"@timestamp\":\"20"))
  }

  @Test("a prefix that no name can have falls back; a number is rendered; a long one is cut")
  func prefixes() throws {
    let check = CheckBatch()
    check.add([check.text("p", "a\"b")])
    check.add([check.text("p", "")])
    check.add([.int(KeyTable.shared.intern("p"), 17)])
    check.add([check.text("p", String(repeating: "é", count: 100))])
    check.add([check.slice("p", UInt32(WEIR_JSON), Array("{\"a\":1}".utf8))])
    let output = try Plugin.output([
      ("logstash_format", "on"), ("logstash_prefix_key", "p"), ("suppress_type_name", "on"),
      ("logstash_dateformat", "D"),
    ])
    let names = output.lines(check).enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    let cut = String(repeating: "\\u00e9", count: 64)
    #expect(
      names == [
        #"{"create":{"_index":"logstash-D"}}"#, #"{"create":{"_index":"logstash-D"}}"#,
        #"{"create":{"_index":"17-D"}}"#, "{\"create\":{\"_index\":\"\(cut)-D\"}}",
        #"{"create":{"_index":"logstash-D"}}"#,
      ])
  }

  @Test("a record without the id key never takes the id of the one before")
  func staleID() throws {
    let records = batch([[("uid", "a")], [("x", "1")], [("uid", "q\"")], [("uid", "c")]])
    let actions = try Plugin.output([("id_key", "uid"), ("suppress_type_name", "on")])
      .lines(records).enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    #expect(
      actions == [
        #"{"create":{"_index":"fluent-bit","_id":"a"}}"#, #"{"create":{"_index":"fluent-bit"}}"#,
        #"{"create":{"_index":"fluent-bit"}}"#, #"{"create":{"_index":"fluent-bit","_id":"c"}}"#,
      ])
  }

  @Test("updates leave out records without an id, counted, and keep ids that have to be escaped")
  func updatesWithoutID() throws {
    let output = try Plugin.output([
      ("id_key", "uid"), ("write_operation", "update"), ("suppress_type_name", "on"),
    ])
    let counters = StageCounters(kind: .output, name: "test")
    let payload = output.encode(
      batch([[("uid", "a")], [("x", "1")], [("uid", "q\"")]]), counters)
    #expect(payload.recordCount == 2 && payload.recordOffsets.count == 2)
    #expect(payload.recordOffsets.last == UInt32(payload.length))
    #expect(counters.dropped(.output) == 1)
    #expect(payload.text.contains(#""_id":"q\"""#))
    let metrics = output.instance.context.metrics
    #expect(metrics.first { $0.name == "records_without_id_total" }?.value == 1)
    #expect(metrics.first { $0.name == "unsafe_ids_total" }?.value == 1)
  }

  @Test("json.escape_unicode of the service decides how text is written")
  func unicode() throws {
    let records = batch([[("k", "ü")]])
    #expect(try Plugin.output().body(records).contains("\\u00fc"))
    var service = ServiceConfig()
    service.jsonEscapeUnicode = false
    #expect(try Plugin.output(service: service).body(records).contains("\"ü\""))
  }

  @Test("dots are replaced in keys of every level, in metadata and JSON values, and in no value")
  func nestedDots() throws {
    let check = CheckBatch()
    check.add([
      check.parent("m.a", UInt32(WEIR_MAP), [check.text("x.y", "v.w")]),
      check.slice("j.k", UInt32(WEIR_JSON), Array(#"{"p.q":["r.s",{"t.u":1.5}]}"#.utf8)),
    ])
    check.batch.records[0].time_ns = 0
    let lines = try Plugin.output([("replace_dots", "on")]).lines(check)
    #expect(
      lines[1].contains(#""m_a":{"x_y":"v.w"},"j_k":{"p_q":["r.s",{"t_u":1.5}]}"#), "\(lines[1])")
  }

  @Test("a compressed body is one gzip member of the plain one, with ends in the plain one")
  func gzip() throws {
    let records = batch((0..<50).map { [("n", "\($0)")] })
    let plain = try Plugin.output().encode(records)
    let packed = try Plugin.output([("compress", "gzip")]).encode(records)
    #expect(packed.length < plain.length && packed.uncompressedLength == plain.length)
    #expect(packed.recordOffsets == plain.recordOffsets && packed.recordCount == 50)
    let codec = try CodecRegistry.shared.factory("gzip").open(options: [])
    let inflater = MemberInflater(codec)
    var room = [UInt8](repeating: 0, count: plain.length + 64)
    var consumed = 0
    var produced = 0
    _ = room.withUnsafeMutableBytes {
      inflater.read(
        UnsafeRawBufferPointer(start: packed.base, count: packed.length), into: $0,
        consumed: &consumed, produced: &produced)
    }
    #expect(inflater.memberCount == 1 && inflater.isComplete)
    #expect(String(decoding: room[..<produced], as: UTF8.self) == plain.text)
  }
}
