import Glibc
import Testing
import WeirConfig
import WeirDelivery
import WeirSystem

/// A forward proxy: tunnels for CONNECT, an answer of its own for absolute targets.
final class TestProxy: Sendable {
  private let server: TestServer
  private let log: Lines

  private final class Lines: Sendable {
    let lines = Locked<[String]>([])
  }

  var port: Int { server.port }
  /// The first lines of what came, without those that lacked the credentials.
  var lines: [String] { log.lines.withLock { $0 } }

  init(credentials: String? = nil) {
    let log = Lines()
    self.log = log
    server = TestServer { connection in
      while let head = connection.readHead() {
        if let credentials, !head.contains("Proxy-Authorization: Basic \(credentials)") {
          connection.reply("who are you?", status: "407 Proxy Authentication Required")
          return
        }
        let line = head.prefix { $0 != "\r\n" }
        log.lines.withLock { $0.append(String(line)) }
        let words = line.split(separator: " ")
        guard words.first == "CONNECT", words.count == 3 else {
          connection.reply("from the proxy")
          return
        }
        TestProxy.tunnel(connection, Int(words[1].split(separator: ":").last ?? "") ?? 0)
        return
      }
    }
  }

  private static func tunnel(_ connection: TestConnection, _ port: Int) {
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(fd) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = UInt16(port).bigEndian
    let isConnected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        connect(fd, address, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    if !isConnected {
      connection.reply("", status: "502 Bad Gateway")
      return
    }
    connection.write("HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n")
    let other = TestConnection(fd)
    var descriptors = [
      pollfd(fd: connection.fd, events: Int16(POLLIN), revents: 0),
      pollfd(fd: fd, events: Int16(POLLIN), revents: 0),
    ]
    while poll(&descriptors, 2, -1) > 0 {
      if descriptors[0].revents != 0 {
        guard let bytes = connection.readSome(), other.write(bytes) else { return }
      }
      if descriptors[1].revents != 0 {
        guard let bytes = other.readSome(), connection.write(bytes) else { return }
      }
    }
  }
}

@Suite("proxies")
struct HTTPProxyTests {
  private static let schema = PluginSchema(
    kind: .output, name: "es", usesNetwork: true, options: [])

  private func endpoint(
    _ variables: [String: String], host: String = "es.example", _ more: [Property] = []
  ) throws -> HTTPEndpoint {
    let properties = [Property(key: "host", node: ConfigNode(text: host))] + more
    return try HTTPEndpoint(
      InstanceConfig(kind: .output, plugin: "es", properties: properties, schema: Self.schema),
      defaultPort: 9200, environment: Environment(process: variables))
  }

  @Test("a plain request goes to the proxy with its absolute target, with no environment asked")
  func plain() throws {
    let proxy = TestProxy()
    var endpoint = HTTPEndpoint(host: "weir-test.invalid", port: 9200)
    endpoint.proxy = ProxySettings(host: "127.0.0.1", port: proxy.port)
    let reply = try HTTPClient().exchange(endpoint, target: "/_bulk")
    #expect(reply?.text == "from the proxy")
    #expect(proxy.lines == ["POST http://weir-test.invalid:9200/_bulk HTTP/1.1"])
  }

  @Test("without a proxy the variables of the process do not count")
  func environmentIgnored() throws {
    let server = HTTPClientTests.echo()
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
      setenv(name, "http://127.0.0.1:1", 1)
    }
    defer {
      for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] { unsetenv(name) }
    }
    #expect(try HTTPClient().exchange(HTTPClientTests.endpoint(server))?.ends == [nil])
  }

  @Test("a proxy that cannot be reached, or has no way on, is named")
  func unreachable() throws {
    var endpoint = HTTPEndpoint(host: "weir-test.invalid", port: 443, isTLS: true)
    endpoint.proxy = ProxySettings(host: "127.0.0.1", port: TestServer.freePort())
    let refused = try HTTPClient().exchange(endpoint)
    guard case .connect? = refused?.ends.first else {
      Issue.record("\(String(describing: refused))")
      return
    }
    let proxy = TestProxy()
    endpoint.proxy?.port = proxy.port
    endpoint.port = TestServer.freePort()
    guard case .connect(let text)? = try HTTPClient().exchange(endpoint)?.ends.first else {
      Issue.record("it went through")
      return
    }
    #expect(text.contains("502"))
    endpoint.proxy?.host = "weir-proxy.invalid"
    guard case .resolve(let text)? = try HTTPClient().exchange(endpoint)?.ends.first else {
      Issue.record("it was found")
      return
    }
    #expect(text.contains("weir-proxy.invalid"))
  }

  @Test("HTTP_PROXY holds for all, HTTPS_PROXY goes before it for encrypted ones")
  func variables() throws {
    let tls = [Property(key: "tls", node: ConfigNode(text: "on"))]
    let both = ["HTTP_PROXY": "http://a:1", "https_proxy": "https://u%40x:p%3A@[::1]:2/x"]
    #expect(try endpoint(both).proxy == ProxySettings(host: "a", port: 1))
    let proxy = try #require(try endpoint(both, tls).proxy)
    #expect(proxy.host == "::1" && proxy.port == 2 && proxy.isTLS)
    #expect(proxy.user == "u@x" && proxy.password == "p:")
    #expect(try endpoint(["http_proxy": "b"], tls).proxy == ProxySettings(host: "b", port: 80))
    #expect(try endpoint([:]).proxy == nil)
    let ignored = [Property(key: "net.proxy_env_ignore", node: ConfigNode(text: "on"))]
    #expect(try endpoint(both, ignored).proxy == nil)
  }

  @Test(
    "a variable that is no address of a proxy is an error that names it",
    arguments: ["socks5://a:1", "http://", "http://a:0", "http://a:x", "http://a b:1"])
  func noProxy(text: String) throws {
    #expect { try endpoint(["HTTP_PROXY": text]) } throws: {
      "\($0)".contains("HTTP_PROXY")
    }
  }

  @Test(
    "NO_PROXY takes names with what is below them, addresses, networks, and everything",
    arguments: [
      ("es.example", "es.example", true), ("es.example", "example", true),
      ("es.example", ".example", true), ("es.example", "*.example", true),
      ("ES.example", "x, Es.Example ,y", true), ("es.example", "s.example", false),
      ("es.example", "*", true), ("es.example", "es.example:9200", true),
      ("es.example", "es.example:9201", false), ("es.example", "", false),
      ("10.1.2.3", "10.0.0.0/8", true), ("11.1.2.3", "10.0.0.0/8", false),
      ("10.1.2.3", "10.1.2.3", true), ("es.10", "10.0.0.0/8", false),
      ("10.1.2.3", "10.1.2.0/31", false), ("10.1.2.1", "10.1.2.0/31", true),
      ("fd00::5", "fd00::/8", true), ("fd00::5", "fd00::5", true), ("fe00::5", "fd00::/8", false),
      ("10.1.2.3", "0.0.0.0/0", true), ("10.1.2.3", "10.0.0.0/99", false),
      ("es.example", "/,:,.,[,]", false),
    ])
  func exceptions(host: String, list: String, isDirect: Bool) throws {
    let found = try endpoint(["HTTP_PROXY": "http://p:1", "NO_PROXY": list], host: host).proxy
    #expect((found == nil) == isDirect)
  }
}
