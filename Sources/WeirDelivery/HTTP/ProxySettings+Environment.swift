import Glibc
import WeirConfig

/// The proxy that the environment names, as Fluent Bit and most programs read it.
extension ProxySettings {
  /// The proxy of an endpoint, or nil.
  ///
  /// `HTTP_PROXY` holds for every endpoint; for encrypted ones `HTTPS_PROXY` goes before it. Each
  /// is also looked for in lower case. Nothing is read but the given environment.
  static func from(
    _ environment: Environment, for endpoint: HTTPEndpoint, _ instance: InstanceConfig
  ) throws(ConfigProblem) -> ProxySettings? {
    let names = endpoint.isTLS ? ["HTTPS_PROXY", "HTTP_PROXY"] : ["HTTP_PROXY"]
    for name in names {
      guard let text = environment.value(name) ?? environment.value(name.lowercased()) else {
        continue
      }
      let exceptions = environment.value("NO_PROXY") ?? environment.value("no_proxy") ?? ""
      if NoProxyList(exceptions).covers(endpoint.host, port: endpoint.port) { return nil }
      guard var proxy = ProxySettings(url: text) else {
        throw instance.problem(
          "the environment variable \(name) is no address of a proxy",
          suggestion: "write it as http://USER:PASSWORD@HOST:PORT or set net.proxy_env_ignore on")
      }
      if proxy.isTLS { proxy.tls = try TLSSettings(ofProxy: instance) }
      return proxy
    }
    return nil
  }

  /// Reads `SCHEME://USER:PASSWORD@HOST:PORT`; scheme, user and port may be missing, a path is
  /// left out. Nil for anything else.
  init?(url: String) {
    var rest = Substring(url)
    var isTLS = false
    if let mark = url.range(of: "://") {
      switch url[..<mark.lowerBound].lowercased() {
      case "http": isTLS = false
      case "https": isTLS = true
      default: return nil
      }
      rest = url[mark.upperBound...]
    }
    rest = rest.prefix { $0 != "/" }
    var user: String?
    var password: String?
    if let at = rest.lastIndex(of: "@") {
      let pair = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      user = pair.first.map { ProxySettings.decoded($0) }
      password = pair.count > 1 ? ProxySettings.decoded(pair[1]) : nil
      rest = rest[rest.index(after: at)...]
    }
    guard let (host, port) = ProxySettings.split(rest), HTTPEndpoint.isHost(host) else {
      return nil
    }
    self.init(
      host: HTTPEndpoint.unbracketed(host), port: port ?? (isTLS ? 443 : 80), isTLS: isTLS,
      user: user, password: password)
  }

  /// `host`, `host:port`, `[::1]:port`.
  static func split(_ text: Substring) -> (host: String, port: Int?)? {
    let tail = text.hasPrefix("[") ? text.drop { $0 != "]" } : text
    guard let colon = tail.firstIndex(of: ":") else { return (String(text), nil) }
    guard let port = Int(text[text.index(after: colon)...]), (1...65535).contains(port) else {
      return nil
    }
    return (String(text[..<colon]), port)
  }

  /// The text without `%41`.
  static func decoded(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(2)
      if byte == UInt8(ascii: "%"), digits.count == 2,
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// Whom to reach without a proxy: names with everything below them, addresses, networks, or `*`.
struct NoProxyList {
  private let entries: [Substring]

  init(_ text: String) {
    entries = text.split { $0 == "," || $0 == " " }
  }

  func covers(_ host: String, port: Int) -> Bool {
    let name = host.lowercased()
    return entries.contains { matches(String($0).lowercased(), name, port) }
  }

  private func matches(_ entry: String, _ name: String, _ port: Int) -> Bool {
    if entry == "*" || entry == name { return true }
    if entry.contains("/") { return NoProxyList.network(entry, contains: name) }
    guard let (host, only) = HTTPEndpoint.isIPv6(entry) ? (entry, nil) : split(entry) else {
      return false
    }
    if let only, only != port { return false }
    let domain = HTTPEndpoint.unbracketed(host.hasPrefix("*.") ? String(host.dropFirst(2)) : host)
    if domain.isEmpty { return false }
    if domain.hasPrefix(".") { return name.hasSuffix(domain) || name == domain.dropFirst() }
    return name == domain || name.hasSuffix("." + domain)
  }

  private func split(_ entry: String) -> (host: String, port: Int?)? {
    ProxySettings.split(Substring(entry))
  }

  /// Whether an address lies in `10.0.0.0/8` or `fd00::/8`; never for a name.
  static func network(_ network: String, contains address: String) -> Bool {
    let parts = network.split(separator: "/", maxSplits: 1)
    guard parts.count == 2, let bits = Int(parts[1]), let base = bytes(String(parts[0])),
      let other = bytes(address), base.count == other.count, (0...base.count * 8).contains(bits)
    else { return false }
    for index in 0..<base.count {
      let left = bits - index * 8
      if left <= 0 { return true }
      let mask: UInt8 = left >= 8 ? 0xFF : ~(0xFF >> UInt8(left))
      if base[index] & mask != other[index] & mask { return false }
    }
    return true
  }

  private static func bytes(_ address: String) -> [UInt8]? {
    var short = in_addr()
    if inet_pton(AF_INET, address, &short) == 1 { return withUnsafeBytes(of: short) { Array($0) } }
    var long = in6_addr()
    if inet_pton(AF_INET6, address, &long) == 1 { return withUnsafeBytes(of: long) { Array($0) } }
    return nil
  }
}

extension String {
  /// The first place of a short text.
  fileprivate func range(of text: String) -> Range<Index>? {
    var from = startIndex
    while from < endIndex {
      if self[from...].hasPrefix(text) { return from..<index(from, offsetBy: text.count) }
      from = index(after: from)
    }
    return nil
  }
}
