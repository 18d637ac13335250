import WeirStage

/// Decides what an output over HTTP does next: which parcel goes to which server, what waits, what
/// is written to the spool, what is given up. Pure state: time comes in, effects go out through
/// `DeliveryPorts`, so that a day of outage can be tested in a moment.
///
/// Fresh parcels come from lanes; those that were tried before go first; what a spool holds goes
/// before what is fresh. Not thread-safe: the output's queue owns it.
final class DeliveryEngine {
  /// Parcels that wait for room on the server before no more is taken out of the spool.
  static let delayedMax = 64

  /// Tries after which a parcel waits for its own pause, whatever becomes of the server.
  static let wokenAttemptsMax = 8

  let policy: DeliveryPolicy
  private unowned let ports: any DeliveryPorts
  private(set) var nodes: [DeliveryNode]
  private(set) var window: DeliveryWindow
  /// As lanes gave them.
  private var fresh = Fifo<Parcel>()
  /// Tried before.
  private var again = Fifo<Parcel>()
  /// Items for which the server had no room; each parcel with its own pause.
  private var delayed: [Parcel] = []
  /// Bytes of parcels that wait in memory and are not in the spool.
  private var waitingBytes = 0
  private(set) var inFlight = 0
  private var inFlightBytes = 0
  private var appending = 0
  /// Burials that have not been answered.
  private var burying = 0
  private var nextNode = 0
  private var isStopping = false
  private var isAbandoned = false
  /// The spool refused: not before this time, or an entry leaves it.
  private var spoolRefusedUntil: Int64 = .min
  private var now: Int64 = 0

  init(_ policy: DeliveryPolicy, nodes: Int, _ ports: any DeliveryPorts) {
    self.policy = policy
    self.ports = ports
    self.nodes = Array(repeating: DeliveryNode(), count: nodes)
    window = DeliveryWindow(policy)
  }

  /// Parcels in memory that wait, are under way, or are being written.
  var parcelsInMemory: Int {
    fresh.count + again.count + delayed.count + inFlight + appending + burying
  }

  /// What a stop waits for even after the grace period: writes under way, and with a spool all that
  /// is still to be written to it.
  var unsettled: Int {
    ports.spooledEntries != nil ? parcelsInMemory : appending + burying
  }

  // MARK: What happens

  /// A parcel of a lane.
  func submit(_ parcel: Parcel, at time: Int64) {
    now = time
    fresh.append(parcel)
    waitingBytes += parcel.body.footprint
    pump()
  }

  /// The time of `DeliveryPorts.wake`, or any other moment.
  func wake(at time: Int64) {
    now = time
    pump()
  }

  /// Tries at once what waits for a better moment, and stores what cannot go.
  func beginDrain(at time: Int64) {
    now = time
    isStopping = true
    for i in nodes.indices where !nodes[i].isUp { nodes[i].retryAt = now }
    for parcel in delayed { parcel.notBefore = now }
    pump()
  }

  /// No further tries: what is in memory goes to the spool, if there is one.
  func abandon(at time: Int64) {
    now = time
    isAbandoned = true
    pump()
  }

  /// A request has ended.
  func replied(_ parcel: Parcel, node: Int, _ outcome: DeliveryOutcome, at time: Int64) {
    now = time
    inFlight -= 1
    inFlightBytes -= parcel.body.length
    switch outcome {
    case .cancelled:
      nodes[node].isProbing = false
      putBack(parcel)
    case .failure(let message):
      fail(node, parcel, message)
      retryWhole(parcel, message)
    case .reply(let verdict): judge(parcel, node, verdict)
    }
    pump()
  }

  /// An append to the spool has ended.
  func appended(_ parcel: Parcel, _ outcome: SpoolOutcome, at time: Int64) {
    now = time
    appending -= 1
    switch outcome {
    case .stored:
      ports.count(.spooled, parcel.itemCount)
      finishPart(of: parcel)
    case .full:
      if spoolRefusedUntil < now { ports.tell(.spoolFull) }
      refused(parcel, for: 1_000_000_000)
    case .failed(let message):
      ports.tell(.spoolFailed(message: message))
      refused(parcel, for: 5_000_000_000)
    }
    pump()
  }

