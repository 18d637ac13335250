import Glibc
import Testing
import WeirDelivery
import WeirSystem

@Suite("the HTTP client")
struct HTTPClientTests {
  /// Answers every request of a connection with its line and body.
  static func echo() -> TestServer {
    TestServer { connection in
      while let request = connection.readRequest() {
        connection.reply(request.line + "\n" + String(decoding: request.body, as: UTF8.self))
      }
    }
  }

  static func endpoint(
    _ server: TestServer, _ change: (inout ConnectSettings) -> Void = { _ in }
  ) -> HTTPEndpoint {
    var connect = ConnectSettings()
    change(&connect)
    return HTTPEndpoint(host: "127.0.0.1", port: server.port, connect: connect)
  }

  @Test("a request arrives as it was built, and its reply comes back whole")
  func exchange() throws {
    let seen = Locked(TestConnection.Request())
    let server = TestServer { connection in
      while let request = connection.readRequest() {
        seen.withLock { $0 = request }
        connection.reply("{\"ok\":true}", status: "201 Created")
      }
    }
    let client = HTTPClient()
    let body = String(repeating: "x", count: 3 << 20)
    let reply = try #require(
      try client.exchange(
        Self.endpoint(server), target: "/_bulk?pipeline=a%20b",
        headers: [
          HTTPHeader("Content-Type", "application/x-ndjson"), HTTPHeader("X-Empty", ""),
          HTTPHeader(fixed: "User-Agent", "weir"),
        ], body: HTTPBody(body)))
    #expect(reply.status == 201 && reply.contentType == "application/json")
    #expect(reply.text == "{\"ok\":true}" && reply.ends == [nil] && reply.misplaced == 0)
    let request = seen.withLock { $0 }
    #expect(request.line == "POST /_bulk?pipeline=a%20b HTTP/1.1")
    #expect(request.header("Content-Type") == "application/x-ndjson")
    #expect(request.header("User-Agent") == "weir" && request.header("X-Empty") == "")
    #expect(request.header("Host") == "127.0.0.1:\(server.port)")
    #expect(request.header("Expect") == nil)
    #expect(String(decoding: request.body, as: UTF8.self) == body)
  }

  @Test(
    "methods are sent with and without a body",
    arguments: [("GET", ""), ("PUT", "{}"), ("DELETE", ""), ("POST", ""), ("HEAD", "")])
  func methods(method: String, body: String) throws {
    let server = TestServer { connection in
      while let request = connection.readRequest() {
        let length = request.header("Content-Length") ?? "none"
        let text = "\(request.line)|\(request.body.count)|\(length)"
        if request.line.hasPrefix("HEAD") {
          connection.write("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
        } else {
          connection.reply(text)
        }
      }
    }
    let reply = try #require(
      try HTTPClient().exchange(Self.endpoint(server), method: method, body: HTTPBody(body)))
    #expect(reply.ends == [nil] && reply.status == 200)
    let length = method == "GET" ? "none" : "\(body.utf8.count)"
    #expect(
      reply.text == (method == "HEAD" ? "" : "\(method) / HTTP/1.1|\(body.utf8.count)|\(length)"))
  }

  @Test("a connection is used again")
  func keepAlive() throws {
    let server = Self.echo()
    let client = HTTPClient()
    for number in 0..<20 {
      let reply = try #require(
        try client.exchange(Self.endpoint(server), body: HTTPBody("\(number)")))
      #expect(reply.ends == [nil] && reply.text.hasSuffix("\n\(number)"))
    }
    #expect(server.accepted == 1)
    #expect(eventually { client.counts.requests == 20 })
    #expect(client.counts == HTTPClient.Counts(requests: 20, connections: 1, failures: 0))
  }

  @Test("without keep-alive each request has its connection, and says so")
  func noKeepAlive() throws {
    let closing = Locked(0)
    let server = TestServer { connection in
      while let request = connection.readRequest() {
        if request.header("Connection") == "close" { closing.withLock { $0 += 1 } }
        connection.reply("{}")
      }
    }
    let client = HTTPClient()
    for _ in 0..<5 {
      let reply = try client.exchange(Self.endpoint(server) { $0.keepAlive = false })
      #expect(reply?.ends == [nil])
    }
    #expect(server.accepted == 5 && closing.withLock { $0 } == 5)
    #expect(eventually { server.ended == 5 })
  }

  @Test("a connection is given up after its number of requests", arguments: [(1, 7), (3, 3)])
  func recycle(limit: Int, connections: Int) throws {
    let server = Self.echo()
    let client = HTTPClient()
    for _ in 0..<7 {
      let reply = try client.exchange(Self.endpoint(server) { $0.maxRecycle = limit })
      #expect(reply?.ends == [nil])
    }
    #expect(server.accepted == connections)
  }

  @Test("a silent client closes its connections, and makes a new one afterwards")
  func idle() throws {
    let server = Self.echo()
    let client = HTTPClient()
    let endpoint = Self.endpoint(server) { $0.keepAliveIdleSeconds = 1 }
    #expect(try client.exchange(endpoint)?.ends == [nil])
    #expect(server.ended == 0)
    #expect(eventually { server.ended == 1 })
    #expect(try client.exchange(endpoint)?.ends == [nil])
    #expect(server.accepted == 2)
  }

  @Test("a kept connection that the server has closed costs no failure")
  func closedByServer() throws {
    let server = TestServer { connection in
      if connection.readRequest() != nil { connection.reply("{}") }
    }
    let client = HTTPClient()
    for _ in 0..<5 { #expect(try client.exchange(Self.endpoint(server))?.ends == [nil]) }
    #expect(server.accepted == 5)
  }

  @Test("no more requests are under way to an endpoint than it allows; the others wait in order")
  func maxConnections() throws {
    let server = TestServer { connection in
      while connection.readRequest() != nil {
        usleep(5000)
        connection.reply("{}")
      }
    }
    let client = HTTPClient()
    let endpoint = Self.endpoint(server) { $0.maxConnections = 2 }
    let readers = (0..<20).map { _ in TestReader() }
    for reader in readers {
      client.send(try HTTPRequest(endpoint: endpoint, target: "/"), reader)
    }
    for reader in readers { #expect(reader.wait()?.ends == [nil]) }
    #expect(server.openMax <= 2)
  }

  @Test("many threads send at once; each request ends once with its own reply")
  func manyThreads() throws {
    let server = Self.echo()
    let client = HTTPClient()
    let endpoint = Self.endpoint(server) { $0.maxConnections = 16 }
    let readers = (0..<800).map { _ in TestReader() }
    for first in 0..<8 {
      Thread.start {
        for index in stride(from: first, to: readers.count, by: 8) {
          guard
            let request = try? HTTPRequest(
              endpoint: endpoint, target: "/", body: HTTPBody("body \(index)"))
          else { continue }
          client.send(request, readers[index])
        }
      }
    }
    for (index, reader) in readers.enumerated() {
      let reply = try #require(reader.wait())
      #expect(reply.ends == [nil] && reply.misplaced == 0)
      #expect(reply.text.hasSuffix("\nbody \(index)"))
    }
  }

  private final class Owner {
    let gone: @Sendable () -> Void
    init(_ gone: @escaping @Sendable () -> Void) { self.gone = gone }
    deinit { gone() }
  }

  @Test("the owner of a body lives until the reply has ended, and no longer")
  func bodyLife() throws {
    let isGone = Locked(false)
    let wasGoneEarly = Locked(false)
    let server = TestServer { connection in
      guard connection.readRequest() != nil else { return }
      usleep(50_000)
      if isGone.withLock({ $0 }) { wasGoneEarly.withLock { $0 = true } }
      connection.reply("{}")
    }
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 1)
    bytes.initializeMemory(as: UInt8.self, repeating: 0x61)
    defer { bytes.deallocate() }
    let client = HTTPClient()
    let reader = TestReader()
    client.send(
      try HTTPRequest(
        endpoint: Self.endpoint(server), target: "/",
        body: HTTPBody(
          borrowing: UnsafeRawBufferPointer(bytes),
          keeping: Owner { isGone.withLock { $0 = true } })), reader)
    #expect(reader.wait()?.ends == [nil])
    #expect(!wasGoneEarly.withLock { $0 })
    #expect(eventually { isGone.withLock { $0 } })
  }

  @Test("a closed client cancels what is under way and what comes after")
  func close() throws {
    let server = TestServer { connection in
      while connection.readRequest() != nil {}
    }
    let client = HTTPClient()
    let reader = TestReader()
    let request = try HTTPRequest(endpoint: Self.endpoint(server), target: "/")
    client.send(request, reader)
    #expect(eventually { server.accepted == 1 })
    client.close()
    #expect(reader.reply.ends == [.cancelled])
    let late = TestReader()
    client.send(request, late)
    #expect(late.wait()?.ends == [.cancelled])
    #expect(eventually { server.ended == 1 })
  }

  private final class ClosingReader: HTTPReplyReader {
    let client = Locked<HTTPClient?>(nil)
    let ended = TestReader()
    func begin(status: Int, contentType: String) { ended.begin(status: status, contentType: "") }
    func receive(_ bytes: UnsafeRawBufferPointer) -> Bool { ended.receive(bytes) }
    func end(_ failure: HTTPFailure?) {
      client.withLock { client in
        client?.close()
        client = nil
      }
      ended.end(failure)
    }
  }

  @Test("a reader may close the client and let go of it")
  func closedByReader() throws {
    let server = Self.echo()
    let reader = ClosingReader()
    let request = try HTTPRequest(endpoint: Self.endpoint(server), target: "/")
    reader.client.withLock { client in
      client = HTTPClient()
      client?.send(request, reader)
    }
    #expect(reader.ended.wait()?.ends == [nil])
    #expect(eventually { server.ended == 1 })
  }

  @Test("a client that was never used leaves nothing behind")
  func unused() {
    let client = HTTPClient()
    client.cancel(HTTPOwner())
    client.close()
    #expect(client.counts == HTTPClient.Counts())
  }

  @Test("cancelling ends what its owner sent before, once, and nothing of others or sent after")
  func cancel() throws {
    let isHeld = Locked(true)
    let server = TestServer { connection in
      while connection.readRequest() != nil {
        while isHeld.withLock({ $0 }) { usleep(1000) }
        connection.reply("{}")
      }
    }
    let client = HTTPClient()
    let endpoint = Self.endpoint(server) { $0.maxConnections = 3 }
    let owner = HTTPOwner()
    let request = try HTTPRequest(endpoint: endpoint, target: "/", owner: owner)
    let foreign = try HTTPRequest(endpoint: endpoint, target: "/", owner: HTTPOwner())
    let readers = (0..<10).map { _ in TestReader() }
    let others = (0..<10).map { _ in TestReader() }
    // Of both some have a connection, and the others wait for one.
    for (mine, other) in zip(readers, others) {
      client.send(request, mine)
      client.send(foreign, other)
    }
    #expect(eventually { server.accepted == 3 })
    client.cancel(owner)
    let after = TestReader()
    client.send(request, after)
    for reader in readers { #expect(reader.wait()?.ends == [.cancelled]) }
    #expect(others.allSatisfy { $0.reply.ends.isEmpty })
    isHeld.withLock { $0 = false }
    #expect(after.wait()?.ends == [nil])
    for reader in others { #expect(reader.wait()?.ends == [nil]) }
    for reader in readers { #expect(reader.reply.ends.count == 1) }
  }
}
