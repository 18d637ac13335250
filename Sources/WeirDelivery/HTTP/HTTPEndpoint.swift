/// One server and how to reach it. Connections are pooled per endpoint: two that are equal share.
public struct HTTPEndpoint: Sendable, Hashable, CustomStringConvertible {
  /// A name or an address; an IPv6 address without brackets.
  public var host: String
  /// The TCP port, 1 to 65,535.
  public var port: Int
  /// Whether the connection is encrypted.
  public var isTLS: Bool
  /// How it is encrypted, when it is.
  public var tls: TLSSettings
  /// The proxy in between; nil connects directly, whatever the environment of the process says.
  public var proxy: ProxySettings?
  /// Timeouts, addresses and the life of connections.
  public var connect: ConnectSettings
  /// Asks for HTTP/2: agreed on in the TLS handshake, and taken for granted without TLS. libcurl
  /// 7.88 stalls when a server answers before it has read the body: set a time limit.
  public var isHTTP2: Bool

  /// Makes an endpoint; everything that is left out has the default of its option.
  public init(
    host: String, port: Int, isTLS: Bool = false, tls: TLSSettings = TLSSettings(),
    proxy: ProxySettings? = nil, connect: ConnectSettings = ConnectSettings(),
    isHTTP2: Bool = false
  ) {
    self.host = host
    self.port = port
    self.isTLS = isTLS
    self.tls = tls
    self.proxy = proxy
    self.connect = connect
    self.isHTTP2 = isHTTP2
  }

  /// `https://host:port`, for messages.
  public var description: String {
    "\(isTLS ? "https" : "http")://\(HTTPEndpoint.bracketed(host)):\(port)"
  }

  /// The host as a URL has it.
  static func bracketed(_ host: String) -> String {
    host.utf8.contains(UInt8(ascii: ":")) && !host.hasPrefix("[") ? "[\(host)]" : host
  }
}

/// How a connection is encrypted and whom it trusts.
public struct TLSSettings: Sendable, Hashable {
  /// Versions of the protocol, for a lowest and a highest one.
  public enum Version: Int, Sendable, Hashable, Comparable {
    case v1_0, v1_1, v1_2, v1_3

    /// Whether `a` is the older one.
    public static func < (a: Version, b: Version) -> Bool { a.rawValue < b.rawValue }
  }

  /// Checks that the server's certificate comes from a known authority and is in date.
  public var verify = true
  /// Checks that the certificate is for the name that was asked for; only together with `verify`.
  public var verifyHostname = true
  /// The name that is sent in the handshake and checked in the certificate; nil means the host.
  public var vhost: String?
  /// Authorities, PEM, one file; with this or `caPath` those of the system count no more.
  public var caFile: String?
  /// Authorities, a folder as `openssl rehash` leaves it.
  public var caPath: String?
  /// Own certificate and what it is signed by, PEM.
  public var certificateFile: String?
  /// Key of the own certificate, PEM; nil means that it stands in `certificateFile`.
  public var keyFile: String?
  /// Password of the key.
  public var keyPassword: String?
  /// The lowest version; nil leaves it to the system.
  public var minVersion: Version?
  /// The highest version; nil leaves it to the system.
  public var maxVersion: Version?
  /// Ciphers with colons between them; names that begin with `TLS_` are those of version 1.3.
  public var ciphers: String?
  /// 0 and 1 log nothing more than failures, 2 to 4 the steps of each handshake.
  public var debugLevel = 1

  /// The defaults: verify certificate and name by the authorities of the system.
  public init() {}
}

/// A proxy: absolute targets for plain endpoints, a tunnel (CONNECT) for encrypted ones.
public struct ProxySettings: Sendable, Hashable {
  /// A name or an address; an IPv6 address without brackets.
  public var host: String
  /// The TCP port.
  public var port: Int
  /// Whether the connection to the proxy itself is encrypted.
  public var isTLS: Bool
  /// User of the proxy (Basic); nil for none.
  public var user: String?
  /// Password of that user.
  public var password: String?
  /// How the proxy itself is trusted: `verify`, `verifyHostname`, `caFile` and `caPath` count.
  public var tls: TLSSettings

  /// Makes a proxy.
  public init(
    host: String, port: Int, isTLS: Bool = false, user: String? = nil, password: String? = nil,
    tls: TLSSettings = TLSSettings()
  ) {
    self.host = host
    self.port = port
    self.isTLS = isTLS
    self.user = user
    self.password = password
    self.tls = tls
  }
}

/// How connections are made, kept and given up. Times are seconds.
public struct ConnectSettings: Sendable, Hashable {
  /// Which addresses of a name are tried first.
  public enum Preference: Sendable, Hashable {
    case any, ipv4, ipv6
  }

  /// To look the name up, connect and encrypt; 0 for no limit.
  public var connectTimeoutSeconds: Double = 10
  /// Without a byte sent or received on a connection that is made; 0 for no limit.
  public var ioTimeoutSeconds: Double = 0
  /// The address to connect from; nil leaves it to the system.
  public var sourceAddress: String?
  /// Which addresses of a name are tried first; the others follow when those fail.
  public var preference = Preference.any
  /// Uses a connection for further requests.
  public var keepAlive = true
  /// After which an unused connection is not used again; a silent client closes them all.
  public var keepAliveIdleSeconds = 30
  /// Requests over one connection; 0 for no limit.
  public var maxRecycle = 2000
  /// Requests of this endpoint under way at once; more wait inside. 0 for no limit.
  public var maxConnections = 0
  /// Probes of TCP on silent connections.
  public var tcpKeepAlive = false
  /// Seconds before the first probe; negative leaves it to the system.
  public var tcpKeepAliveIdleSeconds = -1
  /// Seconds between probes; negative leaves it to the system.
  public var tcpKeepAliveIntervalSeconds = -1
  /// Probes without an answer that end a connection; negative leaves it to the system.
  public var tcpKeepAliveProbes = -1

  /// The defaults of the options.
  public init() {}
}
