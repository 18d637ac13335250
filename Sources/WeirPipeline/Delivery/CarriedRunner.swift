import Dispatch
import Glibc
import Synchronization
import WeirDelivery
import WeirStage
import WeirSystem
import WeirTelemetry

/// The way out of an output over HTTP: gives what lanes, transport and disk report to the delivery
/// engine, one event after the other, and does what the engine decides.
///
/// Lanes, the transport's thread and the spool's queue post events; the output's own serial queue
/// handles them. Nothing there blocks but the reading of the spool.
final class CarriedRunner: OutputRoute, @unchecked Sendable {
  // SAFETY: unchecked because of the variables, which only the queue touches, or `start` before it.
  let index: Int
  let gate: OutputGate
  let counters: StageCounters
  let output: any CarriedOutput
  let setup: CarriedSetup
  let ledger: Ledger
  let queue: DispatchQueue
  /// The transport is shared with other outputs.
  let owner = HTTPOwner()
  private let inbox = Locked(Inbox())
  private let pool = PayloadPool()
  /// Payloads of lanes whose ranges are not released.
  private let unfinished = Atomic<Int>(0)
  /// Parcels that the engine holds.
  private let held = Atomic<Int>(0)
  /// `DeliveryEngine.unsettled`.
  private let unsettled = Atomic<Int>(0)
  /// Events that are posted and not handled.
  private let pendingEvents = Atomic<Int>(0)
  private var handling: RepeatedWork?
  private var working: [Event] = []
  private var timer: (any DispatchSourceTimer)?
  private var timerAt = Int64.max
  // Set by `start`.
  var engine: DeliveryEngine?
  var servers: [CarriedServer] = []
  var transport: (any HTTPTransport)?
  var cutter: BodyCutter?
  var storage = CarriedStorage()
  var news: DeliveryNews
  /// Entries of the dead letters that are still to be replayed.
  var replaysLeft = 0
  /// Entries that can be neither sent nor finished; given back when a replay ends.
  var leftLeases: [(store: Spool, lease: SpoolLease)] = []
  var requestTimer: (any DispatchSourceTimer)?
  /// What became of the dead letters that are sent again.
  var replay = ReplayTally()
  /// See `leftAtStop`; written by `close`.
  private var left = LeftAtStop()

  /// What the queue is told of.
  enum Event {
    case submitted(Payload)
    case replied(Parcel, node: Int, DeliveryOutcome)
    case appended(Parcel, SpoolOutcome)
    case rewritten(Parcel, Consignment?, SpoolOutcome)
    case buried(Burial, BurialOutcome)
    case lettersAppended(Burial, SpoolAppendResult, [Int])
    case drain
    case abandon
    case wake
    case replay(isTold: Bool)
  }

  private struct Inbox {
    var events: [Event] = []
    var isHandling = false
  }

  init(
    index: Int, output: any CarriedOutput, setup: CarriedSetup, gate: OutputGate,
    counters: StageCounters, ledger: Ledger
  ) {
    self.index = index
    self.output = output
    self.setup = setup
    self.gate = gate
    self.counters = counters
    self.ledger = ledger
    news = DeliveryNews(counters.name)
    queue = DispatchQueue(label: "weir.output.\(counters.name)")
    handling = RepeatedWork(on: queue) { [unowned self] in handle() }
  }

  var undelivered: Int {
    max(
      unfinished.load(ordering: .acquiring),
      pendingEvents.load(ordering: .acquiring) + held.load(ordering: .acquiring))
  }

  func openLane(_ lane: LaneContext) -> any OutputLane { output.openLane(lane) }

  func start() throws {
    try output.start()
    let target = output.target
    servers = try setup.servers(target)
    cutter = try BodyCutter(target.encoding)
    transport = setup.transport()
    storage = try CarriedStorage(setup, counters.name)
    var policy = setup.policy
    policy.isOrdered = target.isOrdered
    news.servers = servers.map(\.name)
    news.mayRetry = policy.retryLimit != 0
    if setup.deadLetters == nil, setup.keepsRejected {
      Log.warn(
        "output \(counters.name): what the server refuses for good will be dropped: set "
          + "storage.path to keep it")
    }
    let engine = DeliveryEngine(policy, nodes: servers.count, self)
    queue.sync { self.engine = engine }
    post(.wake)  // what the spool holds from before goes out
    watchForReplays()
  }

  // MARK: From lanes

  func takePayload() -> Payload { pool.take() }

  func recycle(_ payload: Payload) { pool.give(payload) }

  func submit(_ sequence: UInt64, _ payload: Payload?) {
    guard let payload else { return }
    // Compressed bodies are a tenth of what was read: memory is what is bounded.
    payload.trim()
    if payload.footprint < payload.creditBytes {
      gate.give(payload.creditBytes - payload.footprint)
      payload.creditBytes = payload.footprint
    }
    unfinished.wrappingAdd(1, ordering: .acquiringAndReleasing)
    post(.submitted(payload))
  }