  /// The dead letters have taken items of a parcel, or lost them, which they count.
  func buried(_ parcel: Parcel, at time: Int64) {
    now = time
    burying -= 1
    finishPart(of: parcel)
    pump()
  }

  // MARK: Verdicts

  private func judge(_ parcel: Parcel, _ node: Int, _ verdict: ReplyVerdict) {
    switch verdict.kind {
    case .items:
      settle(parcel, node, verdict.outcomes)
    case .retry:
      fail(node, parcel, verdict.message)
      retryWhole(parcel, verdict.message)
    case .denied:
      fail(node, parcel, verdict.message, isDenied: true)
      retryWhole(parcel, verdict.message)
    case .split:
      recover(node)
      split(parcel, verdict.message)
    case .dead:
      recover(node)
      giveUp(parcel, verdict.message, type: "request_refused")
    }
  }

  private func settle(_ parcel: Parcel, _ node: Int, _ outcomes: ItemOutcomes) {
    var again: [Int] = []
    var dead: [DeadItem] = []
    var storedBytes = 0
    var stored = 0
    for i in 0..<parcel.itemCount {
      switch i < outcomes.count ? outcomes[i] : .retry {
      case .done, .duplicate:
        stored += 1
        storedBytes += parcel.itemBytes(i)
      case .retry: again.append(i)
      case .dead: dead.append(DeadItem(item: i, status: 0, type: "", reason: "", place: ""))
      }
    }
    ports.count(.delivered, stored)
    ports.count(.deliveredBytes, storedBytes)
    ports.count(.duplicates, outcomes.count(of: .duplicate))
    let message = describe(&dead, outcomes)
    if again.isEmpty {
      window.succeeded()
    } else {
      window.overloaded(sentAt: parcel.sentAt, now: now)
    }
    recover(node)
    if !dead.isEmpty { bury(dead, of: parcel) }
    if !again.isEmpty { retry(again, of: parcel, message) }
    finishPart(of: parcel)
  }

  /// Fills in what the server said of dead items; returns what it said first of one to retry.
  private func describe(_ dead: inout [DeadItem], _ outcomes: ItemOutcomes) -> String {
    var message = ""
    var next = 0
    for index in 0..<outcomes.detailCount {
      let detail = outcomes.detail(at: index)
      if outcomes[detail.item] == .retry {
        if message.isEmpty {
          message = "\(detail.status) \(detail.type) in \(detail.place): \(detail.reason)"
        }
        continue
      }
      while next < dead.count, dead[next].item < detail.item { next += 1 }
      guard next < dead.count, dead[next].item == detail.item else { continue }
      dead[next] = DeadItem(
        item: detail.item, status: detail.status, type: detail.type, reason: detail.reason,
        place: detail.place)
    }
    return message
  }

  /// A new parcel with the items that the server had no room for.
  private func retry(_ items: [Int], of parcel: Parcel, _ message: String) {
    let attempts = parcel.attempts + 1
    if let limit = policy.retryLimit, attempts > limit {
      ports.count(.givenUp, items.count)
      ports.tell(.givenUp(items: items.count, message: message))
      return bury(
        items.map {
          DeadItem(item: $0, status: 0, type: "retry_limit", reason: message, place: "")
        }, of: parcel)
    }
    guard let rest = ports.cut(parcel, keeping: items) else {
      return ports.count(.lost, items.count)
    }
    rest.consignment.openParts += 1
    rest.attempts = attempts
    ports.count(.retries, 1)
    delay(rest)
  }

  private func retryWhole(_ parcel: Parcel, _ message: String) {
    parcel.attempts += 1
    if let limit = policy.retryLimit, parcel.attempts > limit {
      ports.count(.givenUp, parcel.itemCount)
      ports.tell(.givenUp(items: parcel.itemCount, message: message))
      return giveUp(parcel, message, type: "retry_limit")
    }
    ports.count(.retries, 1)
    // The next try is another parcel's: one that fails for ever must not hold up all others.
    if policy.isOrdered {
      putBack(parcel)
    } else {
      delay(parcel)
    }
  }

