internal import CWeirHTTP
import WeirTelemetry

/// The request as libcurl's options.
extension HTTPTransfer {
  /// Sets every option of the request; a failure when one of them cannot be.
  func configure() -> HTTPFailure? {
    guard let request, let route else { return .broken("there is no request") }
    let options = HTTPOptions(easy)
    setBasics(options)
    setTarget(request, route, options)
    setHeaders(request, route, options)
    setConnection(route.endpoint.connect, options)
    setProxy(route.endpoint, options)
    if route.endpoint.isTLS { setTLS(route.endpoint.tls, options) }
    if route.endpoint.isTLS || route.endpoint.proxy?.isTLS == true { setNotes(route.endpoint) }
    guard let problem = options.problem else { return nil }
    return route.endpoint.isTLS ? .tls(problem) : .connect(problem)
  }

  private func setBasics(_ options: HTTPOptions) {
    // SAFETY: the handle never outlives the transfer, which `HTTPThread.active` keeps meanwhile.
    let context = Unmanaged.passUnretained(self).toOpaque()
    weir_curl_set_sinks(
      easy,
      { data, size, count, context in
        HTTPTransfer.sink(data, size * count, context) { $0.takeHeader($1) }
      },
      { data, size, count, context in
        HTTPTransfer.sink(data, size * count, context) { $0.takeBody($1) }
      }, context)
    weir_curl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
    weir_curl_set_protocols(easy)
    options.set(CURLOPT_NOSIGNAL, 1)
    options.set(CURLOPT_FOLLOWLOCATION, 0)
    options.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    options.set(CURLOPT_PATH_AS_IS, 1)
    // Nobody asked for it, but a reply that comes encoded is decoded.
    options.set(CURLOPT_ACCEPT_ENCODING, "identity")
    weir_curl_set_quick_exit(easy)
  }

  private static func sink(
    _ data: UnsafeMutablePointer<CChar>?, _ count: Int, _ context: UnsafeMutableRawPointer?,
    _ take: (HTTPTransfer, UnsafeRawBufferPointer) -> Bool
  ) -> Int {
    guard let context else { return 0 }
    // SAFETY: the context is the transfer that set it, alive while its handle is in the pool.
    let transfer = Unmanaged<HTTPTransfer>.fromOpaque(context).takeUnretainedValue()
    // Anything but `count` makes libcurl give up.
    return take(transfer, UnsafeRawBufferPointer(start: data, count: count)) ? count : ~count
  }

