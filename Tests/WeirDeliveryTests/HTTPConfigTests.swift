import Glibc
import Testing
import WeirConfig
import WeirDelivery

@Suite("network options as endpoints")
struct HTTPConfigTests {
  private static let schema = PluginSchema(
    kind: .output, name: "es", usesNetwork: true,
    options: [OptionSchema("workers", .integer, default: "2"), OptionSchema("upstream")])
  private static let proxied = Environment(process: ["HTTP_PROXY": "https://proxy.example:1"])

  private func output(_ options: [(String, String)]) -> InstanceConfig {
    InstanceConfig(
      kind: .output, plugin: "es",
      properties: options.map { Property(key: $0.0, node: ConfigNode(text: $0.1)) },
      schema: Self.schema)
  }

  private func endpoint(
    _ options: [(String, String)], _ environment: Environment = Environment(process: [:])
  ) throws -> HTTPEndpoint {
    try HTTPEndpoint(output(options), defaultPort: 9200, environment: environment)
  }

  @Test("without options the defaults hold, and a certificate's name is checked")
  func defaults() throws {
    #expect(try endpoint([]) == HTTPEndpoint(host: "127.0.0.1", port: 9200))
    let encrypted = try endpoint([("tls", "on")])
    #expect(encrypted.isTLS && encrypted.tls == TLSSettings())
    #expect(encrypted.tls.verify && encrypted.tls.verifyHostname)
  }

  /// Files of what their names say, as far as a configuration is looked at.
  private static let files: [String: String] = [
    "cert.pem": "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n",
    "key.pem": "-----BEGIN EC PRIVATE KEY-----\nMII=\n-----END EC PRIVATE KEY-----\n",
    "both.pem": "-----BEGIN X509 CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n",
    "locked.pem": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII=\n",
    "locked-old.pem": "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", "empty.pem": "",
  ]

  /// The folder with these files, made once.
  private static let folder: String = {
    let folder = "/tmp/weir-http-config-\(getpid())"
    mkdir(folder, 0o700)
    for (name, text) in files {
      guard let file = fopen("\(folder)/\(name)", "w") else { continue }
      fputs(text, file)
      fclose(file)
    }
    return folder
  }()

  private func placed(_ options: [(String, String)]) -> [(String, String)] {
    options.map { ($0.0, Self.files[$0.1] == nil ? $0.1 : "\(Self.folder)/\($0.1)") }
  }

  /// A value that differs from the default, for each option that works.
  private static let values: [String: String] = [
    "host": "es.example", "port": "9243", "ipv6": "on", "tls": "off", "tls.verify": "off",
    "tls.verify_hostname": "off", "tls.debug": "3", "tls.vhost": "v.example",
    "tls.ca_file": "cert.pem", "tls.ca_path": "/etc", "tls.crt_file": "cert.pem",
    "tls.key_file": "key.pem", "tls.key_passwd": "secret", "tls.min_version": "TLSv1.2",
    "tls.max_version": "tlsv1.3", "tls.ciphers": "HIGH", "tls.proxy.ca_file": "cert.pem",
    "tls.proxy.ca_path": "/etc", "tls.proxy.verify": "off", "tls.proxy.verify_hostname": "off",
    "net.dns.prefer_ipv4": "on", "net.dns.prefer_ipv6": "on", "net.keepalive": "off",
    "net.keepalive_idle_timeout": "5s", "net.keepalive_max_recycle": "7",
    "net.tcp_keepalive": "on", "net.tcp_keepalive_time": "1", "net.tcp_keepalive_interval": "2",
    "net.tcp_keepalive_probes": "3", "net.connect_timeout": "1m", "net.io_timeout": "9",
    "net.source_address": "127.0.0.2", "net.max_worker_connections": "4",
    "net.proxy_env_ignore": "on",
  ]

  @Test("every option that is said to work changes the endpoint")
  func everyOption() throws {
    let base = placed([("tls", "on"), ("tls.crt_file", "both.pem"), ("tls.key_file", "both.pem")])
    let plain = try endpoint(base, Self.proxied)
    var tried = 0
    for option in NetworkOptions.client where option.optionClass == .works {
      let value = try #require(Self.values[option.name], "\(option.name) is not tried")
      let changed = try endpoint(base + placed([(option.name, value)]), Self.proxied)
      #expect(changed != plain, "\(option.name)")
      tried += 1
    }
    #expect(tried == Self.values.count)
  }

