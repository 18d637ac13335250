internal import CWeirHTTP
import Glibc
import WeirSystem

/// What the transport thread does, and everything that only it touches.
final class HTTPThread {
  /// Transfers that are kept for further requests.
  private static let spareTransfersMax = 64
  /// Endpoints that are remembered while nothing is under way to them.
  private static let endpointsMax = 256
  /// How often transfers are looked at that may have stalled.
  private static let sweepSeconds = 0.25
  private static let longWaitMs: Int32 = 60_000

  private let loop: HTTPLoop
  private var pool: UnsafeMutableRawPointer?
  private var active: [HTTPTransfer] = []
  private var spare: [HTTPTransfer] = []
  private var routes: [HTTPEndpoint: HTTPRoute] = [:]
  private var commands: [HTTPLoop.Command] = []
  private var counts = HTTPClient.Counts()
  /// When the last transfer ended, and how long connections may wait after that.
  private var quietSince = 0.0
  private var idleSecondsMax = 0
  private var isPoolUsed = false

  init(_ loop: HTTPLoop) { self.loop = loop }

  /// Runs until the loop is closed.
  func run() {
    guard openPool() else { return }
    while takeCommands() {
      for command in commands {
        switch command {
        case .send(let order): accept(order)
        case .cancel(let owner): cancel(owner)
        }
      }
      commands.removeAll(keepingCapacity: true)
      weir_curl_forget_last_words()
      _ = weir_curl_pool_perform(pool)
      takeEnded()
      let now = HTTPClock.seconds()
      sweep(now)
      closeQuietPool(now)
      weir_curl_pool_wait(pool, waitMs(now))
    }
    cancelAll()
    shutDown()
  }

  /// Loads libcurl and makes the pool. Without them, every request so far and to come is refused.
  private func openPool() -> Bool {
    var problem = weir_curl_load().map { String(cString: $0) }
    if problem == nil {
      pool = weir_curl_pool_open(HTTPClient.idleConnectionsMax)
      if pool == nil { problem = "libcurl.so.4 does not start" }
    }
    let refused: [HTTPLoop.Command] = loop.inbox.withLock { inbox in
      inbox.pool = pool
      inbox.problem = problem
      guard problem != nil else { return [] }
      inbox.counts.failures += inbox.commands.count
      let refused = inbox.commands
      inbox.commands = []
      return refused
    }
    guard let problem else { return true }
    for case .send(let order) in refused { order.reader.end(.connect(problem)) }
    return false
  }

  /// Swaps in what was posted; false when the loop is closed.
  private func takeCommands() -> Bool {
    loop.inbox.withLock { inbox in
      swap(&inbox.commands, &commands)
      return !inbox.isClosed
    }
  }

  private func shutDown() {
    let left = loop.inbox.withLock { inbox in
      inbox.pool = nil
      let left = commands + inbox.commands
      inbox.commands = []
      counts.failures += left.count
      inbox.counts = counts
      return left
    }
    for case .send(let order) in left { order.reader.end(.cancelled) }
    for transfer in spare { transfer.close() }
    weir_curl_pool_close(pool)
  }

  // MARK: Requests

  private func accept(_ order: HTTPLoop.Order) {
    counts.requests += 1
    let route = route(of: order.request.endpoint)
    if route.isFull {
      route.waiting.append(order)
    } else {
      begin(order, route)
    }
  }

  private func route(of endpoint: HTTPEndpoint) -> HTTPRoute {
    if let route = routes[endpoint] { return route }
    if routes.count >= HTTPThread.endpointsMax {
      routes = routes.filter { $0.value.activeCount > 0 || !$0.value.waiting.isEmpty }
    }
    let route = HTTPRoute(endpoint)
    routes[endpoint] = route
    return route
  }

  private func begin(_ order: HTTPLoop.Order, _ route: HTTPRoute) {
    guard let transfer = spare.popLast() ?? HTTPTransfer() else {
      counts.failures += 1
      order.reader.end(.broken("memory is out"))
      return
    }
    transfer.prepare(order, route)
    route.activeCount += 1
    transfer.position = active.count
    active.append(transfer)
    isPoolUsed = true
    idleSecondsMax = max(idleSecondsMax, route.endpoint.connect.keepAliveIdleSeconds)
    if let failure = transfer.configure() {
      finish(transfer, failure)
    } else if weir_curl_pool_add(pool, transfer.easy) != CURLM_OK {
      finish(transfer, .broken("memory is out"))
    }
  }

  /// Starts what waits for one of the endpoint's connections.
  private func beginWaiting(_ route: HTTPRoute?) {
    while let route, !route.isFull, let next = route.waiting.popFirst() { begin(next, route) }
  }

