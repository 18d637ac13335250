import WeirStage
import WeirTestSupport

@testable import WeirDelivery
@testable import WeirPipeline

/// A world for the delivery engine: servers, a spool and dead letters in memory, and a clock that
/// jumps from event to event. Items are numbers; what each server stored is kept.
final class SimulatedWorld: DeliveryPorts {
  /// What a server does with a request at a time.
  typealias Server = (_ now: Int64, _ items: [Int], _ world: SimulatedWorld) -> DeliveryOutcome

  enum Due {
    case reply(Parcel, Int, DeliveryOutcome)
    case appended(Parcel, SpoolOutcome)
    case rewritten(Parcel, Consignment?, SpoolOutcome)
    case buried(Burial, BurialOutcome)
    case submit(Parcel)
    case wake
  }

  var now: Int64 = 0
  var random: SeededGenerator
  var engine: DeliveryEngine?
  var due: [(at: Int64, what: Due)] = []
  let servers: [Server]
  let policy: DeliveryPolicy
  private let cutter: BodyCutter
  /// How long a request takes, in nanoseconds.
  var latency: Int64 = 20_000_000
  /// What lanes give may have been sent by an earlier process.
  var mayRepeat = false
  /// What lanes give has no position.
  var isUnrepeatable = false

  // What came of it.
  var stored: [Int: Int] = [:]  // item: how often
  var storedOrder: [Int] = []
  var dead: [Int: DeadItem] = [:]
  var shed: [Int] = []
  var finished = 0
  var requests: [(at: Int64, node: Int, items: [Int])] = []
  var underWay = 0
  var underWayPeak = 0
  var memoryBytes = 0
  var memoryPeak = 0
  var events: [DeliveryEvent] = []
  var numbers: [DeliveryNumber: Int] = [:]
  var wakes = 0
  var wakeAt = Int64.max
  /// What lanes gave and is not finished, in order.
  var lanes: [(consignment: Consignment, payload: [UInt8], ends: [UInt32])] = []

  // The spool: bodies with their items' ends.
  struct Entry {
    var bytes: [UInt8]
    var ends: [UInt32]
    var attempts: Int
    var isTaken = false
  }
  var hasSpool = false
  var spoolLimit = Int.max
  var dropsOldest = false
  var diskFails = false
  /// The dead letters cannot be written.
  var lettersFail = false
  var burials = 0
  /// So many entries cannot be read at first.
  var takesThatFail = 0
  var entries: [UInt64: Entry] = [:]
  private var nextEntry: UInt64 = 0
  /// How often a part of an entry was written anew.
  var rewrites = 0

  init(
    seed: UInt64 = 1, policy: DeliveryPolicy = DeliveryPolicy(), servers: [Server]
  ) throws {
    random = SeededGenerator(seed: seed)
    self.servers = servers
    self.policy = policy
    cutter = try BodyCutter(.identity)
    engine = DeliveryEngine(policy, nodes: servers.count, self)
  }

  var spoolItems: Int { entries.values.reduce(0) { $0 + $1.ends.count } }
  var spoolBytes: Int { entries.values.reduce(0) { $0 + $1.bytes.count } }

  /// Parts of entries are on their way to the disk.
  var isRewriting: Bool {
    due.contains { if case .rewritten = $0.what { true } else { false } }
  }

  // MARK: Driving

  /// A parcel of these items comes from a lane at a time.
  func submit(_ items: [Int], at time: Int64, padding: Int = 0) {
    let payload = Payload()
    for item in items {
      let line = Array("\(item) ".utf8) + [UInt8](repeating: 46, count: padding) + [10]
      line.withUnsafeBytes { payload.append($0) }
      payload.recordOffsets.append(UInt32(payload.length))
    }
    submit(payload, at: time)
  }

  func submit(_ payload: Payload, at time: Int64) {
    let parcel = Parcel(
      payload, of: Consignment(ranges: isUnrepeatable ? [.none] : [], mayRepeat: mayRepeat),
      isWhole: true, attempts: 0, madeAt: 0)
    add(.submit(parcel), at: time)
  }

