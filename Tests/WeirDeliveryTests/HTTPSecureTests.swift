import Glibc
import Testing
import WeirDelivery
import WeirTelemetry

@Suite(
  "encrypted connections", .enabled(if: SecureServers.isPossible, "\(SecureServers.missing)"))
struct HTTPSecureTests {
  private let servers: SecureServers

  init() throws { servers = try #require(SecureServers.shared, "nginx did not start") }

  /// Sends one request with a client of its own.
  private func send(_ endpoint: HTTPEndpoint, body: String = "{}") throws -> TestReader.Reply {
    try #require(try HTTPClient().exchange(endpoint, body: HTTPBody(body)))
  }

  /// The text of a TLS failure; anything else is an issue.
  private func refusal(
    _ endpoint: HTTPEndpoint, body: String = "{}", location: SourceLocation = #_sourceLocation
  ) throws -> String {
    let reply = try send(endpoint, body: body)
    guard reply.ends.count == 1, case .tls(let text)? = reply.ends[0] else {
      Issue.record("\(reply.ends) \(reply.status) \(reply.text)", sourceLocation: location)
      return ""
    }
    #expect(reply.status == 0, sourceLocation: location)
    return text
  }

  /// What nginx saw: server name, protocol, cipher, client check, HTTP version, Host, method.
  private func seen(_ endpoint: HTTPEndpoint) throws -> [String] {
    let reply = try send(endpoint)
    #expect(reply.ends == [nil] && reply.status == 200, "\(reply.ends) \(reply.text)")
    let fields = reply.text.split(separator: "|", omittingEmptySubsequences: false)
    return fields.count == 8 ? fields.map(String.init) : Array(repeating: "", count: 8)
  }

  @Test("a server of a known authority is reached, and told the name that is asked for")
  func good() throws {
    let fields = try seen(servers.endpoint(.good))
    #expect(fields[0] == "localhost" && fields[1] == "TLSv1.3" && fields[4] == "HTTP/1.1")
    // An address is checked too, but is no name to send.
    #expect(try seen(servers.endpoint(.good, host: "127.0.0.1"))[0] == "")
    let folder = servers.endpoint(.good) {
      $0.caFile = nil
      $0.caPath = servers.file("authorities")
    }
    #expect(try seen(folder)[0] == "localhost")
  }

  @Test("a certificate for another host name is refused and says so")
  func wrongName() throws {
    let text = try refusal(servers.endpoint(.wrongName))
    #expect(text.contains("for another host name") && text.contains("localhost"))
    #expect(text.contains("tls.vhost"))
    #expect(try seen(servers.endpoint(.wrongName) { $0.verifyHostname = false })[0] == "localhost")
  }

  @Test("an expired certificate is refused and says so")
  func expired() throws {
    #expect(try refusal(servers.endpoint(.expired)).contains("has expired"))
    #expect(
      try refusal(servers.endpoint(.expired) { $0.verifyHostname = false }).contains("has expired"))
  }

  @Test("a certificate of an unknown authority is refused and says so")
  func unknownAuthority() throws {
    let stranger = try refusal(servers.endpoint(.good, authority: "stranger.pem"))
    #expect(stranger.contains("unknown authority") && stranger.contains("tls.ca_file"))
    #expect(try refusal(servers.endpoint(.good) { $0.caFile = nil }).contains("unknown authority"))
  }

  @Test(
    "a missing client certificate is refused and says so, by nginx's page and by TLS alerts",
    arguments: [SecureServers.Port.clientCertificate, .alertTLS13, .alertTLS12], [2, 4 << 20])
  func missingCertificate(port: SecureServers.Port, bytes: Int) throws {
    let body = String(repeating: "x", count: bytes)
    let text = try refusal(servers.endpoint(port), body: body)
    #expect(text.contains("asks for a client certificate") && text.contains("tls.crt_file"))
  }

  @Test("a missing client certificate is named for every request, not for the first only")
  func missingCertificateAgain() throws {
    let client = HTTPClient()
    for _ in 0..<4 {
      let reply = try #require(try client.exchange(servers.endpoint(.clientCertificate)))
      guard case .tls(let text)? = reply.ends.first else {
        Issue.record("\(reply.ends)")
        continue
      }
      #expect(text.contains("client certificate"))
    }
  }

