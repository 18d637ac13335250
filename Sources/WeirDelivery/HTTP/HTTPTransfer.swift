internal import CWeirHTTP

/// One libcurl handle, and the request that it carries out. Transport thread only.
final class HTTPTransfer {
  /// Bytes of all header lines of a reply, 1xx included.
  static let headerBytesMax = 64 << 10
  private static let contentTypeBytesMax = 256
  /// Bytes of a reply's body, decoded; no server has that much to say of one request.
  static let bodyBytesMax = 256 << 20

  let easy: UnsafeMutableRawPointer
  /// Where libcurl puts a sentence about a failure.
  let errorText: UnsafeMutablePointer<CChar>
  let notes: UnsafeMutablePointer<weir_http_notes>
  let probes: UnsafeMutablePointer<weir_http_probes>
  /// Its place in the list of active transfers.
  var position = 0
  private(set) var request: HTTPRequest?
  private(set) var route: HTTPRoute?
  private var reader: (any HTTPReplyReader)?
  var headers: UnsafeMutablePointer<curl_slist>?
  var detour: UnsafeMutablePointer<curl_slist>?

  // The reply as far as it came.
  private var status = 0
  private var contentType = ""
  private var headerBytes = 0
  private var isEncoded = false
  private var bodyBytes = 0
  private(set) var hasBegun = false
  private(set) var isAborted = false
  /// Ours to say where libcurl only knows that a callback refused.
  private(set) var refusal: HTTPFailure?

  // Progress.
  private var progressBytes = -1
  private var progressSeconds = 0.0
  private var isWidened = false

  /// Nil when memory is out.
  init?() {
    guard let easy = weir_curl_open() else { return nil }
    self.easy = easy
    errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
    errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    notes = .allocate(capacity: 1)
    notes.initialize(to: weir_http_notes())
    probes = .allocate(capacity: 1)
    probes.initialize(to: weir_http_probes())
  }

  /// Gives everything back; the transfer is not used again.
  func close() {
    weir_curl_close(easy)
    errorText.deallocate()
    notes.deallocate()
    probes.deallocate()
  }

  /// Takes a request.
  func prepare(_ order: HTTPLoop.Order, _ route: HTTPRoute) {
    request = order.request
    reader = order.reader
    self.route = route
    errorText[0] = 0
    notes.pointee = weir_http_notes()
    status = 0
    contentType = ""
    headerBytes = 0
    isEncoded = false
    bodyBytes = 0
    hasBegun = false
    isAborted = false
    refusal = nil
    progressBytes = -1
    isWidened = false
  }

  /// Lets go of the request and its body.
  func release() -> (reader: (any HTTPReplyReader)?, route: HTTPRoute?) {
    defer {
      request = nil
      reader = nil
      route = nil
    }
    weir_curl_reset(easy)
    weir_curl_free_list(headers)
    weir_curl_free_list(detour)
    headers = nil
    detour = nil
    return (reader, route)
  }

  // MARK: Callbacks

  /// Takes one header line; false ends the transfer.
  func takeHeader(_ line: UnsafeRawBufferPointer) -> Bool {
    headerBytes += line.count
    if headerBytes > HTTPTransfer.headerBytesMax {
      refusal = .broken("its headers are longer than \(HTTPTransfer.headerBytesMax) bytes")
      return false
    }
    // What follows the body are trailers.
    if hasBegun { return true }
    let text = trimmed(line)
    if text.isEmpty {
      if status >= 200 { return begin() }
    } else if starts(text, with: "http/") {
      status = statusCode(text)
      contentType = ""
      isEncoded = false
    } else if starts(text, with: "content-encoding:") {
      isEncoded = true
    } else if starts(text, with: "content-type:") {
      let value = trimmed(UnsafeRawBufferPointer(rebasing: text.dropFirst(13)))
      contentType = String(
        decoding: value.prefix(HTTPTransfer.contentTypeBytesMax), as: UTF8.self)
    }
    return true
  }