  /// Puts a parcel aside until its own pause is over.
  private func delay(_ parcel: Parcel) {
    parcel.notBefore = now + ports.random(in: policy.pause(parcel.attempts))
    delayed.append(parcel)
    waitingBytes += parcel.body.footprint
  }

  private func putBack(_ parcel: Parcel) {
    waitingBytes += parcel.body.footprint
    if policy.isOrdered { again.prepend(parcel) } else { again.append(parcel) }
  }

  private func split(_ parcel: Parcel, _ message: String) {
    guard parcel.itemCount > 1 else {
      return giveUp(parcel, message, type: "request_refused")
    }
    ports.count(.splitRequests, 1)
    let half = parcel.itemCount / 2
    let halves = [Array(0..<half), Array(half..<parcel.itemCount)]
    for items in policy.isOrdered ? halves.reversed() : halves {
      guard let part = ports.cut(parcel, keeping: items) else {
        ports.count(.lost, items.count)
        continue
      }
      part.attempts = parcel.attempts
      part.consignment.openParts += 1
      putBack(part)
    }
    finishPart(of: parcel)
  }

  private func giveUp(_ parcel: Parcel, _ message: String, type: String) {
    bury(
      (0..<parcel.itemCount).map {
        DeadItem(item: $0, status: 0, type: type, reason: message, place: "")
      }, of: parcel)
    finishPart(of: parcel)
  }

  private func bury(_ items: [DeadItem], of parcel: Parcel) {
    parcel.consignment.openParts += 1
    parcel.uses += 1
    burying += 1
    ports.bury(items, of: parcel)
  }

  /// The parcel's memory, and the credit for it, go back with its last use.
  private func finishPart(of parcel: Parcel) {
    parcel.uses -= 1
    if parcel.uses == 0 { ports.discard(parcel) }
    closePart(of: parcel.consignment)
  }

  private func closePart(of consignment: Consignment) {
    consignment.openParts -= 1
    if consignment.openParts == 0 {
      if consignment.lease != nil { spoolRefusedUntil = .min }
      ports.finish(consignment)
    }
  }

  // MARK: Servers

  private func fail(_ index: Int, _ parcel: Parcel, _ message: String, isDenied: Bool = false) {
    ports.count(.failedRequests, 1)
    window.overloaded(sentAt: parcel.sentAt, now: now)
    let wasProbing = nodes[index].isProbing
    nodes[index].isProbing = false
    // What was sent before it began to fail tells nothing new.
    guard nodes[index].isUp || wasProbing || parcel.sentAt > nodes[index].failedAt else { return }
    nodes[index].failures += 1
    nodes[index].failedAt = now
    let pause = isStopping ? 200_000_000 : ports.random(in: policy.pause(nodes[index].failures))
    nodes[index].retryAt = now + pause
    ports.tell(
      isDenied
        ? .denied(node: index, message: message)
        : .failing(node: index, message: message, failures: nodes[index].failures))
  }

  private func recover(_ index: Int) {
    nodes[index].isProbing = false
    guard !nodes[index].isUp else { return }
    nodes[index].failures = 0
    // The first success wakes what the outage put aside; what fails for ever keeps its pause.
    for parcel in delayed where parcel.attempts <= DeliveryEngine.wokenAttemptsMax {
      parcel.notBefore = now
    }
    ports.tell(.recovered(node: index))
  }

  /// The server for the next request: a failing one that is due for a try (one request finds out),
  /// else one that works, in turn.
  private func pickNode() -> Int? {
    if let due = nodes.firstIndex(where: { !$0.isUp && !$0.isProbing && $0.retryAt <= now }) {
      return due
    }
    for step in 0..<nodes.count {
      let index = (nextNode + step) % nodes.count
      if nodes[index].isUp {
        nextNode = index + 1
        return index
      }
    }
    return nil
  }

  private var isFailing: Bool { !nodes.contains(where: \.isUp) }

  // MARK: The pump

