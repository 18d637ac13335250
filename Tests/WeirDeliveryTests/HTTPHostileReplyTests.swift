import Glibc
import Testing
import WeirDelivery
import WeirSystem

@Suite("replies that no healthy server gives")
struct HTTPHostileReplyTests {
  private func answering(_ text: String, thenReset: Bool = false) -> TestServer {
    TestServer { connection in
      guard connection.readRequest() != nil else { return }
      connection.write(text)
      if thenReset {
        usleep(20_000)
        connection.reset()
      }
    }
  }

  private func exchange(
    _ server: TestServer, reader: TestReader = TestReader(), body: String = "{}",
    timeoutSeconds: Double = 0, _ change: (inout ConnectSettings) -> Void = { _ in }
  ) throws -> TestReader.Reply {
    try #require(
      try HTTPClient().exchange(
        HTTPClientTests.endpoint(server, change), body: HTTPBody(body),
        timeoutSeconds: timeoutSeconds, reader: reader))
  }

  private func isBroken(_ reply: TestReader.Reply) -> Bool {
    guard reply.ends.count == 1, case .broken(let text)? = reply.ends[0] else { return false }
    return !text.isEmpty && reply.misplaced == 0
  }

  /// Answers when it has read as much as comes at once, while megabytes are still to come.
  private func refusing(_ promisedBytes: Int) -> TestServer {
    TestServer { connection in
      guard connection.readHead() != nil else { return }
      _ = connection.readSome()
      connection.write(
        "HTTP/1.1 413 Payload Too Large\r\nContent-Type: text/plain\r\n"
          + "Content-Length: \(promisedBytes)\r\n\r\ntoo large")
      usleep(100_000)
      connection.reset()
    }
  }

  @Test("a server that answers 413, takes no more and resets is heard", arguments: [9, 500])
  func refusedWhileSending(promisedBytes: Int) throws {
    let server = refusing(promisedBytes)
    let reply = try exchange(server, body: String(repeating: "x", count: 16 << 20))
    #expect(reply.status == 413 && reply.text == "too large", "\(reply.ends)")
    #expect(reply.ends.count == 1 && reply.misplaced == 0)
    if promisedBytes > 9 { #expect(isBroken(reply)) } else { #expect(reply.ends == [nil]) }
  }

  @Test("a reset at once behind the 413 does not hide it", arguments: 0..<40)
  func resetAtOnce(round: Int) throws {
    let server = TestServer { connection in
      guard connection.readHead() != nil else { return }
      for _ in 0..<round % 8 { _ = connection.readSome() }
      connection.reply("too large", status: "413 Payload Too Large", type: "text/plain")
      connection.reset()
    }
    let reply = try exchange(server, body: String(repeating: "x", count: 8 << 20))
    #expect(reply.status == 413 && reply.text == "too large", "\(reply.ends)")
    #expect(reply.ends.count == 1 && reply.misplaced == 0)
  }

  @Test("answers 1xx are skipped")
  func informational() throws {
    let server = answering(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Type: text/html\r\n\r\n"
        + "HTTP/1.1 200 OK\r\ncontent-type:  application/json; charset=UTF-8 \r\n"
        + "Content-Length: 2\r\n\r\n{}")
    let reply = try exchange(server)
    #expect(reply.status == 200 && reply.ends == [nil] && reply.text == "{}")
    #expect(reply.contentType == "application/json; charset=UTF-8")
  }

  @Test("a chunked reply is put together, its trailers left out")
  func chunked() throws {
    let server = answering(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n"
        + "3\r\nabc\r\n10;ext=1\r\n0123456789abcdef\r\n0\r\nX: HTTP/1.1 500 No\r\n\r\n")
    let reply = try exchange(server)
    #expect(reply.status == 200 && reply.text == "abc0123456789abcdef" && reply.ends == [nil])
  }

  @Test(
    "a reply that ends too early is broken",
    arguments: [
      "", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n",
    ])
  func half(text: String) throws {
    #expect(isBroken(try exchange(answering(text))))
  }

  @Test("a reset in the middle of a reply is broken")
  func reset() throws {
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
    let reply = try exchange(answering(text, thenReset: true))
    #expect(isBroken(reply) && reply.status == 200 && reply.text == "half")
  }

  @Test("what is no HTTP is broken", arguments: ["SSH-2.0-OpenSSH\r\n", "\u{0}\u{1}\u{2}\r\n\r\n"])
  func noHTTP(text: String) throws {
    let reply = try exchange(answering(text))
    #expect(isBroken(reply) && reply.status == 0)
  }

  @Test("headers beyond the bound end the request, one long or many or 1xx without end")
  func longHeaders() throws {
    let long = "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 80_000) + "\r\n\r\n"
    #expect(isBroken(try exchange(answering(long))))
    let many =
      "HTTP/1.1 200 OK\r\n" + String(repeating: "X-Header: value of it\r\n", count: 4000) + "\r\n"
    #expect(isBroken(try exchange(answering(many))))
    let server = TestServer { connection in
      guard connection.readRequest() != nil else { return }
      while connection.write("HTTP/1.1 102 Processing\r\n\r\n") {}
    }
    #expect(isBroken(try exchange(server)))
  }

  /// `gzip -9` of a text.
  private func gzipped(_ command: String) throws -> [UInt8] {
    let pipe = try #require(popen("\(command) | gzip -9 | od -An -v -tu1", "r"))
    defer { pclose(pipe) }
    var text: [UInt8] = []
    while case let byte = fgetc(pipe), byte >= 0 { text.append(UInt8(byte)) }
    return text.split { $0 == 0x20 || $0 == 0x0a }.compactMap {
      UInt8(String(decoding: $0, as: UTF8.self))
    }
  }

  private func encoded(_ bytes: [UInt8], _ encoding: String = "gzip") -> TestServer {
    TestServer { connection in
      guard let request = connection.readRequest() else { return }
      // Compressing is not asked for: it would cost both sides more than it saves.
      let asked = request.header("Accept-Encoding") == "identity"
      connection.write(
        "HTTP/1.1 \(asked ? 200 : 406) OK\r\nContent-Encoding: \(encoding)\r\n"
          + "Content-Length: \(bytes.count)\r\n\r\n")
      connection.write(bytes)
    }
  }

  @Test("a reply that comes compressed unasked is read all the same")
  func compressed() throws {
    let reply = try exchange(encoded(try gzipped("printf '{\"took\":1}'")))
    #expect(reply.status == 200 && reply.ends == [nil] && reply.text == "{\"took\":1}")
  }

  @Test("a compressed reply that is damaged or in a form that nobody knows is broken")
  func compressedBadly() throws {
    let bytes = try gzipped("printf '{\"took\":1}'")
    #expect(isBroken(try exchange(encoded(Array("no gzip at all".utf8)))))
    #expect(isBroken(try exchange(encoded(bytes, "snappy"))))
  }

  @Test("a compressed reply without end is given up")
  func compressedBomb() throws {
    let bytes = try gzipped("head -c 300000000 /dev/zero")
    let reply = try exchange(encoded(bytes), reader: TestReader(bytesKept: 0))
    #expect(reply.ends == [.broken("it is longer than 256 MiB")], "\(reply.ends)")
  }

  /// A server whose reply goes on as long as anybody reads.
  private func withoutEnd() -> TestServer {
    TestServer { connection in
      guard connection.readRequest() != nil else { return }
      connection.write("HTTP/1.1 200 OK\r\n\r\n")
      while connection.write([UInt8](repeating: 0x61, count: 1 << 16)) {}
    }
  }

  @Test("a reply without end is given up")
  func endless() throws {
    let server = withoutEnd()
    let reply = try exchange(server, reader: TestReader(bytesKept: 0))
    #expect(reply.ends == [.broken("it is longer than 256 MiB")], "\(reply.ends)")
    #expect(reply.bodyBytes > 255 << 20 && reply.bodyBytes <= 256 << 20)
  }

  @Test("a huge reply streams through")
  func huge() throws {
    let bytes = 200 << 20
    let server = TestServer { connection in
      guard connection.readRequest() != nil else { return }
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(bytes)\r\n\r\n")
      let chunk = [UInt8](repeating: 0x61, count: 1 << 20)
      for _ in 0..<(bytes >> 20) where !connection.write(chunk) { return }
    }
    let reply = try exchange(server, reader: TestReader(bytesKept: 0))
    #expect(reply.ends == [nil] && reply.bodyBytes == bytes && reply.chunkCount > 200)
  }

  @Test("a reader that wants no more ends the request and its connection")
  func aborted() throws {
    let server = withoutEnd()
    let reply = try exchange(server, reader: TestReader(bytesMax: 100_000))
    #expect(reply.ends == [.aborted] && reply.misplaced == 0)
    #expect(eventually { server.ended == 1 })
  }

  @Test("a redirection is an answer like any other")
  func redirection() throws {
    let reply = try exchange(
      answering(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"))
    #expect(reply.status == 302 && reply.ends == [nil])
  }

  @Test("a server that reads but never answers ends in a timeout, of silence or of the whole")
  func silence() throws {
    let server = TestServer { connection in
      while connection.readSome() != nil {}
    }
    for reply in [
      try exchange(server) { $0.ioTimeoutSeconds = 0.5 },
      try exchange(server, timeoutSeconds: 0.5),
    ] {
      guard case .timeout(let text)? = reply.ends.first else {
        Issue.record("\(reply.ends)")
        continue
      }
      #expect(text.contains("0.5 s") || text.contains("milliseconds"))
      #expect(reply.ends.count == 1)
    }
  }

  @Test("a server that does not read ends in a timeout")
  func unread() throws {
    let server = TestServer { _ in sleep(5) }
    let reply = try exchange(server, body: String(repeating: "x", count: 32 << 20)) {
      $0.ioTimeoutSeconds = 0.5
    }
    guard case .timeout? = reply.ends.first else {
      Issue.record("\(reply.ends)")
      return
    }
  }

  @Test("an answer that comes before the body was sent is taken", arguments: [413, 503])
  func early(status: Int) throws {
    let server = TestServer { connection in
      guard connection.readHead() != nil else { return }
      connection.write("HTTP/1.1 \(status) No\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
      while connection.readSome() != nil {}
    }
    let reply = try exchange(server, body: String(repeating: "x", count: 32 << 20))
    #expect(reply.status == status && reply.text == "{}" && reply.ends == [nil])
  }

  @Test("a slow reply is no silence")
  func slow() throws {
    let server = TestServer { connection in
      guard connection.readRequest() != nil else { return }
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
      for digit in 0..<10 {
        usleep(250_000)
        connection.write("\(digit)")
      }
    }
    let reply = try exchange(server) { $0.ioTimeoutSeconds = 1.5 }
    #expect(reply.text == "0123456789" && reply.ends == [nil])
  }

  @Test("a port that nobody listens on is told from a name that nobody has")
  func nobody() throws {
    let client = HTTPClient()
    let refused = try client.exchange(
      HTTPEndpoint(host: "127.0.0.1", port: TestServer.freePort()))
    guard case .connect(let text)? = refused?.ends.first else {
      Issue.record("\(String(describing: refused))")
      return
    }
    #expect(text.contains("refused"))
    var unknown = HTTPEndpoint(host: "weir-test.invalid", port: 80)
    unknown.connect.preference = .ipv6
    guard case .resolve(let text)? = try client.exchange(unknown)?.ends.first else {
      Issue.record("not a failed look-up")
      return
    }
    #expect(text.contains("weir-test.invalid"))
  }

  @Test("addresses that are preferred are tried first, the others afterwards")
  func preference() throws {
    // The name has an IPv4 address in any case, and the server listens on that only.
    let server = HTTPClientTests.echo()
    for preference in [ConnectSettings.Preference.ipv4, .ipv6, .any] {
      var endpoint = HTTPEndpoint(host: "localhost", port: server.port)
      endpoint.connect.preference = preference
      #expect(try HTTPClient().exchange(endpoint)?.ends == [nil], "\(preference)")
    }
  }

  @Test("the address to connect from is used, and one that is not ours refused")
  func sourceAddress() throws {
    let server = HTTPClientTests.echo()
    var endpoint = HTTPClientTests.endpoint(server) { $0.sourceAddress = "127.0.0.2" }
    #expect(try HTTPClient().exchange(endpoint)?.ends == [nil])
    endpoint.connect.sourceAddress = "192.0.2.1"
    guard case .connect? = try HTTPClient().exchange(endpoint)?.ends.first else {
      Issue.record("it was not refused")
      return
    }
  }

  @Test("TCP probes are asked for on the connection as the options say")
  func probes() throws {
    let server = HTTPClientTests.echo()
    let client = HTTPClient()
    let endpoint = HTTPClientTests.endpoint(server) {
      $0.tcpKeepAlive = true
      $0.tcpKeepAliveIdleSeconds = 77
      $0.tcpKeepAliveIntervalSeconds = 11
      $0.tcpKeepAliveProbes = 5
    }
    #expect(try client.exchange(endpoint)?.ends == [nil])
    #expect(probes(to: server.port) == [1, 77, 11, 5])
    let plain = HTTPClientTests.echo()
    #expect(try client.exchange(HTTPClientTests.endpoint(plain))?.ends == [nil])
    #expect(probes(to: plain.port)?.first == 0)
  }

  /// The options of this process's socket that is connected to a port.
  private func probes(to port: Int) -> [Int32]? {
    for fd in Int32(3)..<1024 {
      var address = sockaddr_in()
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      let isFound = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
          getpeername(fd, address, &size) == 0
        }
      }
      guard isFound, Int(UInt16(bigEndian: address.sin_port)) == port else { continue }
      let options = [
        (SOL_SOCKET, SO_KEEPALIVE), (Int32(IPPROTO_TCP), TCP_KEEPIDLE),
        (Int32(IPPROTO_TCP), TCP_KEEPINTVL), (Int32(IPPROTO_TCP), TCP_KEEPCNT),
      ]
      return options.map { level, option in
        var value: Int32 = -1
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(fd, level, option, &value, &size)
        return value
      }
    }
    return nil
  }
}