  func add(_ what: Due, at time: Int64) {
    // Latest first; of equal times the later one first.
    var low = 0
    var high = due.count
    while low < high {
      let middle = (low + high) / 2
      if due[middle].at > time { low = middle + 1 } else { high = middle }
    }
    due.insert((time, what), at: low)
  }

  /// Runs until nothing is due, or the clock has reached a time.
  func run(until end: Int64 = .max) {
    while let next = due.last, next.at <= end, let engine {
      due.removeLast()
      now = max(now, next.at)
      switch next.what {
      case .submit(let parcel):
        hold(parcel)
        lanes.append((parcel.consignment, bytes(parcel.body), parcel.body.recordOffsets))
        engine.submit(parcel, at: now)
      case .reply(let parcel, let node, let outcome):
        underWay -= 1
        engine.replied(parcel, node: node, outcome, at: now)
      case .appended(let parcel, let outcome): engine.appended(parcel, outcome, at: now)
      case .rewritten(let part, let entry, let outcome):
        engine.rewritten(part, entry, outcome, at: now)
      case .buried(let burial, let outcome): engine.buried(burial, outcome, at: now)
      case .wake:
        wakes += 1
        wakeAt = .max
        engine.wake(at: now)
      }
    }
    if end < .max { now = max(now, end) }
  }

  private func hold(_ parcel: Parcel) {
    memoryBytes += parcel.body.length
    memoryPeak = max(memoryPeak, memoryBytes)
  }

  static func items(_ body: Payload) -> [Int] {
    String(decoding: UnsafeRawBufferPointer(start: body.base, count: body.length), as: UTF8.self)
      .split(separator: "\n").compactMap { Int($0.prefix { $0 != " " }) }
  }

  // MARK: Ports

  func send(_ parcel: Parcel, to node: Int) {
    let items = SimulatedWorld.items(parcel.body)
    requests.append((now, node, items))
    underWay += 1
    underWayPeak = max(underWayPeak, underWay)
    let outcome = servers[node](now, items, self)
    if case .reply(let verdict) = outcome, verdict.kind == .items {
      for (i, item) in items.enumerated() where verdict.outcomes[i] == .done {
        stored[item, default: 0] += 1
        storedOrder.append(item)
      }
    }
    add(.reply(parcel, node, outcome), at: now + latency / 2 + random.below(Int(latency)).asInt64)
  }

  var spooledEntries: Int? { hasSpool ? entries.count : nil }

  func append(_ parcel: Parcel) {
    if diskFails { return add(.appended(parcel, .failed("no space")), at: now + 1_000_000) }
    let bytes = bytes(parcel.body)
    while dropsOldest, spoolBytes + bytes.count > spoolLimit,
      let oldest = entries.filter({ !$0.value.isTaken }).keys.min(), let gone = entries[oldest]
    {
      entries[oldest] = nil
      shed += String(decoding: gone.bytes, as: UTF8.self).split(separator: "\n")
        .compactMap { Int($0.prefix { $0 != " " }) }
    }
    guard spoolBytes + bytes.count <= spoolLimit else {
      return add(.appended(parcel, .full), at: now + 1_000_000)
    }
    write(parcel)
    add(.appended(parcel, .stored), at: now + 3_000_000)
  }

  func bytes(_ body: Payload) -> [UInt8] {
    Array(UnsafeRawBufferPointer(start: body.base, count: body.length))
  }

  private func write(_ parcel: Parcel) {
    entries[nextEntry] = Entry(
      bytes: bytes(parcel.body), ends: parcel.body.recordOffsets, attempts: parcel.attempts)
    nextEntry += 1
  }