  @Test("a client certificate is shown, its key in the same file, apart, or under a password")
  func clientCertificate() throws {
    for (certificate, key, password) in [
      ("client.pem", "client.key", nil), ("both.pem", nil, nil),
      ("client.pem", "locked.key", "secret"),
    ] {
      let endpoint = servers.endpoint(.clientCertificate) {
        $0.certificateFile = servers.file(certificate)
        $0.keyFile = key.map { servers.file($0) }
        $0.keyPassword = password
      }
      #expect(try seen(endpoint)[3] == "SUCCESS")
    }
    let locked = servers.endpoint(.clientCertificate) {
      $0.certificateFile = servers.file("client.pem")
      $0.keyFile = servers.file("locked.key")
      $0.keyPassword = "wrong"
    }
    #expect(try refusal(locked).contains("check tls.key_passwd"))
    // Nobody is asked for it: a prompt would hold up every request of the process.
    let unasked = servers.endpoint(.clientCertificate) {
      $0.certificateFile = servers.file("client.pem")
      $0.keyFile = servers.file("locked.key")
    }
    #expect(try refusal(unasked).contains("set tls.key_passwd"))
  }

  @Test("without verification every certificate is taken")
  func unverified() throws {
    for port in [SecureServers.Port.good, .wrongName, .expired] {
      let endpoint = servers.endpoint(port, authority: "stranger.pem") { $0.verify = false }
      #expect(try seen(endpoint)[0] == "localhost")
    }
  }

  @Test("the virtual host is the name that is sent and checked; the Host header stays")
  func virtualHost() throws {
    let endpoint = servers.endpoint(.wrongName) { $0.vhost = "other.example" }
    let fields = try seen(endpoint)
    #expect(fields[0] == "other.example" && fields[5] == "localhost:\(endpoint.port)")
    let wrong = servers.endpoint(.good) { $0.vhost = "other.example" }
    #expect(try refusal(wrong).contains("for another host name"))
  }