  private func takeEnded() {
    var code = CURLE_OK
    while let easy = weir_curl_pool_ended(pool, &code) {
      guard let context = weir_curl_context(easy) else { continue }
      // SAFETY: the context of a handle in the pool is its transfer, which `active` keeps.
      let transfer = Unmanaged<HTTPTransfer>.fromOpaque(context).takeUnretainedValue()
      if code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR { transfer.hearLastWords() }
      let failure = transfer.failure(code)
      transfer.noteCertificate()
      counts.connections += transfer.newConnections
      weir_curl_pool_remove(pool, easy)
      if let failure, transfer.widen(after: failure) {
        if weir_curl_pool_add(pool, easy) == CURLM_OK { continue }
      }
      let route = transfer.route
      finish(transfer, failure)
      beginWaiting(route)
    }
  }

  /// Ends a transfer that is in the pool from here.
  private func interrupt(_ transfer: HTTPTransfer, _ failure: HTTPFailure) {
    counts.connections += transfer.newConnections
    weir_curl_pool_remove(pool, transfer.easy)
    finish(transfer, failure)
  }

  /// Gives the reader its end, and keeps the transfer for another request.
  private func finish(_ transfer: HTTPTransfer, _ failure: HTTPFailure?) {
    if failure != nil { counts.failures += 1 }
    if let last = active.last, last !== transfer {
      last.position = transfer.position
      active[transfer.position] = last
    }
    active.removeLast()
    if active.isEmpty { quietSince = HTTPClock.seconds() }
    let (reader, route) = transfer.release()
    if spare.count < HTTPThread.spareTransfersMax {
      spare.append(transfer)
    } else {
      transfer.close()
    }
    route?.activeCount -= 1
    reader?.end(failure)
  }

  private func cancel(_ owner: HTTPOwner) {
    var waiting: [HTTPLoop.Order] = []
    for route in routes.values { waiting += route.waiting.takeAll { $0.request.owner == owner } }
    var freed: [HTTPRoute] = []
    for transfer in active where transfer.request?.owner == owner {
      if let route = transfer.route { freed.append(route) }
      interrupt(transfer, .cancelled)
    }
    counts.failures += waiting.count
    for order in waiting { order.reader.end(.cancelled) }
    // What others send over the same connections has waited for these.
    for route in freed { beginWaiting(route) }
  }

  private func cancelAll() {
    var waiting: [HTTPLoop.Order] = []
    for route in routes.values { waiting += route.waiting.takeAll { _ in true } }
    while let transfer = active.last { interrupt(transfer, .cancelled) }
    counts.failures += waiting.count
    for order in waiting { order.reader.end(.cancelled) }
  }

  // MARK: Time

  /// Ends what makes no progress.
  private func sweep(_ now: Double) {
    var index = active.count
    while index > 0 {
      index -= 1
      // Ending one may start another that waited, at the end of the list.
      guard index < active.count else { continue }
      let transfer = active[index]
      if let seconds = transfer.stalledSeconds(now) {
        let route = transfer.route
        interrupt(
          transfer, .timeout("no byte was sent or received for \(HTTPClock.text(seconds))"))
        beginWaiting(route)
      }
    }
  }

  /// Closes every kept connection when nothing was under way for as long as any may wait.
  private func closeQuietPool(_ now: Double) {
    guard active.isEmpty, isPoolUsed, now - quietSince >= Double(idleSecondsMax) else { return }
    guard let new = weir_curl_pool_open(HTTPClient.idleConnectionsMax) else { return }
    loop.inbox.withLock { $0.pool = new }
    let old = pool
    pool = new
    isPoolUsed = false
    idleSecondsMax = 0
    for route in routes.values { route.forgetConnections() }
    weir_curl_pool_close(old)
  }

  private func waitMs(_ now: Double) -> Int32 {
    // What was posted while the pool was swapped woke the old one.
    let isWanted = loop.inbox.withLock { inbox in
      inbox.counts = counts
      return !inbox.commands.isEmpty || inbox.isClosed
    }
    if isWanted { return 0 }
    if active.contains(where: { $0.canStall }) { return Int32(HTTPThread.sweepSeconds * 1000) }
    guard active.isEmpty, isPoolUsed else { return HTTPThread.longWaitMs }
    let left = quietSince + Double(idleSecondsMax) - now
    return Int32(min(max(left * 1000 + 1, 1), Double(HTTPThread.longWaitMs)))
  }
}

/// The monotonic clock.
enum HTTPClock {
  static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// `30 s` or `1.5 s`.
  static func text(_ seconds: Double) -> String {
    if seconds == seconds.rounded(), abs(seconds) < 1e9 { return "\(Int(seconds)) s" }
    return "\((seconds * 1000).rounded() / 1000) s"
  }
}
