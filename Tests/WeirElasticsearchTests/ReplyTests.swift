import Testing
import WeirStage
import WeirTestSupport

@testable import WeirPluginHost

/// What a reply means, item by item and as a whole.
@Suite("the reply of a bulk request")
struct ReplyTests {
  private let output: PluginCarriedOutput

  init() throws { output = try Plugin.output() }

  private static func item(
    _ status: Int, _ type: String? = nil, operation: String = "create", reason: String = "why"
  ) -> String {
    let error = type.map {
      #","error":{"type":"\#($0)","reason":"\#(reason)","caused_by":{"type":"z"}}"#
    }
    return #"{"\#(operation)":{"_index":"i","_type":"_doc","_id":"1","status":\#(status)"#
      + (error ?? #","_shards":{"total":2,"status":"x"}"#) + "}}"
  }

  private static func reply(_ items: [String], errors: Bool = true) -> String {
    #"{"took":3,"errors":\#(errors),"items":["# + items.joined(separator: ",") + "]}"
  }

  static let fates: [(status: Int, type: String?, operation: String, letter: String)] = [
    (200, nil, "index", "d"), (201, nil, "create", "d"),
    (409, "version_conflict_engine_exception", "create", "u"),
    (409, "version_conflict_engine_exception", "update", "r"),
    (429, "es_rejected_execution_exception", "create", "r"),
    (503, "unavailable_shards_exception", "index", "r"), (500, "x", "create", "r"),
    (403, "cluster_block_exception", "create", "r"), (403, "security_exception", "create", "x"),
    (400, "mapper_parsing_exception", "create", "x"),
    (400, "document_parsing_exception", "create", "x"),
    (400, "illegal_argument_exception", "index", "x"),
    (400, "index_closed_exception", "create", "x"),
    (404, "document_missing_exception", "update", "x"), (0, nil, "create", "r"),
  ]

  @Test("each status of an item has its outcome", arguments: fates)
  func fate(status: Int, type: String?, operation: String, letter: String) {
    let verdict = output.reply(
      Self.reply([Self.item(201), Self.item(status, type, operation: operation)]), items: 2)
    #expect(verdict.kind == .items && verdict.letters == "d" + letter)
    guard letter == "x" || letter == "r", let type else { return }
    let detail = verdict.outcomes.detail(at: 0)
    #expect(detail.item == 1 && detail.status == status && detail.type == type)
    #expect(detail.reason == "why" && detail.place == "i")
    #expect(verdict.message.contains(type))
  }

  @Test("a proxy's 400 is blamed on documents while other requests get through, else on the way")
  func proxyRefuses() {
    let page = "<html><h1>400 Bad Request</h1>"
    func refused(_ items: Int) -> ReplyVerdict.Kind {
      output.reply(page, status: 400, items: items).kind
    }
    #expect(refused(8) == .denied && refused(1) == .denied)
    _ = output.reply(Self.reply([Self.item(201)], errors: false), items: 1)
    // One document of eight is what the proxy does not like; a single one is refused for good.
    #expect(refused(8) == .split && refused(4) == .split && refused(1) == .split)
    // Nothing has got through since: it is not the documents.
    #expect(refused(1) == .denied && refused(4) == .denied)
    _ = output.reply(Self.reply([Self.item(201)], errors: false), items: 1)
    #expect(refused(4) == .split)
  }

  static let requests: [(status: Int, body: String, kind: ReplyVerdict.Kind)] = [
    (400, "<html><h1>400 Bad Request</h1>The plain HTTP request was sent to HTTPS port", .denied),
    (400, "", .denied), (400, "{}", .denied), (400, #"{"error":"no handler found"}"#, .denied),
    (400, #"{"error":{}}"#, .denied), (400, #"{"error":{"type":"x_content_parse_excep"#, .split),
    (413, "too large", .split), (400, #"{"error":{"type":"parse_exception"}}"#, .split),
    (400, #"{"error":{"reason":"line [1] contains an unknown parameter [_type]"}}"#, .denied),
    (401, "", .denied), (403, #"{"error":{"type":"security_exception"}}"#, .denied),
    (403, #"{"error":{"type":"cluster_block_exception"},"status":403}"#, .retry),
    (404, "<html>", .denied), (301, "", .denied), (406, "", .denied), (408, "", .retry),
    (429, "{}", .retry), (500, "", .retry), (502, "<html>bad gateway</html>", .retry),
    (503, #"{"error":"x"}"#, .retry), (0, "", .retry),
    (200, #"{"took":1,"errors":false}"#, .items), (200, #"{"errors":false,"took":0}"#, .items),
    (200, #"{"took":1,"errors":true}"#, .retry), (200, #"{"took":1}"#, .retry),
    (200, #"{"errors":false}"#, .retry), (200, #"{"took":1,"errors":null}"#, .retry),
    (200, #"{"took":1,"errors":false"#, .retry), (200, #"{"a":{"took":1,"errors":false}}"#, .retry),
    (200, #"{"took":1,"errors":false,"items":[]}"#, .retry),
    (200, "", .retry), (200, "<html><body>hello</body></html>", .retry), (200, "{}", .retry),
    (200, "[]", .retry), (200, #"{"items":{}}"#, .retry), (200, #"{"items":[]}"#, .retry),
    (200, #"{"items":[1]}"#, .retry), (200, #"{"items":["a"]}"#, .retry), (204, "", .retry),
    (200, #"{"error":{"type":"x"},"status":500}"#, .retry),
    (200, #"{"items":[{"create":{"status":201}},{"create":{"status":201}}]}"#, .retry),
    (200, String(repeating: #"{"a":"#, count: 200), .retry), (200, #"{"items":[{}]} x"#, .retry),
  ]

  @Test("a whole request has its verdict", arguments: requests)
  func request(status: Int, body: String, kind: ReplyVerdict.Kind) {
    let verdict = output.reply(body, status: status, items: 1)
    #expect(verdict.kind == kind, "\(verdict)")
    if kind != .items { #expect(!verdict.message.isEmpty) }
  }

  @Test("a reply without items that tells of no errors has stored all of them")
  func withoutItems() {
    #expect(output.reply(#"{"took":1,"errors":false}"#, items: 3, piece: 2).letters == "ddd")
  }

  @Test("a server without types says so, and the message says what to set")
  func typeName() {
    let body =
      #"{"error":{"type":"illegal_argument_exception","reason":"unknown parameter [_type]"}}"#
    let verdict = output.reply(body, status: 400, items: 1)
    #expect(verdict.kind == .denied && verdict.message.contains("suppress_type_name on"))
  }

  @Test("members may come in any order, with blanks, and further ones are passed over")
  func order() {
    let reply =
      "\n{ \"items\" : [ {\"create\" : {\"error\":{\"reason\":\"r\\u00e9\\\"\",\"type\":\"t\"},"
      + "\"status\": 400, \"_index\":\"i\"}} , {\"create\":{\"status\":201,\"x\":[[],{}]}} ] ,"
      + "\"errors\" : true , \"took\": 1e3, \"more\":{\"items\":[1,2]}, \"n\":null } \r\n"
    let verdict = output.reply(reply, items: 2)
    #expect(verdict.letters == "xd")
    #expect(verdict.outcomes.detail(at: 0).reason == "ré\"")
  }

  @Test("any pieces give the same outcomes; cut anywhere, nothing counts that was not said")
  func pieces() {
    var random = SeededGenerator(seed: 7)
    for round in 0..<40 {
      let items = (0..<Int(random.next() % 8 + 1)).map { _ -> String in
        let fate = Self.fates[Int(random.next() % UInt64(Self.fates.count))]
        return Self.item(fate.status, fate.type, operation: fate.operation)
      }
      let text = Self.reply(items)
      let whole = output.reply(text, items: items.count)
      for piece in [1, 2, 3, 7, 64] {
        let other = output.reply(text, items: items.count, piece: piece)
        #expect(other.letters == whole.letters, "round \(round), pieces of \(piece)")
        #expect(other.message == whole.message)
      }
      for cut in stride(from: 0, to: text.utf8.count - 1, by: 3) {
        let part = String(decoding: Array(text.utf8)[..<cut], as: UTF8.self)
        let verdict = output.reply(part, items: items.count, isComplete: round % 2 == 0)
        #expect(verdict.kind == .items || verdict.kind == .retry)
        for (index, letter) in verdict.letters.enumerated() where letter != "r" {
          #expect(letter == Array(whole.letters)[index], "round \(round), cut at \(cut)")
        }
      }
    }
  }

  @Test("no bytes can bring the reader down")
  func rubbish() {
    var random = SeededGenerator(seed: 11)
    let pieces = [
      "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u12", "items", "errors", "true", "201", " ",
      "\"items\":[", "{\"create\":{\"status\":", "\u{0}", "é", "\"error\":{\"type\":\"",
    ]
    for _ in 0..<3000 {
      var text = random.next() % 2 == 0 ? "{\"items\":[" : ""
      for _ in 0..<(random.next() % 24) { text += pieces[Int(random.next() % 19)] }
      _ = output.reply(text, items: 3, piece: Int(random.next() % 5) + 1)
    }
  }

  @Test("buffer_size bounds the texts of one reply; statuses stay")
  func bufferSize() throws {
    let small = try Plugin.output([("buffer_size", "10")])
    let text = Self.reply([
      Self.item(400, "t", reason: "12345678"), Self.item(400, "t", reason: "12345678"),
    ])
    let verdict = small.reply(text, items: 2)
    #expect(verdict.outcomes.detail(at: 0).reason == "12345678")
    #expect(verdict.outcomes.detail(at: 1).reason == "")
    #expect(verdict.outcomes.detail(at: 1).status == 400)
    let unlimited = try Plugin.output([("buffer_size", "false")])
    #expect(unlimited.reply(text, items: 2).outcomes.detail(at: 1).reason == "12345678")
  }

  @Test("a long reason is cut between characters")
  func longReason() {
    let reason = String(repeating: "é", count: 3000)
    let verdict = output.reply(Self.reply([Self.item(400, "t", reason: reason)]), items: 1)
    let kept = verdict.outcomes.detail(at: 0).reason
    #expect(kept.utf8.count <= 1024 && kept.utf8.count > 1000 && kept.allSatisfy { $0 == "é" })
  }
}
