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

  /// Nanoseconds for which nothing is written to a spool that is full, or whose disk fails.
  static let fullPause: Int64 = 1_000_000_000
  static let failedPause: Int64 = 5_000_000_000

  let policy: DeliveryPolicy
  unowned let ports: any DeliveryPorts
  var nodes: [DeliveryNode]
  var window: DeliveryWindow
  /// As lanes gave them.
  var fresh = Fifo<Parcel>()
  /// Tried before.
  var again = Fifo<Parcel>()
  /// Items for which the server had no room; each parcel with its own pause.
  var delayed: [Parcel] = []
  /// Bytes of parcels that wait in memory.
  var waitingBytes = 0
  private(set) var inFlight = 0
  private var inFlightBytes = 0
  /// Parcels under way that are in no file.
  private(set) var lanesInFlight = 0
  var appending = 0
  /// Burials that have not been answered.
  var burying = 0
  /// Burials that the dead letters could not take yet, the oldest first.
  var unburied: [Burial] = []
  /// What their reasons take, in bytes.
  var unburiedBytes = 0
  /// Not tried before, while the dead letters cannot be written; else the beginning of time.
  var buryAgainAt: Int64 = .min
  /// Servers take requests, but not all items for now.
  var isRefusing = false
  /// Parcels under way of which a server did not take items before.
  private var refusedInFlight = 0
  var nextNode = 0
  private(set) var isStopping = false
  private(set) var isAbandoned = false
  /// Some input would rather lose records than wait.
  private(set) var mayDrop = false
  /// Where order counts: something could not be stored at the end, and nothing younger may be.
  var hasDiscarded = false
  /// Items that were neither sent nor stored at the end, and that nobody can read again.
  var lostAtEnd = 0
  /// The spool refused: not before this time, or an entry leaves it.
  var spoolRefusedUntil: Int64 = .min
  /// Where order counts, nothing is sent before this time.
  var resumeAt: Int64 = .min
  var now: Int64 = 0

  init(_ policy: DeliveryPolicy, nodes: Int, _ ports: any DeliveryPorts) {
    self.policy = policy
    self.ports = ports
    self.nodes = Array(repeating: DeliveryNode(), count: nodes)
    window = DeliveryWindow(policy)
  }

  /// Parcels in memory that wait, are under way, or are being written.
  var parcelsInMemory: Int {
    fresh.count + again.count + delayed.count + inFlight + appending + burying + unburied.count
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
    if hasDiscarded { return leave(parcel) }
    fresh.append(parcel)
    waitingBytes += parcel.body.footprint
    mayDrop = mayDrop || parcel.body.share?.dropsOldest == true
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
    resumeAt = .min
    buryAgainAt = min(buryAgainAt, now)
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
    if parcel.consignment.lease == nil { lanesInFlight -= 1 }
    if parcel.isRefused { refusedInFlight -= 1 }
    switch outcome {
    case .cancelled:
      nodes[node].isProbing = false
      putBack(parcel)
    case .failure(let message):
      fail(node, parcel, message)
      retryWhole(parcel, node, message)
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
      parcel.consignment.spooled += parcel.itemCount
      finishPart(of: parcel)
    case .full:
      if spoolRefusedUntil < now { ports.tell(.spoolFull) }
      refused(parcel, for: DeliveryEngine.fullPause)
    case .failed(let message):
      ports.tell(.spoolFailed(message: message))
      refused(parcel, for: DeliveryEngine.failedPause)
    }
    pump()
  }

  // MARK: The pump

  /// Does everything that can be done now.
  func pump() {
    moveDue()
    buryWaiting()
    spoolWhatMustWait()
    while !isAbandoned, !isHeldByLetters, inFlight < window.limit,
      inFlight == 0 || inFlightBytes < policy.inFlightBytesMax, hasServer,
      let parcel = nextParcel()
    {
      guard let node = pickNode(for: parcel) else { return putBack(parcel) }
      if !nodes[node].isUp { nodes[node].isProbing = true }
      parcel.sentAt = now
      inFlight += 1
      inFlightBytes += parcel.body.length
      if parcel.consignment.lease == nil { lanesInFlight += 1 }
      if parcel.isRefused { refusedInFlight += 1 }
      ports.count(.requests, 1)
      ports.send(parcel, to: node)
    }
    if mayDrop { dropOldest() }
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
    if policy.isOrdered { return nextInOrder() }
    if let parcel = again.popFirst() { return taken(parcel) }
    if let entries = ports.spooledEntries {
      if entries > 0, !isStopping,
        delayed.count + appending + unburied.count < DeliveryEngine.delayedMax,
        let parcel = ports.takeSpooled()
      {
        return parcel
      }
      if appending > 0 { return nil }
    }
    return fresh.popFirst().map(taken)
  }

  /// Nothing overtakes items that wait, are being written or buried: after a crash they would come
  /// again behind what replaced them. What lanes give goes behind all that the spool holds.
  private func nextInOrder() -> Parcel? {
    guard delayed.isEmpty, burying == 0, unburied.isEmpty, now >= resumeAt else { return nil }
    if let first = again.first {
      return first.consignment.lease == nil && appending > 0 ? nil : again.popFirst().map(taken)
    }
    if let entries = ports.spooledEntries, entries > 0 {
      return isStopping ? nil : ports.takeSpooled()
    }
    return appending > 0 ? nil : fresh.popFirst().map(taken)
  }

  /// Whether a parcel of which a server did not take items is on its way or waits in memory.
  var hasRefused: Bool {
    refusedInFlight > 0 || delayed.contains(where: \.isRefused)
      || again.contains(where: \.isRefused)
  }

  private func taken(_ parcel: Parcel) -> Parcel {
    waitingBytes -= parcel.body.footprint
    return parcel
  }

  private func sleep() {
    var next = Int64.max
    if !isAbandoned {
      // One that is due already has nothing to send: whatever comes next wakes it.
      for node in nodes where !node.isUp && !node.isProbing && node.retryAt > now {
        next = min(next, node.retryAt)
      }
      for parcel in delayed { next = min(next, parcel.notBefore) }
      if resumeAt > now { next = min(next, resumeAt) }
    }
    if ports.spooledEntries != nil, spoolRefusedUntil > now, waitingBytes > 0 {
      next = min(next, spoolRefusedUntil)
    }
    // The disk may fail to give an entry for a moment, also the one that a failing server, which
    // is due already, was to be tried with.
    if let entries = ports.spooledEntries, entries > 0, !isStopping, inFlight == 0,
      appending == 0, nodes.contains(where: { $0.isUp || $0.retryAt <= now })
    {
      next = min(next, now + 1_000_000_000)
    }
    if !unburied.isEmpty, buryAgainAt > now { next = min(next, buryAgainAt) }
    guard next < .max else { return }
    ports.wake(at: max(next, now + 1_000_000))
  }
}
