/// Why a request has no complete reply. Each text is a part of a sentence, with what to do next
/// where that is known.
public enum HTTPFailure: Error, Sendable, Equatable, CustomStringConvertible {
  /// The name of the server, or of the proxy, has no address.
  case resolve(String)
  /// No connection came about: refused, unreachable, or the proxy would not.
  case connect(String)
  /// The encryption failed: wrong host name, expired, unknown authority, client certificate, …
  case tls(String)
  /// The connection, the reply or a sign of life did not come in time.
  case timeout(String)
  /// The connection ended, or what came was no HTTP, before the reply was complete.
  case broken(String)
  /// The reader wanted no more.
  case aborted
  /// `cancel`, or the client was closed.
  case cancelled

  /// One sentence that says which.
  public var description: String {
    switch self {
    case .resolve(let text): "the name was not found: \(text)"
    case .connect(let text): "no connection: \(text)"
    case .tls(let text): "TLS failed: \(text)"
    case .timeout(let text): "it took too long: \(text)"
    case .broken(let text): "the reply is not complete: \(text)"
    case .aborted: "the reply was given up"
    case .cancelled: "the request was cancelled"
    }
  }
}

/// Takes one reply. Calls come on the transport's thread, never overlap, and never come after
/// `end`; they must not block, as every other request waits meanwhile.
public protocol HTTPReplyReader: AnyObject, Sendable {
  /// The final status line and headers are there; answers 1xx and the proxy's answer to CONNECT are
  /// skipped. Not called when none came.
  func begin(status: Int, contentType: String)
  /// Bytes of the body, valid during the call. False gives up: `end` gets `.aborted`.
  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool
  /// Called exactly once; nil means that the reply is complete.
  func end(_ failure: HTTPFailure?)
}

/// Sends requests; tests of delivery put a simulated one in its place.
public protocol HTTPTransport: AnyObject, Sendable {
  /// Sends from any thread. The request, its body and the reader are kept until `end`.
  func send(_ request: HTTPRequest, _ reader: any HTTPReplyReader)
  /// Every request of this owner that was sent before this call ends with `.cancelled`, if it has
  /// not ended by then; those of others go on.
  func cancel(_ owner: HTTPOwner)
}