  func rewrite(_ part: Parcel) {
    if diskFails {
      return add(.rewritten(part, nil, .failed("no space")), at: now + 1_000_000)
    }
    write(part)
    rewrites += 1
    entries[nextEntry - 1]?.isTaken = true
    if part.consignment.openParts == 1, let lease = part.consignment.lease {
      entries[lease.id.segment] = nil
    }
    let lease = SpoolLease(
      id: SpoolEntryID(segment: nextEntry - 1, index: 0), payload: SpoolPayload(body: []))
    add(.rewritten(part, Consignment(.spool, lease, of: nil), .stored), at: now + 3_000_000)
  }

  /// The output's credit.
  var creditBytes = Int.max
  var isFull: Bool { memoryBytes >= creditBytes }

  func takeSpooled() -> Parcel? {
    if takesThatFail > 0 {
      takesThatFail -= 1
      return nil
    }
    guard let number = entries.filter({ !$0.value.isTaken }).keys.min(),
      let entry = entries[number]
    else { return nil }
    entries[number]?.isTaken = true
    let lease = SpoolLease(
      id: SpoolEntryID(segment: number, index: 0),
      payload: SpoolPayload(
        body: entry.bytes, itemEnds: entry.ends, attempts: UInt32(entry.attempts)))
    let parcel = CarriedStorage.parcel(of: lease, in: Payload())
    hold(parcel)
    return parcel
  }

  func bury(_ burial: Burial) {
    burials += 1
    let numbers = SimulatedWorld.items(burial.parcel.body)
    // A disk that is full may still take some.
    let stored = lettersFail ? burial.items.count / 2 : burial.items.count
    for item in burial.items.prefix(stored) { dead[numbers[item.item]] = item }
    let outcome: BurialOutcome =
      lettersFail ? .failed(Array(burial.items.dropFirst(stored)), "full") : .ended(stored: stored)
    add(.buried(burial, outcome), at: now + 2_000_000)
  }

  func cut(_ parcel: Parcel, keeping items: [Int]) -> Parcel? {
    let payload = Payload()
    do { try cutter.cut(parcel.body, keeping: items, into: payload) } catch { return nil }
    let part = Parcel(
      payload, of: parcel.consignment, isWhole: false, attempts: 0, madeAt: parcel.madeAt)
    hold(part)
    return part
  }

  func discard(_ parcel: Parcel) {
    memoryBytes -= parcel.body.length
    parcel.body.reset()
  }

  func finish(_ consignment: Consignment) {
    if let lease = consignment.lease {
      entries[lease.id.segment] = nil
    } else {
      finished += 1
      lanes.removeAll { $0.consignment === consignment }
    }
  }

  func wake(at time: Int64) {
    // A timer has one time: the earliest that was asked for.
    guard time < wakeAt else { return }
    due.removeAll { if case .wake = $0.what { true } else { false } }
    wakeAt = time
    add(.wake, at: time)
  }
  func random(in range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &random) }
  func tell(_ event: DeliveryEvent) { events.append(event) }
  func count(_ number: DeliveryNumber, _ value: Int) { numbers[number, default: 0] += value }
}

extension Int {
  var asInt64: Int64 { Int64(self) }
}

/// Ways of servers.
enum SimulatedServer {
  static func takesAll(_ items: [Int]) -> DeliveryOutcome {
    var outcomes = ItemOutcomes(itemCount: items.count)
    for i in items.indices { outcomes[i] = .done }
    return .reply(ReplyVerdict(.items, outcomes: outcomes))
  }

  /// Each item as `decide` says.
  static func each(_ items: [Int], _ decide: (Int) -> ItemOutcome) -> DeliveryOutcome {
    var outcomes = ItemOutcomes(itemCount: items.count)
    let type = Array("some_exception".utf8)
    let reason = Array("it is so".utf8)
    for (i, item) in items.enumerated() {
      let outcome = decide(item)
      if outcome == .done || outcome == .duplicate {
        outcomes[i] = outcome
      } else {
        type.withUnsafeBytes { type in
          reason.withUnsafeBytes { reason in
            outcomes.set(
              i, outcome, status: outcome == .dead ? 400 : 429, type: type, reason: reason,
              place: type)
          }
        }
      }
    }
    return .reply(ReplyVerdict(.items, outcomes: outcomes))
  }
}