  /// Does everything that can be done now.
  private func pump() {
    moveDue()
    spoolWhatMustWait()
    while !isAbandoned, inFlight < window.limit,
      inFlight == 0 || inFlightBytes < policy.inFlightBytesMax, let node = pickNode(),
      let parcel = nextParcel()
    {
      if !nodes[node].isUp { nodes[node].isProbing = true }
      parcel.sentAt = now
      inFlight += 1
      inFlightBytes += parcel.body.length
      ports.count(.requests, 1)
      ports.send(parcel, to: node)
    }
    sleep()
  }

  /// Parcels whose pause is over go first.
  private func moveDue() {
    guard !delayed.isEmpty else { return }
    let due = delayed.filter { $0.notBefore <= now }
    guard !due.isEmpty else { return }
    delayed.removeAll { $0.notBefore <= now }
    for parcel in policy.isOrdered ? due.reversed() : due {
      if policy.isOrdered { again.prepend(parcel) } else { again.append(parcel) }
    }
  }

  private func nextParcel() -> Parcel? {
    // A later parcel must not overtake items that wait.
    if policy.isOrdered && !delayed.isEmpty { return nil }
    if let parcel = again.popFirst() {
      waitingBytes -= parcel.body.footprint
      return parcel
    }
    if let entries = ports.spooledEntries {
      if entries > 0, !isStopping, delayed.count < DeliveryEngine.delayedMax,
        let parcel = ports.takeSpooled()
      {
        return parcel
      }
      // Everything that the spool holds is under way: what comes after it waits, if order counts.
      if entries > 0 && policy.isOrdered { return nil }
      if appending > 0 { return nil }
    }
    guard let parcel = fresh.popFirst() else { return nil }
    waitingBytes -= parcel.body.footprint
    return parcel
  }

  // MARK: The spool

  /// Writes to the spool what would otherwise hold up the streams.
  private func spoolWhatMustWait() {
    guard let entries = ports.spooledEntries else { return }
    let mustGo = isAbandoned || (isStopping && isFailing)
    // What lies there already comes again at the next start.
    if mustGo { leaveInSpool() }
    guard now >= spoolRefusedUntil || isAbandoned else { return }
    let isLate = mustGo || isFailing || waitingBytes > policy.memoryBytesMax
    if isLate {
      for parcel in again.removeAll(where: { !$0.isInSpool }) { append(parcel) }
      if mustGo || !policy.isOrdered {
        let parcels = delayed.filter { !$0.isInSpool }
        delayed.removeAll { !$0.isInSpool }
        for parcel in parcels { append(parcel) }
      }
    }
    guard isLate || entries > 0 || appending > 0 else { return }
    while let parcel = fresh.popFirst() { append(parcel) }
  }

  private func leaveInSpool() {
    let parcels = again.removeAll(where: \.isInSpool) + delayed.filter(\.isInSpool)
    delayed.removeAll(where: \.isInSpool)
    for parcel in parcels {
      waitingBytes -= parcel.body.footprint
      ports.discard(parcel)
    }
  }

  private func append(_ parcel: Parcel) {
    waitingBytes -= parcel.body.footprint
    appending += 1
    ports.append(parcel)
  }

  private func refused(_ parcel: Parcel, for nanoseconds: Int64) {
    spoolRefusedUntil = now + nanoseconds
    // At the end it stays unacknowledged, and is read again where it has a position.
    if isAbandoned { return ports.discard(parcel) }
    putBack(parcel)
  }

  private func sleep() {
    var next = Int64.max
    if !isAbandoned {
      // One that is due already has nothing to send: whatever comes next wakes it.
      for node in nodes where !node.isUp && !node.isProbing && node.retryAt > now {
        next = min(next, node.retryAt)
      }
      for parcel in delayed { next = min(next, parcel.notBefore) }
    }
    if ports.spooledEntries != nil, spoolRefusedUntil > now, waitingBytes > 0 {
      next = min(next, spoolRefusedUntil)
    }
    // The disk may fail to give an entry for a moment.
    if let entries = ports.spooledEntries, entries > 0, !isStopping, !isFailing, inFlight == 0,
      appending == 0
    {
      next = min(next, now + 1_000_000_000)
    }
    guard next < .max else { return }
    ports.wake(at: max(next, now + 1_000_000))
  }
}