  private func setTarget(_ request: HTTPRequest, _ route: HTTPRoute, _ options: HTTPOptions) {
    options.set(CURLOPT_URL, route.origin + request.target)
    let body = request.body.bytes
    switch request.method {
    case "GET" where body.isEmpty: options.set(CURLOPT_HTTPGET, 1)
    case "HEAD" where body.isEmpty: options.set(CURLOPT_NOBODY, 1)
    default:
      options.set(CURLOPT_POST, 1)
      weir_curl_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, body.count)
      // The bytes are not copied: `request` keeps them until `release`.
      let start = body.isEmpty ? UnsafeRawPointer(errorText) : body.baseAddress
      weir_curl_set_pointer(easy, CURLOPT_POSTFIELDS, start)
      if request.method != "POST" { options.set(CURLOPT_CUSTOMREQUEST, request.method) }
    }
    if request.timeoutSeconds > 0 {
      options.set(CURLOPT_TIMEOUT_MS, milliseconds(request.timeoutSeconds))
    }
    let isHTTP2 = route.endpoint.isHTTP2
    let version =
      !isHTTP2
      ? CURL_HTTP_VERSION_1_1
      : route.endpoint.isTLS
        ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
    options.set(CURLOPT_HTTP_VERSION, version)
    if isHTTP2 { options.set(CURLOPT_PIPEWAIT, 1) }
  }

  private func setHeaders(_ request: HTTPRequest, _ route: HTTPRoute, _ options: HTTPOptions) {
    // Without this, libcurl waits up to a second for leave to send a body over 1 MiB.
    options.append("Expect:", to: &headers)
    var hasContentType = false
    var hasHost = false
    for header in request.headers {
      // A semicolon is how libcurl is told to send an empty value.
      let line = header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)"
      options.append(line, to: &headers)
      hasContentType = hasContentType || header.name.lowercased() == "content-type"
      hasHost = hasHost || header.name.lowercased() == "host"
    }
    if !hasContentType { options.append("Content-Type:", to: &headers) }
    if !hasHost, let line = route.hostHeader { options.append(line, to: &headers) }
    if !route.endpoint.connect.keepAlive && !route.endpoint.isHTTP2 {
      options.append("Connection: close", to: &headers)
    }
    weir_curl_set_pointer(easy, CURLOPT_HTTPHEADER, headers)
    if let rule = route.detour {
      options.append(rule, to: &detour)
      weir_curl_set_pointer(easy, CURLOPT_CONNECT_TO, detour)
    }
  }

  private func setConnection(_ connect: ConnectSettings, _ options: HTTPOptions) {
    // 0 would mean libcurl's own five minutes.
    let limit = connect.connectTimeoutSeconds
    options.set(CURLOPT_CONNECTTIMEOUT_MS, limit > 0 ? milliseconds(limit) : Int(Int32.max))
    if let address = connect.sourceAddress { options.set(CURLOPT_INTERFACE, "host!\(address)") }
    switch connect.preference {
    case .any: break
    case .ipv4: options.set(CURLOPT_IPRESOLVE, Int(CURL_IPRESOLVE_V4))
    case .ipv6: options.set(CURLOPT_IPRESOLVE, Int(CURL_IPRESOLVE_V6))
    }
    if connect.keepAlive {
      // 0 would mean no limit.
      options.set(CURLOPT_MAXAGE_CONN, max(1, connect.keepAliveIdleSeconds))
      if connect.maxRecycle == 1 { options.set(CURLOPT_FRESH_CONNECT, 1) }
    } else {
      options.set(CURLOPT_FRESH_CONNECT, 1)
      options.set(CURLOPT_FORBID_REUSE, 1)
    }
    probes.pointee.wanted = connect.tcpKeepAlive ? 1 : 0
    probes.pointee.idle_seconds = Int32(clamping: connect.tcpKeepAliveIdleSeconds)
    probes.pointee.interval_seconds = Int32(clamping: connect.tcpKeepAliveIntervalSeconds)
    probes.pointee.count = Int32(clamping: connect.tcpKeepAliveProbes)
    weir_curl_set_socket(easy, probes)
  }

  private func setProxy(_ endpoint: HTTPEndpoint, _ options: HTTPOptions) {
    // Both are set in any case: else libcurl looks into the environment itself.
    options.set(CURLOPT_NOPROXY, "")
    guard let proxy = endpoint.proxy else {
      options.set(CURLOPT_PROXY, "")
      return
    }
    let host = HTTPEndpoint.bracketed(proxy.host)
    options.set(CURLOPT_PROXY, "\(proxy.isTLS ? "https" : "http")://\(host):\(proxy.port)")
    if let user = proxy.user {
      options.set(CURLOPT_PROXYUSERNAME, user)
      options.set(CURLOPT_PROXYPASSWORD, proxy.password ?? "")
    }
    guard proxy.isTLS else { return }
    options.set(CURLOPT_PROXY_SSL_VERIFYPEER, proxy.tls.verify ? 1 : 0)
    options.set(
      CURLOPT_PROXY_SSL_VERIFYHOST, proxy.tls.verify && proxy.tls.verifyHostname ? 2 : 0)
    setAuthorities(proxy.tls, CURLOPT_PROXY_CAINFO, CURLOPT_PROXY_CAPATH, options)
  }

  private func setTLS(_ tls: TLSSettings, _ options: HTTPOptions) {
    options.set(CURLOPT_SSL_VERIFYPEER, tls.verify ? 1 : 0)
    options.set(CURLOPT_SSL_VERIFYHOST, tls.verify && tls.verifyHostname ? 2 : 0)
    setAuthorities(tls, CURLOPT_CAINFO, CURLOPT_CAPATH, options)
    if let file = tls.certificateFile {
      options.set(CURLOPT_SSLCERT, file)
      options.set(CURLOPT_SSLKEY, tls.keyFile ?? file)
      // Without any, OpenSSL would ask for it on the terminal, and every request would wait.
      options.set(CURLOPT_KEYPASSWD, tls.keyPassword ?? "")
    }
    options.set(CURLOPT_SSLVERSION, HTTPOptions.versions(tls))
    guard let ciphers = tls.ciphers else { return }
    let names = ciphers.split(separator: ":")
    let new = names.filter { $0.hasPrefix("TLS_") }.joined(separator: ":")
    let old = names.filter { !$0.hasPrefix("TLS_") }.joined(separator: ":")
    if !old.isEmpty { options.set(CURLOPT_SSL_CIPHER_LIST, old) }
    if !new.isEmpty { options.set(CURLOPT_TLS13_CIPHERS, new) }
  }

  private func setAuthorities(
    _ tls: TLSSettings, _ file: CURLoption, _ folder: CURLoption, _ options: HTTPOptions
  ) {
    if tls.caFile == nil && tls.caPath == nil { return }
    // Null takes the system's authorities away.
    options.set(file, tls.caFile)
    options.set(folder, tls.caPath)
    // A file that is replaced counts from the next connection on, not after a day.
    weir_curl_set_fresh_authorities(easy)
  }

  private func setNotes(_ endpoint: HTTPEndpoint) {
    if endpoint.tls.debugLevel > 1 {
      notes.pointee.tell = { text, count in
        guard let text else { return }
        let bytes = UnsafeRawBufferPointer(start: text, count: count)
        let line = String(decoding: bytes.prefix { $0 >= 0x20 }, as: UTF8.self)
        if !line.isEmpty { Log.info("tls: \(line)") }
      }
    }
    weir_curl_set_notes(easy, notes)
  }

  private func milliseconds(_ seconds: Double) -> Int {
    Int(min(max((seconds * 1000).rounded(.up), 1), Double(Int32.max)))
  }
}

