internal import CWeirHTTP
import Glibc

/// What libcurl reports, as a sentence that says what to do.
extension HTTPTransfer {
  /// The failure of a transfer that has ended with `code`; nil for a complete reply.
  func failure(_ code: CURLcode) -> HTTPFailure? {
    if let refusal { return refusal }
    if isAborted { return .aborted }
    switch code {
    case CURLE_OK: return hasBegun ? nil : .broken("it has no headers")
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: return .resolve(text(code))
    case CURLE_OPERATION_TIMEDOUT: return .timeout(text(code))
    case CURLE_PEER_FAILED_VERIFICATION: return .tls(verification(code))
    case CURLE_SSL_CERTPROBLEM: return .tls(text(code) + keyAdvice)
    case CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CIPHER,
      CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_ISSUER_ERROR,
      CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_USE_SSL_FAILED:
      return .tls(text(code))
    case CURLE_SSL_CONNECT_ERROR: return .tls(handshake(code))
    case CURLE_COULDNT_CONNECT: return .connect(text(code) + reason)
    case CURLE_INTERFACE_FAILED, CURLE_URL_MALFORMAT, CURLE_PROXY:
      return .connect(text(code))
    default: return interruption(code)
    }
  }

  /// A connection that ended too early, which may have been the server's way to refuse.
  private func interruption(_ code: CURLcode) -> HTTPFailure {
    let alert = alertText
    if let alert, !hasBegun {
      let certificate = lacksCertificate ? certificateAdvice : "the server refused the connection"
      return .tls("\(certificate) (TLS alert: \(alert); \(text(code)))")
    }
    if lacksCertificate, !hasBegun {
      return .tls("\(certificateAdvice) (\(text(code)))")
    }
    return isConnected ? .broken(text(code)) : .connect(text(code))
  }

  private var certificateAdvice: String {
    "the server asks for a client certificate, and none is configured: set tls.crt_file and "
      + "tls.key_file"
  }

  /// A key that is encrypted is not told from one that is broken.
  private var keyAdvice: String {
    guard let tls = route?.endpoint.tls, tls.certificateFile != nil else { return "" }
    return tls.keyPassword == nil
      ? ": if the key is encrypted, set tls.key_passwd" : ": check tls.key_passwd"
  }

  private func handshake(_ code: CURLcode) -> String {
    let told = text(code)
    if lacksCertificate, alertText != nil { return "\(certificateAdvice) (\(told))" }
    if told.contains("wrong version number") || told.contains("packet length too long") {
      return "the server does not speak TLS on this port (\(told))"
    }
    if let alert = alertText { return "the server refused the handshake (\(alert)): \(told)" }
    return told
  }

  /// Which check the certificate did not pass. The numbers are OpenSSL's `X509_V_ERR_…`.
  private func verification(_ code: CURLcode) -> String {
    let told = text(code)
    var result = weir_curl_info_number(easy, CURLINFO_SSL_VERIFYRESULT)
    var whose = "the server's certificate"
    var prefix = "tls"
    let ofProxy = weir_curl_info_number(easy, CURLINFO_PROXY_SSL_VERIFYRESULT)
    if route?.endpoint.proxy?.isTLS == true, ofProxy != 0 || !isTunnelled {
      result = ofProxy
      whose = "the proxy's certificate"
      prefix = "tls.proxy"
    }
    // libcurl compares the name itself, and leaves 0 or 1 as the result.
    switch told.contains("subject name") ? 62 : result {
    case 62, 63, 64:
      return "\(whose) is for another host name (\(told)): connect by the name in it"
        + (prefix == "tls" ? ", or set tls.vhost to that name" : "")
    case 9: return "\(whose) is not valid yet (\(told)): compare the clocks"
    case 10: return "\(whose) has expired (\(told))"
    case 2, 18, 19, 20, 21, 27:
      return "\(whose) comes from an unknown authority (\(told)): name the authority's "
        + "certificate as \(prefix).ca_file"
    case 23: return "\(whose) has been revoked (\(told))"
    default: return "\(whose) is not accepted (\(told))"
    }
  }

  /// Whether a proxy has made the tunnel, so that what follows is the server's.
  private var isTunnelled: Bool {
    weir_curl_info_number(easy, CURLINFO_HTTP_CONNECTCODE) / 100 == 2
  }

  private var alertText: String? {
    let alert = withUnsafeBytes(of: &notes.pointee.alert) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    return alert.isEmpty ? nil : alert
  }

  /// What the system said about the last attempt: `Connection refused`.
  private var reason: String {
    let number = weir_curl_info_number(easy, CURLINFO_OS_ERRNO)
    return number == 0 ? "" : " (\(String(cString: strerror(Int32(number)))))"
  }

  private func text(_ code: CURLcode) -> String {
    var told = errorText[0] == 0 ? "" : String(cString: errorText)
    if told.isEmpty { told = weir_curl_error_text(code).map { String(cString: $0) } ?? "" }
    while let last = told.unicodeScalars.last, last.value <= 0x20 {
      told.unicodeScalars.removeLast()
    }
    guard let route else { return told }
    return "\(route.endpoint): \(told)"
  }
}
