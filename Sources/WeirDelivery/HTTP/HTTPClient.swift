/// Sends requests over HTTP: one thread, libcurl, and a pool of connections. Any thread.
///
/// ```
///  send ─► inbox ─► transport thread: start ─► libcurl ─► begin, receive…, end ─► the reader
///                     ▲    waits for sockets, timeouts and the inbox            │
///                     └────────── transfers are used again ◄────────────────────┘
/// ```
/// The thread, and libcurl with it, come with the first request. A request that libcurl sends on a
/// kept connection which the server has just closed is sent again by itself, once.
public final class HTTPClient: HTTPTransport {
  /// Connections that wait to be used again, over all endpoints.
  public static let idleConnectionsMax = 256

  /// What a client has done so far.
  public struct Counts: Sendable, Equatable {
    /// Requests that were started.
    public var requests = 0
    /// Connections that were made for them.
    public var connections = 0
    /// Requests that ended with a failure.
    public var failures = 0

    /// Makes counts.
    public init(requests: Int = 0, connections: Int = 0, failures: Int = 0) {
      self.requests = requests
      self.connections = connections
      self.failures = failures
    }
  }

  /// The client of this process; it lives as long.
  public static let shared = HTTPClient()

  private let loop: HTTPLoop

  /// Makes a client with a pool of its own.
  public init() { loop = HTTPLoop() }

  deinit { loop.close() }

  /// Sends from any thread. After `close` the request ends with `.cancelled`.
  public func send(_ request: HTTPRequest, _ reader: any HTTPReplyReader) {
    loop.post(.send(HTTPLoop.Order(request: request, reader: reader)))
  }

  /// Every request of this owner that was sent before this call ends with `.cancelled`, if it has
  /// not ended by then; those of others, who share the client, go on.
  public func cancel(_ owner: HTTPOwner) { loop.post(.cancel(owner)) }

  /// Cancels everything, closes every connection, and waits for the thread unless called on it.
  public func close() { loop.close() }

  /// What was done so far.
  public var counts: Counts { loop.counts }
}
