/// What the transport thread knows of one endpoint.
final class HTTPRoute {
  /// Connections whose uses are counted; beyond that counting starts anew.
  private static let countedMax = 4096

  let endpoint: HTTPEndpoint
  /// `https://name:port`, to which a target is appended.
  let origin: String
  /// The Host header, when it is not what `origin` says.
  let hostHeader: String?
  /// libcurl's rule that leads from the name in `origin` to the host; nil when they are the same.
  let detour: String?
  /// Requests that have a transfer.
  var activeCount = 0
  /// Requests that wait for one.
  var waiting = HTTPWaiting()
  /// Whether the server has ever asked for a client certificate; a resumed session does not ask.
  var certificateAsked = false
  /// Whether a reply has ever come; a server that wants a certificate gives none without it.
  var hasAnswered = false
  private var uses: [Int: Int] = [:]

  init(_ endpoint: HTTPEndpoint) {
    self.endpoint = endpoint
    let scheme = endpoint.isTLS ? "https" : "http"
    let host = HTTPEndpoint.bracketed(endpoint.host)
    if endpoint.isTLS, let name = endpoint.tls.vhost, name != endpoint.host {
      origin = "\(scheme)://\(HTTPEndpoint.bracketed(name)):\(endpoint.port)"
      hostHeader = "Host: \(host):\(endpoint.port)"
      detour = "::\(host):\(endpoint.port)"
    } else {
      origin = "\(scheme)://\(host):\(endpoint.port)"
      hostHeader = nil
      detour = nil
    }
  }

  /// Whether another request has to wait.
  var isFull: Bool {
    let limit = endpoint.connect.maxConnections
    return limit > 0 && activeCount >= limit
  }

  /// Counts a request over the connection from this local port; false when it was the last one.
  func use(port: Int, isNew: Bool) -> Bool {
    let limit = endpoint.connect.maxRecycle
    guard limit > 0 else { return true }
    if uses.count >= HTTPRoute.countedMax { uses.removeAll() }
    let count = isNew ? 1 : uses[port, default: 1] + 1
    uses[port] = count
    return count < limit
  }

  /// All connections are closed.
  func forgetConnections() { uses.removeAll() }
}

/// Requests in the order of sending.
struct HTTPWaiting {
  private var orders: [HTTPLoop.Order?] = []
  private var first = 0

  var isEmpty: Bool { first == orders.count }

  mutating func append(_ order: HTTPLoop.Order) { orders.append(order) }

  mutating func popFirst() -> HTTPLoop.Order? {
    guard first < orders.count else { return nil }
    let order = orders[first]
    orders[first] = nil
    first += 1
    if first == orders.count || first > 1024 {
      orders.removeFirst(first)
      first = 0
    }
    return order
  }

  /// Takes out what meets a condition, in order.
  mutating func takeAll(where isTaken: (HTTPLoop.Order) -> Bool) -> [HTTPLoop.Order] {
    let all = orders[first...].compactMap { $0 }
    orders = all.filter { !isTaken($0) }
    first = 0
    return all.filter(isTaken)
  }
}