  @Test("the lowest and the highest version hold")
  func versions() throws {
    #expect(try seen(servers.endpoint(.good) { $0.maxVersion = .v1_2 })[1] == "TLSv1.2")
    #expect(try seen(servers.endpoint(.good) { $0.minVersion = .v1_3 })[1] == "TLSv1.3")
    #expect(try seen(servers.endpoint(.onlyTLS12))[1] == "TLSv1.2")
    #expect(
      try refusal(servers.endpoint(.onlyTLS12) { $0.minVersion = .v1_3 })
        .contains("protocol version"))
  }

  @Test("ciphers of both kinds are chosen")
  func ciphers() throws {
    let list = "ECDHE-ECDSA-CHACHA20-POLY1305:TLS_AES_128_GCM_SHA256"
    let new = servers.endpoint(.good) { $0.ciphers = list }
    #expect(try seen(new)[2] == "TLS_AES_128_GCM_SHA256")
    #expect(
      try seen(servers.endpoint(.onlyTLS12) { $0.ciphers = list })[2]
        == "ECDHE-ECDSA-CHACHA20-POLY1305")
    #expect(try !refusal(servers.endpoint(.good) { $0.ciphers = "NO-SUCH-CIPHER" }).isEmpty)
  }

  @Test("HTTP/2 is spoken when it is asked for, else HTTP/1.1")
  func http2() throws {
    var endpoint = servers.endpoint(.http2)
    #expect(try seen(endpoint)[4] == "HTTP/1.1")
    endpoint.isHTTP2 = true
    #expect(try seen(endpoint)[4] == "HTTP/2.0")
    endpoint.port = servers.endpoint(.good).port
    #expect(try seen(endpoint)[4] == "HTTP/1.1")
  }

  @Test(
    "large bodies arrive over one kept connection, of either version", arguments: [false, true])
  func keepAlive(isHTTP2: Bool) throws {
    let client = HTTPClient()
    var endpoint = servers.endpoint(isHTTP2 ? .http2 : .good)
    endpoint.isHTTP2 = isHTTP2
    let body = HTTPBody(String(repeating: "x", count: 5 << 20))
    for _ in 0..<8 {
      let reply = try #require(try client.exchange(endpoint, target: "/read", body: body))
      #expect(reply.ends == [nil] && reply.text == "read \(5 << 20)")
    }
    #expect(eventually { client.counts.requests == 8 })
    #expect(client.counts.connections == 1)
  }

  @Test("an answer that comes before the body was sent is taken: 413 of nginx")
  func tooLarge() throws {
    let client = HTTPClient()
    for _ in 0..<3 {
      let body = HTTPBody(String(repeating: "x", count: 30 << 20))
      let reply = try #require(
        try client.exchange(servers.endpoint(.good), target: "/small", body: body))
      #expect(reply.status == 413 && reply.ends == [nil] && reply.misplaced == 0)
    }
  }

  @Test("tls.debug tells the steps of a handshake in the log")
  func debug() throws {
    let path = servers.file("tls.log")
    let log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    Log.redirect(to: log)
    defer {
      Log.redirect(to: 2)
      close(log)
    }
    // Other tests of this process write to the same log, and some hush it for a while.
    var told = ""
    for _ in 0..<600 where !(told.contains("[info] tls: ") && told.contains("Server hello")) {
      if !told.isEmpty { usleep(50_000) }
      #expect(try seen(servers.endpoint(.good) { $0.debugLevel = 2 })[0] == "localhost")
      told = servers.text(of: "tls.log") + "\n"
    }
    #expect(told.contains("[info] tls: ") && told.contains("Server hello"))
  }

  @Test("a port without TLS, and a file that is no certificate, are told apart")
  func noTLS() throws {
    let server = TestServer { connection in
      if connection.readSome() != nil { connection.reply("no", status: "400 Bad Request") }
    }
    var endpoint = servers.endpoint(.good)
    endpoint.port = server.port
    #expect(try refusal(endpoint).contains("does not speak TLS"))
    let nonsense = servers.endpoint(.good, authority: "nginx.conf")
    #expect(try refusal(nonsense).contains("nginx.conf"))
  }

  // MARK: Proxies

  @Test("an encrypted server is reached through a tunnel, with the proxy's password")
  func tunnel() throws {
    let proxy = TestProxy(credentials: "bWU6c2VjcmV0")
    var endpoint = servers.endpoint(.good)
    endpoint.proxy = ProxySettings(
      host: "127.0.0.1", port: proxy.port, user: "me", password: "secret")
    let client = HTTPClient()
    for _ in 0..<3 {
      let reply = try #require(try client.exchange(endpoint))
      #expect(reply.ends == [nil] && reply.status == 200 && reply.misplaced == 0)
    }
    #expect(proxy.lines == ["CONNECT localhost:\(endpoint.port) HTTP/1.1"])
    endpoint.proxy?.password = "wrong"
    guard case .connect(let text)? = try send(endpoint).ends.first else {
      Issue.record("the proxy let it through")
      return
    }
    #expect(text.contains("407"))
  }

  @Test("the name in the certificate counts through a tunnel too")
  func tunnelVerified() throws {
    let proxy = TestProxy()
    var endpoint = servers.endpoint(.wrongName)
    endpoint.proxy = ProxySettings(host: "127.0.0.1", port: proxy.port)
    #expect(try refusal(endpoint).contains("for another host name"))
    endpoint.tls.vhost = "other.example"
    #expect(try seen(endpoint)[0] == "other.example")
  }

  @Test("an encrypted proxy is checked as the proxy's options say")
  func encryptedProxy() throws {
    let server = servers.endpoint(.good)
    var endpoint = HTTPEndpoint(host: "weir-test.invalid", port: 8080)
    endpoint.proxy = ProxySettings(
      host: "localhost", port: server.port, isTLS: true, tls: server.tls)
    let reply = try send(endpoint)
    #expect(reply.status == 200 && reply.text.contains("|weir-test.invalid:8080|POST|"))
    endpoint.proxy?.tls.caFile = servers.file("stranger.pem")
    let text = try refusal(endpoint)
    #expect(text.contains("the proxy's certificate") && text.contains("tls.proxy.ca_file"))
    endpoint.proxy?.tls.verify = false
    #expect(try send(endpoint).ends == [nil])
  }
}
