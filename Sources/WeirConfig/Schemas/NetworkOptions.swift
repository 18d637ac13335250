/// The options of everything that speaks over a network.
public enum NetworkOptions {
  /// Options of an output that connects to servers.
  public static let client: [OptionSchema] = address + tls + connection

  /// The same keys on an output that has no connection: accepted, named, without effect.
  static let ignored: [OptionSchema] = (tls + connection).map {
    OptionSchema(
      $0.name, $0.type, default: $0.defaultText,
      .noCounterpart("this output makes no connection"), secret: $0.isSecret, help: $0.help)
  }

  private static let address: [OptionSchema] = [
    OptionSchema("host", help: "server name or address"),
    OptionSchema("port", .integer, help: "TCP port"),
    OptionSchema("ipv6", .bool, default: "false", help: "prefer IPv6"),
  ]

  private static let tls: [OptionSchema] = [
    OptionSchema("tls", .bool, default: "off", help: "encrypt"),
    OptionSchema("tls.verify", .bool, default: "on", help: "check the server's certificate"),
    OptionSchema("tls.verify_hostname", .bool, default: "on", help: "check the name in it"),
    OptionSchema("tls.debug", .integer, default: "1", help: "detail of TLS messages, 0 to 4"),
    OptionSchema("tls.vhost", help: "name sent in the handshake"),
    OptionSchema("tls.ca_file", help: "authorities, one file"),
    OptionSchema("tls.ca_path", help: "authorities, a folder"),
    OptionSchema("tls.crt_file", help: "own certificate"),
    OptionSchema("tls.key_file", help: "own key"),
    OptionSchema("tls.key_passwd", secret: true, help: "password of the key"),
    OptionSchema("tls.min_version", help: "lowest version"),
    OptionSchema("tls.max_version", help: "highest version"),
    OptionSchema("tls.ciphers", help: "cipher list"),
    OptionSchema(
      "tls.verify_client_cert", .bool, default: "off",
      .noCounterpart("it is for servers"), help: "servers: ask for one"),
    OptionSchema("tls.proxy.ca_file", help: "authorities of an HTTPS proxy, one file"),
    OptionSchema("tls.proxy.ca_path", help: "authorities of an HTTPS proxy, a folder"),
    OptionSchema("tls.proxy.verify", .bool, default: "on", help: "check the proxy's certificate"),
    OptionSchema("tls.proxy.verify_hostname", .bool, default: "on", help: "check its name"),
  ]

  private static let listener = OptionClass.noCounterpart("an output does not listen")
  private static let resolver = OptionClass.noCounterpart("names are looked up by the system")

  private static let connection: [OptionSchema] = [
    OptionSchema("net.dns.mode", resolver, help: "TCP or UDP"),
    OptionSchema("net.dns.resolver", resolver, help: "LEGACY or ASYNC"),
    OptionSchema("net.dns.prefer_ipv4", .bool, default: "false", help: "IPv4 first"),
    OptionSchema("net.dns.prefer_ipv6", .bool, default: "false", help: "IPv6 first"),
    OptionSchema("net.keepalive", .bool, default: "true", help: "use connections again"),
    OptionSchema("net.keepalive_idle_timeout", .time, default: "30s", help: "idle connections"),
    OptionSchema("net.keepalive_max_recycle", .integer, default: "2000", help: "uses of one"),
    OptionSchema("net.tcp_keepalive", .bool, default: "off", help: "keep-alive probes of TCP"),
    OptionSchema("net.tcp_keepalive_time", .integer, default: "-1", help: "seconds before them"),
    OptionSchema("net.tcp_keepalive_interval", .integer, default: "-1", help: "between them"),
    OptionSchema("net.tcp_keepalive_probes", .integer, default: "-1", help: "how many"),
    OptionSchema("net.connect_timeout", .time, default: "10s", help: "to connect"),
    OptionSchema(
      "net.connect_timeout_log_error", .bool, default: "true",
      .noCounterpart("a failed connection is always reported"), help: "report it"),
    OptionSchema(
      "net.io_timeout", .time, default: "90s",
      help: "of a silent connection; ten times it, at least 5 min, for a request; 0 for neither"),
    OptionSchema("net.source_address", help: "address to connect from"),
    OptionSchema("net.max_worker_connections", .integer, default: "0", help: "0 for no limit"),
    OptionSchema("net.proxy_env_ignore", .bool, default: "false", help: "no HTTP_PROXY"),
    OptionSchema("net.share_port", .bool, default: "false", listener, help: "listeners only"),
    OptionSchema("net.backlog", .integer, default: "128", listener, help: "listeners only"),
    OptionSchema("net.accept_timeout", .time, default: "10s", listener, help: "listeners only"),
    OptionSchema(
      "net.accept_timeout_log_error", .bool, default: "true", listener, help: "listeners only"),
  ]
}
