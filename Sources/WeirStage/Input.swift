public import Dispatch
public import WeirDelivery
public import WeirRing
public import WeirTelemetry

/// A configured input. All calls come on its input lane (`InputHost.queue`).
public protocol Input: AnyObject, Sendable {
  /// Makes records of the bytes that this input commits; shared by its streams.
  var decoder: any Decoder { get }

  /// Work on each record that needs no order (an expression, JSON): run in parallel on the work
  /// lanes, before processors and filters, on every record of this input.
  var parallelStages: [any Filter] { get }

  /// Begins to read. Must not block: files are polled, pipes have a thread of their own.
  /// - Throws: any error that prints as a message naming the option and what to do.
  func start(_ host: InputHost) throws

  /// Stops reading for good. What was committed to the host still flows; what was not stays
  /// unread, and is read again by the next process where the input has positions.
  func stop()

  /// The gates or the ring have room again after a refusal. May come without need.
  func resume()

  /// After `stop`, once everything that was read is delivered or given up: stores positions and
  /// closes what they are stored in.
  func finish()
}

extension Input {
  public func finish() {}
  public var parallelStages: [any Filter] { [] }
}

/// What the pipeline lends an input: its lane, its place in the ring, streams and credit.
///
/// Everything but `requestStop` belongs to the input lane.
public final class InputHost: @unchecked Sendable {
  /// The input lane: a serial queue. Timers and read sources of the input run on it.
  public let queue: DispatchQueue
  /// Index of the instance among all inputs.
  public let index: Int
  /// `tail.0`, or the alias.
  public let name: String
  public let counters: StageCounters
  public let ledger: Ledger
  public let budget: MemoryBudget
  public let ring: Ring
  /// What this input may have in memory, in slots and payloads; nil for no bound of its own.
  public let share: CreditGate?
  private let gates: [OutputGate]
  private var rate: RateGate?
  private var shareWake: LaneWake?
  private var isPausedByShare = false
  private let makeStreamHook: (_ tag: [UInt8], _ path: [UInt8]) -> Stream
  private let stopHook: @Sendable (String) -> Void
  private weak var input: (any Input)?
  private var open: Slot?
  private var isResumeSet = false
  private var slotWake: LaneWake?
  private var gateWakes: [LaneWake] = []

  public init(
    queue: DispatchQueue, index: Int, name: String, counters: StageCounters, ledger: Ledger,
    budget: MemoryBudget, ring: Ring, gates: [OutputGate], limits: InputLimits = InputLimits(),
    makeStream: @escaping (_ tag: [UInt8], _ path: [UInt8]) -> Stream,
    requestStop: @escaping @Sendable (String) -> Void
  ) {
    self.queue = queue
    self.index = index
    self.name = name
    self.counters = counters
    self.ledger = ledger
    self.budget = budget
    self.ring = ring
    self.gates = gates
    share =
      limits.memoryBytes > 0 || limits.dropsOldest
      ? CreditGate(
        limitBytes: limits.memoryBytes > 0 ? limits.memoryBytes : .max,
        dropsOldest: limits.dropsOldest) : nil
    rate = limits.rate.map(RateGate.init)
    makeStreamHook = makeStream
    stopHook = requestStop
    let resume = { [weak self] () -> Void in self?.input?.resume() }
    slotWake = LaneWake(on: queue, resume)
    shareWake = LaneWake(on: queue, resume)
    gateWakes = gates.map { _ in LaneWake(on: queue, resume) }
  }

  /// Set by the pipeline before `start`.
  public func bind(_ input: any Input) { self.input = input }

  /// Makes a stream of this input; `tag` is final (wildcards expanded), `path` is what `path_key`
  /// shows. The decoder is the one of the input's configuration.
  public func makeStream(tag: [UInt8], path: [UInt8] = []) -> Stream { makeStreamHook(tag, path) }

  /// Ends the whole process gracefully: `exit_on_eof`, the end of standard input. Any thread.
  public func requestStop(_ reason: String) { stopHook(reason) }

  // MARK: Backpressure

