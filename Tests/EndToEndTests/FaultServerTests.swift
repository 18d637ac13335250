import Glibc
import Testing

extension EndToEnd {
  /// The server has to notice what is wrong before it can say that nothing is.
  @Suite("the fault server")
  struct FaultServers {
    static let isThere = access(FaultServer.executable, X_OK) == 0 || Settings.isStrict
    static let missing: Comment = "no weir-faultserver: run scripts/build"

    private static func text(_ key: String, _ number: Int) -> String {
      var bytes = [UInt8](repeating: 0, count: 60)
      bytes.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        NumberedText.put(key: Array(key.utf8), number: number, length: 60, to: base)
      }
      return String(decoding: bytes, as: UTF8.self)
    }

    private static func body(_ key: String, _ numbers: ClosedRange<Int>, ids: Bool = false)
      -> String
    {
      numbers.map { number in
        let id = ids ? #","_id":"\#(key)-\#(number)""# : ""
        return #"{"create":{"_index":"logs"\#(id)}}"# + "\n"
          + #"{"@timestamp":"2026","log":"\#(text(key, number))"}"# + "\n"
      }.joined()
    }

    private func post(_ body: String, to server: FaultServer) -> HTTPCall? {
      HTTPCall.send("POST", "/_bulk", port: server.port, body: body, type: "application/x-ndjson")
    }

    private func statuses(_ reply: HTTPCall?) -> [Int] {
      reply?.json["items"].elements.compactMap { $0["create"]["status"].int } ?? []
    }

    @Test("missing, repeated and broken lines are told", .enabled(if: isThere, missing))
    func finds() throws {
      let scratch = Scratch("faults")
      let server = try FaultServer(in: scratch)
      #expect(statuses(post(Self.body("a", 1...5), to: server)) == [201, 201, 201, 201, 201])
      #expect(server.verdict(expecting: ["a": 5]) == [])
      #expect(server.verdict(expecting: ["a": 7]) == ["a: 5 of 7 lines, without 6...7"])
      _ = post(Self.body("a", 4...6), to: server)
      #expect(server.verdict(expecting: ["a": 6]) == ["2 duplicates: a 4, a 5"])
      #expect(server.verdict(expecting: ["a": 6], allowsRepeats: true) == [])
      let broken = Self.body("a", 7...7).replacing("h", with: "i", maxReplacements: 1)
      _ = post(broken, to: server)
      #expect(server.stats()["broken"] == 1)
      #expect(post("{\"create\":{\"_index\":\"x\"}}\n", to: server)?.status == 400)
      #expect(server.stats()["malformed"] == 1)
    }

    @Test("an id is stored once", .enabled(if: isThere, missing))
    func ids() throws {
      let scratch = Scratch("faults")
      let server = try FaultServer(in: scratch)
      #expect(statuses(post(Self.body("a", 1...2, ids: true), to: server)) == [201, 201])
      #expect(statuses(post(Self.body("a", 1...3, ids: true), to: server)) == [409, 409, 201])
      #expect(server.verdict(expecting: ["a": 3]) == [])
      #expect(server.stats()["conflicts"] == 2)
    }

    @Test(
      "each fault does what it is called", .enabled(if: isThere, missing),
      arguments: [
        ("status=503", 503), ("status=401", 401), ("max_body=10", 413), ("html=1", 200),
        ("not_bulk=1", 200), ("empty=1", 200),
      ])
    func wholeRequests(fault: String, status: Int) throws {
      let scratch = Scratch("faults")
      let server = try FaultServer(in: scratch)
      server.setFaults(fault)
      let reply = post(Self.body("a", 1...3), to: server)
      #expect(reply?.status == status)
      #expect(reply?.json["items"] ?? .null == .null)
      #expect(server.stats()["stored"] == 0)
      server.setFaults()
      #expect(statuses(post(Self.body("a", 1...3), to: server)) == [201, 201, 201])
    }

    @Test("items are refused one by one", .enabled(if: isThere, missing))
    func items() throws {
      let scratch = Scratch("faults")
      let server = try FaultServer(in: scratch)
      server.setFaults("throttle_every=3")
      #expect(statuses(post(Self.body("a", 1...4), to: server)) == [201, 201, 429, 201])
      server.setFaults("reject_every=2&odd=1&pad=1000000")
      let reply = post(Self.body("b", 1...4), to: server)
      #expect(statuses(reply) == [201, 400, 201, 400])
      #expect(reply?.body.utf8.count ?? 0 > 1_000_000)
      #expect(server.stats().stream("b")["rejected"].int == 2)
      _ = post(Self.body("b", 2...2), to: server)
      #expect(server.stats()["rejected_again"] == 1)
      server.setFaults("block_every=1")
      #expect(statuses(post(Self.body("c", 1...1), to: server)) == [403])
    }

    @Test("connections are refused, reset and cut off", .enabled(if: isThere, missing))
    func connections() throws {
      let scratch = Scratch("faults")
      let server = try FaultServer(in: scratch)
      server.setFaults("refuse=1&seconds=1")
      Clock.sleep(0.1)
      #expect(post(Self.body("a", 1...1), to: server) == nil)
      #expect(Clock.wait(5) { post(Self.body("a", 1...1), to: server)?.status == 200 })
      server.setFaults("reset_request=1")
      #expect(post(Self.body("b", 1...50), to: server) == nil)
      #expect(server.stats().stream("b") == .null)
      server.setFaults("half_reply=1")
      let half = post(Self.body("c", 1...50), to: server)
      #expect(half?.status == 200)
      #expect(half?.json == .null)
      #expect(server.stats().stream("c")["distinct"].int == 50)
    }
  }
}
