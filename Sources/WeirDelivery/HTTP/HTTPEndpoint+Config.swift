import Glibc
import WeirConfig

/// The `host`, `port`, `ipv6`, `tls.*` and `net.*` options of an output as an endpoint.
extension HTTPEndpoint {
  /// Reads the options of an output that connects to a server.
  ///
  /// Unlike in Fluent Bit, `tls.verify on` checks the certificate's name too, unless the
  /// configuration says `tls.verify_hostname off`.
  ///
  /// - Parameters:
  ///   - defaultPort: of the plugin, for an output without `port`.
  ///   - environment: where `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are looked up.
  /// - Throws: a problem at the option that cannot be, such as a file that cannot be read.
  public init(
    _ instance: InstanceConfig, defaultPort: Int, environment: Environment = .current
  ) throws(ConfigProblem) {
    let host = instance.text("host") ?? "127.0.0.1"
    guard HTTPEndpoint.isHost(host) else {
      throw instance.problem(
        "\"\(HTTPText.shown(host))\" is no name and no address", key: "host",
        suggestion: host.contains("/") ? "leave out the scheme and the path" : nil)
    }
    let port = try instance.integer("port", default: defaultPort, in: 1...65535)
    let isTLS = try instance.bool("tls", default: false)
    self.init(
      host: HTTPEndpoint.unbracketed(host), port: port, isTLS: isTLS,
      tls: isTLS ? try TLSSettings(instance) : TLSSettings(),
      connect: try ConnectSettings(instance))
    if try !instance.bool("net.proxy_env_ignore", default: false) {
      proxy = try ProxySettings.from(environment, for: self, instance)
    }
  }

  /// Whether a text can stand in a URL as a host: nothing in it begins another part of one.
  static func isHost(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 1024
      && text.utf8.allSatisfy { byte in
        byte > 0x20 && byte != 0x7F && !"/?#@\\\"<>{}|^`%".utf8.contains(byte)
      } && (!text.contains(":") || isIPv6(unbracketed(text)))
  }

  static func isIPv6(_ text: String) -> Bool {
    var address = in6_addr()
    return inet_pton(AF_INET6, text, &address) == 1
  }

  static func unbracketed(_ host: String) -> String {
    host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
  }
}

extension TLSSettings {
  /// Reads the `tls.*` options of an output with `tls on`.
  init(_ instance: InstanceConfig) throws(ConfigProblem) {
    self.init()
    verify = try instance.bool("tls.verify", default: true)
    // The option's default in the reference is off; only a written one turns the check off here.
    verifyHostname = try instance.bool("tls.verify_hostname", default: true)
    debugLevel = try instance.integer("tls.debug", default: 1, in: 0...4)
    vhost = try TLSSettings.name(instance)
    caFile = try TLSSettings.certificates("tls.ca_file", instance)
    caPath = try TLSSettings.readable("tls.ca_path", instance)
    certificateFile = try TLSSettings.certificates("tls.crt_file", instance)
    keyFile = try TLSSettings.readable("tls.key_file", instance)
    if keyFile != nil, certificateFile == nil {
      throw instance.problem(
        "a key without its certificate", key: "tls.key_file", suggestion: "set tls.crt_file too")
    }
    keyPassword = TLSSettings.text("tls.key_passwd", instance)
    if certificateFile != nil {
      let key = keyFile == nil ? "tls.crt_file" : "tls.key_file"
      try TLSSettings.checkKey(key, hasPassword: keyPassword != nil, instance)
    }
    minVersion = try TLSSettings.version("tls.min_version", instance)
    maxVersion = try TLSSettings.version("tls.max_version", instance)
    if let low = minVersion, let high = maxVersion, high < low {
      throw instance.problem("it is below tls.min_version", key: "tls.max_version")
    }
    ciphers = TLSSettings.text("tls.ciphers", instance)
  }

  /// Reads the `tls.proxy.*` options.
  init(ofProxy instance: InstanceConfig) throws(ConfigProblem) {
    self.init()
    verify = try instance.bool("tls.proxy.verify", default: true)
    verifyHostname = try instance.bool("tls.proxy.verify_hostname", default: true)
    caFile = try TLSSettings.certificates("tls.proxy.ca_file", instance)
    caPath = try TLSSettings.readable("tls.proxy.ca_path", instance)
  }

  /// The text of an option; an empty one counts as not set.
  private static func text(_ key: String, _ instance: InstanceConfig) -> String? {
    instance.text(key).flatMap { $0.isEmpty ? nil : $0 }
  }

  private static func name(_ instance: InstanceConfig) throws(ConfigProblem) -> String? {
    guard let name = text("tls.vhost", instance) else { return nil }
    if HTTPEndpoint.isHost(name) { return HTTPEndpoint.unbracketed(name) }
    throw instance.problem("\"\(HTTPText.shown(name))\" is no name of a host", key: "tls.vhost")
  }