  /// True when the stream may be read: every output that it can reach has credit, the ledger has
  /// room, and the input's own share and rate are not used up. When false, `resume` is called once
  /// that may have changed.
  public func mayRead(_ stream: Stream) -> Bool {
    if ledger.isFull {
      resumeLater(milliseconds: 20)
      return false
    }
    guard hasShare(), hasRate() else { return false }
    if stream.plan.mayReachAll {
      for i in gates.indices where !gates[i].isOpen { return wait(forGate: i) }
      return true
    }
    for i in stream.plan.outputs where !gates[i].isOpen { return wait(forGate: i) }
    return true
  }

  /// Asks for one `resume` when the gate opens; one request per gate is enough for all streams.
  private func wait(forGate index: Int) -> Bool {
    if let signal = gateWakes[index].arm() { gates[index].whenOpen(signal) }
    return false
  }

  private func hasShare() -> Bool {
    guard let share, !share.isOpen, !share.dropsOldest else {
      isPausedByShare = false
      return true
    }
    if !isPausedByShare { counters.extra[InputCounterNames.memoryPauses]?.add() }
    isPausedByShare = true
    // What the open slot holds comes back only when it is on its way.
    seal()
    if let signal = shareWake?.arm() { share.whenOpen(signal) }
    return false
  }

  private func hasRate() -> Bool {
    guard rate != nil else { return true }
    let stops = rate?.stopCount ?? 0
    let wait = rate?.wait(at: Clock.monotonic(), records: counters.records.count) ?? 0
    if wait == 0 { return true }
    if (rate?.stopCount ?? 0) > stops { counters.extra[InputCounterNames.ratePauses]?.add() }
    resumeLater(milliseconds: Int(min(wait / 1_000_000 + 1, 1_000)))
    return false
  }

  private func resumeLater(milliseconds: Int) {
    guard !isResumeSet else { return }
    isResumeSet = true
    queue.asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [weak self] in
      self?.isResumeSet = false
      self?.input?.resume()
    }
  }

  // MARK: Filling slots

  /// Room for at least `minimum` bytes in the open slot, claiming one when needed. More than a
  /// slot's size takes a jumbo segment from the budget.
  /// - Returns: nil when the ring is full (or the budget, for a jumbo): `resume` is called when
  ///   that may have changed. Never waits.
  public func reserve(_ minimum: Int) -> UnsafeMutableRawBufferPointer? {
    if let slot = open {
      if slot.capacity - slot.length >= minimum, slot.chunks.count < Slot.chunksMax {
        return unsafe room(slot)
      }
      seal()
    }
    guard let slot = ring.claim() else {
      if let signal = slotWake?.arm() { ring.whenFree(signal) }
      return nil
    }
    if minimum > slot.capacity, !slot.attachJumbo(bytes: minimum, budget: budget) {
      ring.abandon(slot)
      resumeLater(milliseconds: 50)
      return nil
    }
    slot.share = share
    open = slot
    return unsafe room(slot)
  }

  private func room(_ slot: Slot) -> UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(
      start: slot.base + slot.length, count: slot.capacity - slot.length)
  }

  /// Takes `length` bytes just written at the start of `reserve`'s room as a chunk of whole lines.
  ///
  /// `position` is that of the first byte in its generation; `covered` how far the position moves
  /// when bytes were left out. Credit of every output in reach is taken here.
  public func commit(
    _ stream: Stream, generation: Generation?, position: UInt64, length: Int,
    covered: UInt64? = nil, flags: ChunkFlags = []
  ) {
    guard let slot = open else { preconditionFailure("commit without reserve") }
    slot.chunks.append(
      SlotChunk(
        stream: stream, generation: generation, position: position, offset: slot.length,
        length: length, covered: covered, flags: flags))
    slot.length += length
    counters.bytes.add(length)
    share?.take(length)
    rate?.take(length)
    takeCredit(stream.plan, length + OutputGate.chunkBytes)
    if slot.capacity - slot.length < 4_096 || slot.chunks.count == Slot.chunksMax { seal() }
  }

  private func takeCredit(_ plan: TagPlan, _ bytes: Int) {
    if plan.mayReachAll {
      for gate in gates { gate.take(bytes) }
    } else {
      for output in plan.outputs { gates[output].take(bytes) }
    }
  }

  /// Publishes the open slot, if it holds anything.
  public func seal() {
    guard let slot = open else { return }
    open = nil
    if slot.isEmpty { ring.abandon(slot) } else { ring.publish(slot) }
  }

  /// Bytes in the open slot that are not published yet.
  public var unsealedBytes: Int { open?.length ?? 0 }
}