/// Sets options of one handle and remembers the first that was refused.
final class HTTPOptions {
  private let easy: UnsafeMutableRawPointer
  private(set) var problem: String?

  init(_ easy: UnsafeMutableRawPointer) { self.easy = easy }

  func set(_ option: CURLoption, _ value: Int) {
    note(weir_curl_set_number(easy, option, value), option)
  }

  func set(_ option: CURLoption, _ value: String?) {
    note(weir_curl_set_text(easy, option, value), option)
  }

  func append(_ text: String, to list: inout UnsafeMutablePointer<curl_slist>?) {
    list = weir_curl_append(list, text)
    if list == nil { problem = problem ?? "memory is out" }
  }

  private func note(_ code: CURLcode, _ option: CURLoption) {
    if code == CURLE_OK || problem != nil { return }
    let text = weir_curl_error_text(code).map { String(cString: $0) } ?? ""
    problem = "libcurl refuses its option \(option.rawValue): \(text)"
  }

  /// The lowest and the highest version as libcurl packs them.
  static func versions(_ tls: TLSSettings) -> Int {
    let low =
      switch tls.minVersion {
      case nil: CURL_SSLVERSION_DEFAULT
      case .v1_0: CURL_SSLVERSION_TLSv1_0
      case .v1_1: CURL_SSLVERSION_TLSv1_1
      case .v1_2: CURL_SSLVERSION_TLSv1_2
      case .v1_3: CURL_SSLVERSION_TLSv1_3
      }
    let high =
      switch tls.maxVersion {
      case nil: CURL_SSLVERSION_MAX_NONE
      case .v1_0: CURL_SSLVERSION_MAX_TLSv1_0
      case .v1_1: CURL_SSLVERSION_MAX_TLSv1_1
      case .v1_2: CURL_SSLVERSION_MAX_TLSv1_2
      case .v1_3: CURL_SSLVERSION_MAX_TLSv1_3
      }
    return low | high
  }
}