  /// Takes bytes of the body; false ends the transfer.
  func takeBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if bytes.isEmpty { return true }
    bodyBytes += bytes.count
    if bodyBytes > HTTPTransfer.bodyBytesMax {
      refusal = .broken("it is longer than \(HTTPTransfer.bodyBytesMax >> 20) MiB")
      return false
    }
    if reader?.receive(bytes) == true { return true }
    isAborted = true
    return false
  }

  /// Takes a reply that had arrived when libcurl ran into the reset behind it by sending.
  func hearLastWords() {
    guard !hasBegun, headerBytes == 0, let endpoint = route?.endpoint, !endpoint.isTLS,
      endpoint.proxy?.isTLS != true
    else { return }
    var count = 0
    let port = weir_curl_info_number(easy, CURLINFO_LOCAL_PORT)
    guard let start = weir_curl_last_words(port, &count) else { return }
    // SAFETY: the bytes are this thread's, and stay until it has called libcurl again.
    var rest = UnsafeRawBufferPointer(start: start, count: count)
    while !hasBegun, let end = rest.firstIndex(of: 0x0A) {
      guard takeHeader(UnsafeRawBufferPointer(rebasing: rest[...end])) else { return }
      rest = UnsafeRawBufferPointer(rebasing: rest[(end + 1)...])
    }
    // libcurl decodes what it has read itself.
    if hasBegun && !isEncoded { _ = takeBody(rest) }
  }

  private func begin() -> Bool {
    guard let route else { return false }
    noteCertificate()
    if isCertificateAnswer {
      refusal = .tls(
        "the server asks for a client certificate and answers \(status) without one: set "
          + "tls.crt_file and tls.key_file")
      return false
    }
    let connect = route.endpoint.connect
    if connect.keepAlive {
      let port = weir_curl_info_number(easy, CURLINFO_LOCAL_PORT)
      if !route.use(port: port, isNew: newConnections > 0) {
        weir_curl_set_number(easy, CURLOPT_FORBID_REUSE, 1)
      }
    }
    hasBegun = true
    route.hasAnswered = true
    reader?.begin(status: status, contentType: contentType)
    return true
  }

  /// Whether a server or proxy in front says, in a page for people, that it misses a certificate.
  private var isCertificateAnswer: Bool {
    guard lacksCertificate else { return false }
    guard status == 400 || status == 495 || status == 496 else { return false }
    return !contentType.lowercased().contains("json")
  }

  /// Whether the server has asked for a client certificate, got none, and has never answered
  /// without one or now sent an alert.
  var lacksCertificate: Bool {
    guard let route, route.endpoint.tls.certificateFile == nil else { return false }
    if route.hasAnswered && notes.pointee.alert.0 == 0 { return false }
    return notes.pointee.certificate_asked != 0 || route.certificateAsked
  }

  // MARK: How it stands

  /// Remembers what later connections will not tell again.
  func noteCertificate() {
    if notes.pointee.certificate_asked != 0 { route?.certificateAsked = true }
  }

  /// Connections that were made for this request.
  var newConnections: Int { weir_curl_info_number(easy, CURLINFO_NUM_CONNECTS) }

  /// Whether the connection was made and the request began.
  var isConnected: Bool { weir_curl_info_size(easy, CURLINFO_PRETRANSFER_TIME_T) > 0 }

  /// Whether somebody has to look whether it goes on.
  var canStall: Bool { (route?.endpoint.connect.ioTimeoutSeconds ?? 0) > 0 }

  /// The time limit, when no byte went over the connection for as long.
  func stalledSeconds(_ now: Double) -> Double? {
    guard let limit = route?.endpoint.connect.ioTimeoutSeconds, limit > 0, isConnected else {
      return nil
    }
    let bytes =
      weir_curl_info_size(easy, CURLINFO_SIZE_UPLOAD_T)
      + weir_curl_info_size(easy, CURLINFO_SIZE_DOWNLOAD_T) + headerBytes
    if bytes != progressBytes {
      progressBytes = bytes
      progressSeconds = now
      return nil
    }
    return now - progressSeconds >= limit ? limit : nil
  }

  /// Whether to try once more with every address, after those that are preferred have failed.
  func widen(after failure: HTTPFailure) -> Bool {
    switch failure {
    case .resolve, .connect: break
    default: return false
    }
    guard !isWidened, !isConnected, let route, route.endpoint.connect.preference != .any else {
      return false
    }
    isWidened = true
    errorText[0] = 0
    weir_curl_set_number(easy, CURLOPT_IPRESOLVE, Int(CURL_IPRESOLVE_WHATEVER))
    // What is remembered of the name are the addresses that failed.
    weir_curl_set_number(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0)
    return true
  }

  // MARK: Text

  private func statusCode(_ line: UnsafeRawBufferPointer) -> Int {
    var code = 0
    for byte in line.drop(while: { $0 != 0x20 }).dropFirst().prefix(3) {
      guard byte >= 0x30, byte <= 0x39 else { return 0 }
      code = code * 10 + Int(byte - 0x30)
    }
    return code
  }

  private func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    guard let first = bytes.firstIndex(where: { $0 > 0x20 }),
      let last = bytes.lastIndex(where: { $0 > 0x20 })
    else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(rebasing: bytes[first...last])
  }

  /// Whether bytes begin with `word`, which is in lower case.
  private func starts(_ bytes: UnsafeRawBufferPointer, with word: StaticString) -> Bool {
    guard bytes.count >= word.utf8CodeUnitCount else { return false }
    for index in 0..<word.utf8CodeUnitCount {
      let byte = bytes[index]
      let lower = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
      if lower != word.utf8Start[index] { return false }
    }
    return true
  }
}