  /// Bulk requests have no order, and nothing ends with an interval.
  func flush(after sequence: UInt64) {}

  // MARK: Events

  func post(_ event: Event) {
    pendingEvents.wrappingAdd(1, ordering: .acquiringAndReleasing)
    let mustHandle = inbox.withLock { inbox -> Bool in
      inbox.events.append(event)
      if inbox.isHandling { return false }
      inbox.isHandling = true
      return true
    }
    if mustHandle { handling?.submit(keeping: self) }
  }

  private func handle() {
    while takeEvents() {
      for event in working { handle(event) }
      if replaysLeft > 0 { replaySome() }
      held.store((engine?.parcelsInMemory ?? 0) + replaysLeft, ordering: .releasing)
      unsettled.store(engine?.unsettled ?? 0, ordering: .releasing)
      pendingEvents.wrappingSubtract(working.count, ordering: .acquiringAndReleasing)
      working.removeAll(keepingCapacity: true)
    }
  }

  private func takeEvents() -> Bool {
    inbox.withLock { inbox in
      swap(&inbox.events, &working)
      if working.isEmpty { inbox.isHandling = false }
      return !working.isEmpty
    }
  }

  private func handle(_ event: Event) {
    guard let engine else { return }
    let now = Clock.monotonic()
    switch event {
    case .submitted(let payload): engine.submit(parcel(of: payload), at: now)
    case .replied(let parcel, let node, let outcome):
      engine.replied(parcel, node: node, outcome, at: now)
    case .appended(let parcel, let outcome): engine.appended(parcel, outcome, at: now)
    case .rewritten(let part, let entry, let outcome):
      engine.rewritten(part, entry, outcome, at: now)
    case .buried(let burial, let outcome): engine.buried(burial, outcome, at: now)
    case .lettersAppended(let burial, let result, let left):
      lettersAppended(burial, result, left)
    case .drain:
      replaysLeft = 0
      engine.beginDrain(at: now)
    case .abandon:
      left.spooled = spooledCount
      engine.abandon(at: now)
      // What is under way is given up; with a spool it goes there.
      transport?.cancel(owner)
    case .replay(let isTold): beginReplay(isTold: isTold)
    case .wake:
      timerAt = .max
      engine.wake(at: now)
    }
  }

  private func parcel(of payload: Payload) -> Parcel {
    let ranges = payload.ranges
    payload.ranges.removeAll(keepingCapacity: true)
    return Parcel(
      payload, of: Consignment(ranges: ranges, mayRepeat: ledger.mayRepeat(ranges)), isWhole: true,
      attempts: 0,
      madeAt: Clock.wall())
  }

  // MARK: Life

  func beginDrain() { post(.drain) }

  func abandon() { post(.abandon) }

  func close(withinSeconds seconds: Int, whileProgressing most: Int) {
    var patience = Patience(seconds: seconds, most: most, at: Clock.monotonic())
    while true {
      let left = pendingEvents.load(ordering: .acquiring) + unsettled.load(ordering: .acquiring)
      if left == 0 || !patience.lasts(left, at: Clock.monotonic()) { break }
      usleep(2_000)
    }
    // The engine learns what became of the last writes, and that there are no more.
    let boxes = queue.sync { (storage.spool, storage.deadLetters) }
    boxes.0?.close()
    boxes.1?.close()
    queue.sync {
      timer?.cancel()
      timer = nil
      requestTimer?.cancel()
      requestTimer = nil
      engine?.leaveAll()
      countStorage()
      news.tellRest()
      endReplay()
      left.lost = engine?.lostAtEnd ?? 0
      left.payloads = unfinished.load(ordering: .acquiring)
      left.spooled = spooledCount - left.spooled
      engine = nil
    }
    output.close()
  }

  var leftAtStop: LeftAtStop { queue.sync { left } }

  private var spooledCount: Int {
    Int(clamping: counters.extra[OutputCounterNames.spooled]?.count ?? 0)
  }

  /// Everything that a lane's payload owed is done.
  func finished(_ consignment: Consignment) {
    ledger.release(consignment.ranges)
    if consignment.lease == nil {
      unfinished.wrappingSubtract(1, ordering: .acquiringAndReleasing)
    }
  }

  /// Gives a parcel's memory and credit back.
  func reclaim(_ parcel: Parcel) {
    let credit = parcel.body.creditBytes
    recycle(parcel.body)
    gate.give(credit)
  }

  func schedule(at time: Int64) {
    guard time < timerAt else { return }
    timerAt = time
    let timer = self.timer ?? makeTimer()
    timer.schedule(
      deadline: DispatchTime(uptimeNanoseconds: UInt64(max(0, time))), leeway: .milliseconds(5))
  }

  private func makeTimer() -> any DispatchSourceTimer {
    let timer = DispatchSource.makeTimerSource(queue: queue)
    timer.setEventHandler { [weak self] in self?.post(.wake) }
    timer.activate()
    self.timer = timer
    return timer
  }
}