  @Test("options reach the setting that they are about")
  func settings() throws {
    let made = try endpoint([
      ("host", "[::1]"), ("port", "1"), ("tls", "yes"), ("tls.verify_hostname", "on"),
      ("tls.min_version", "1.1"), ("tls.max_version", "TLSV1.2"), ("workers", "3"),
      ("net.max_worker_connections", "4"), ("net.connect_timeout", "2m"),
      ("net.dns.prefer_ipv6", "on"), ("net.keepalive_idle_timeout", "0"),
    ])
    #expect(made.host == "::1" && made.port == 1 && made.description == "https://[::1]:1")
    #expect(made.tls.minVersion == .v1_1 && made.tls.maxVersion == .v1_2)
    #expect(made.connect.maxConnections == 12 && made.connect.connectTimeoutSeconds == 120)
    #expect(made.connect.preference == .ipv6 && made.connect.keepAliveIdleSeconds == 0)
  }

  @Test(
    "what cannot be is an error at its place",
    arguments: [
      ("host", "http://es.example/"), ("host", "a b"), ("host", ""), ("host", "a:b"),
      ("host", "a@b"), ("host", "a\r\nX: y"), ("port", "0"), ("port", "65536"), ("port", "x"),
      ("tls.ca_file", "/nowhere/ca.pem"), ("tls.key_file", "key.pem"),
      ("tls.ca_file", "/etc"), ("tls.ca_file", "empty.pem"), ("tls.ca_file", "/etc/passwd"),
      ("tls.ca_file", "key.pem"), ("tls.ca_file", "/dev/null"), ("tls.crt_file", "cert.pem"),
      ("tls.min_version", "SSLv3"), ("tls.max_version", "TLSv1.1"), ("tls.debug", "5"),
      ("tls.verify", "perhaps"), ("tls.vhost", "a/b"), ("net.connect_timeout", "-1"),
      ("net.source_address", "a b"), ("net.max_worker_connections", "-1"),
    ])
  func refused(key: String, value: String) throws {
    let base = [("tls", "on"), ("tls.min_version", "TLSv1.2")].filter { $0.0 != key }
    #expect { try endpoint(base + placed([(key, value)])) } throws: { error in
      (error as? ConfigProblem)?.key == key
    }
  }

  @Test(
    "an encrypted key without its password is an error that says what to set",
    arguments: ["locked.pem", "locked-old.pem"])
  func lockedKey(name: String) throws {
    let options = placed([("tls", "on"), ("tls.crt_file", "cert.pem"), ("tls.key_file", name)])
    #expect { try endpoint(options) } throws: { error in
      "\(error)".contains("tls.key_file: the key in ")
        && "\(error)".contains("is encrypted; set tls.key_passwd")
    }
    #expect(try endpoint(options + [("tls.key_passwd", "x")]).tls.keyPassword == "x")
    let other = placed([("tls", "on"), ("tls.crt_file", "cert.pem"), ("tls.key_file", "cert.pem")])
    #expect { try endpoint(other) } throws: { error in
      "\(error)".contains("holds no private key in PEM")
    }
  }

  @Test("headers, methods and targets that would change the request are refused when it is built")
  func requests() throws {
    #expect(throws: HTTPRequestError.headerValue("A")) { try HTTPHeader("A", "x\r\nB: y") }
    #expect(throws: HTTPRequestError.headerValue("A")) { try HTTPHeader("A", "x\u{0}") }
    for name in ["", "A:", "A B", "A\n", "\u{e9}"] {
      #expect(throws: HTTPRequestError.headerName(name)) { try HTTPHeader(name, "x") }
    }
    let endpoint = HTTPEndpoint(host: "a", port: 1)
    for target in ["", "a", "/a b", "/a\r\n", "/a#b", "/\u{e9}", "http://b/"] {
      #expect(throws: HTTPRequestError.target(target)) {
        try HTTPRequest(endpoint: endpoint, target: target)
      }
    }
    #expect(throws: HTTPRequestError.method("GET /")) {
      try HTTPRequest(endpoint: endpoint, method: "GET /", target: "/")
    }
  }
}