  /// The path of a file or folder that can be read now: not only when a connection needs it.
  private static func readable(
    _ key: String, _ instance: InstanceConfig
  ) throws(ConfigProblem) -> String? {
    guard let path = text(key, instance) else { return nil }
    if access(path, R_OK) == 0 { return path }
    throw instance.problem("cannot read \(path): \(String(cString: strerror(errno)))", key: key)
  }

  /// The path of a file that holds a certificate.
  private static func certificates(
    _ key: String, _ instance: InstanceConfig
  ) throws(ConfigProblem) -> String? {
    guard let path = text(key, instance) else { return nil }
    let file = try pem(path, key, instance)
    if file.hasCertificate { return path }
    throw instance.problem(
      "\(path) \(file.isEmpty ? "is empty" : "holds no certificate in PEM")", key: key,
      suggestion: "name a file with lines -----BEGIN CERTIFICATE-----")
  }

  /// Refuses a key that could only be found unusable by the first connection.
  private static func checkKey(
    _ key: String, hasPassword: Bool, _ instance: InstanceConfig
  ) throws(ConfigProblem) {
    guard let path = text(key, instance) else { return }
    let file = try pem(path, key, instance)
    if !file.hasKey {
      throw instance.problem(
        "\(path) holds no private key in PEM", key: key,
        suggestion: key == "tls.crt_file" ? "set tls.key_file too" : nil)
    }
    if file.isKeyEncrypted && !hasPassword {
      throw instance.problem(
        "the key in \(path) is encrypted", key: key, suggestion: "set tls.key_passwd")
    }
  }

  private static func pem(
    _ path: String, _ key: String, _ instance: InstanceConfig
  ) throws(ConfigProblem) -> PEMFile {
    do throws(PEMFile.Unreadable) {
      return try PEMFile(path)
    } catch {
      throw instance.problem("cannot read \(path): \(error.text)", key: key)
    }
  }

  private static func version(
    _ key: String, _ instance: InstanceConfig
  ) throws(ConfigProblem) -> Version? {
    guard let word = text(key, instance)?.lowercased() else { return nil }
    switch word.hasPrefix("tlsv") ? String(word.dropFirst(4)) : word {
    case "1", "1.0": return .v1_0
    case "1.1": return .v1_1
    case "1.2": return .v1_2
    case "1.3": return .v1_3
    default:
      throw instance.problem(
        "\"\(HTTPText.shown(word))\" is not accepted; accepted is TLSv1, TLSv1.1, TLSv1.2 or "
          + "TLSv1.3", key: key)
    }
  }
}

extension ConnectSettings {
  /// Reads the `net.*` options, and `ipv6`.
  init(_ instance: InstanceConfig) throws(ConfigProblem) {
    self.init()
    connectTimeoutSeconds = Double(try ConnectSettings.time("net.connect_timeout", 10, instance))
    ioTimeoutSeconds = Double(try ConnectSettings.time("net.io_timeout", 0, instance))
    keepAlive = try instance.bool("net.keepalive", default: true)
    keepAliveIdleSeconds = try ConnectSettings.time("net.keepalive_idle_timeout", 30, instance)
    maxRecycle = try ConnectSettings.count("net.keepalive_max_recycle", 2000, instance)
    tcpKeepAlive = try instance.bool("net.tcp_keepalive", default: false)
    tcpKeepAliveIdleSeconds = try instance.integer("net.tcp_keepalive_time", default: -1)
    tcpKeepAliveIntervalSeconds = try instance.integer("net.tcp_keepalive_interval", default: -1)
    tcpKeepAliveProbes = try instance.integer("net.tcp_keepalive_probes", default: -1)
    if try instance.bool("net.dns.prefer_ipv4", default: false) {
      preference = .ipv4
    } else if try instance.bool("net.dns.prefer_ipv6", default: false) {
      preference = .ipv6
    } else if try instance.bool("ipv6", default: false) {
      preference = .ipv6
    }
    if let address = instance.text("net.source_address"), !address.isEmpty {
      guard HTTPEndpoint.isHost(address) else {
        throw instance.problem(
          "\"\(HTTPText.shown(address))\" is no address", key: "net.source_address")
      }
      sourceAddress = HTTPEndpoint.unbracketed(address)
    }
    // The limit is one of each worker; without workers there is one flow.
    let limit = try ConnectSettings.count("net.max_worker_connections", 0, instance)
    let workers = try instance.integer("workers") ?? 1
    maxConnections = limit * min(max(1, workers), 10_000)
  }

  private static func time(
    _ key: String, _ fallback: Int, _ instance: InstanceConfig
  ) throws(ConfigProblem) -> Int {
    let seconds = try instance.seconds(key, default: fallback)
    // Thirty years: what is added to a clock cannot overflow.
    guard (0...1_000_000_000).contains(seconds) else {
      throw instance.problem("a time below 0 or beyond all bounds", key: key)
    }
    return seconds
  }

  private static func count(
    _ key: String, _ fallback: Int, _ instance: InstanceConfig
  ) throws(ConfigProblem) -> Int {
    try instance.integer(key, default: fallback, in: 0...1_000_000_000)
  }
}
