import Dispatch
import Glibc
import Synchronization
import WeirDelivery
import WeirStage
import WeirSystem
import WeirTelemetry

/// Retry behaviour of an output.
struct RetryPolicy: Sendable {
  /// Retries after the first try; nil never gives up, which is the default: data is not lost
  /// because a server was away.
  var limit: Int?
  var baseMilliseconds = 500
  var capMilliseconds = 30_000

  /// The wait before retry `attempt` (from 1): full jitter under an exponential bound.
  func pauseMilliseconds(_ attempt: Int) -> Int {
    let bound = min(capMilliseconds, baseMilliseconds << min(attempt - 1, 16))
    return Int.random(in: bound / 2...bound)
  }
}

/// One output's queue: takes each batch's payload, puts payloads in batch order, delivers them on
/// its own serial queue, acknowledges what is delivered and gives the credit back.
///
/// Every batch is submitted exactly once, with or without a payload, by the lane that ran it.
final class OutputRunner: OutputRoute, @unchecked Sendable {
  let index: Int
  let output: any Output
  let gate: OutputGate
  let counters: StageCounters
  private let ledger: Ledger
  private let retry: RetryPolicy
  private let queue: DispatchQueue
  private let state: Locked<State>
  private let pool = PayloadPool()
  private let isAbandoned = Atomic<Bool>(false)
  private let pendingCount = Atomic<Int>(0)
  private var draining: RepeatedWork?
  /// What a drain works on; swapped with `State.due`, so that both keep their memory.
  private var working: [Item] = []

  private enum Item {
    case payload(Payload)
    case flush
  }

  private struct State {
    var next: UInt64 = 0  // the batch whose payload is due
    var early: [UInt64: Payload?] = [:]  // batches that finished before their turn
    var flushMarks: [UInt64] = []
    var due: [Item] = []
    var isDraining = false
    var isDirty = false
  }

  init(
    index: Int, output: any Output, gate: OutputGate, counters: StageCounters, ledger: Ledger,
    retry: RetryPolicy
  ) {
    self.index = index
    self.output = output
    self.gate = gate
    self.counters = counters
    self.ledger = ledger
    self.retry = retry
    queue = DispatchQueue(label: "weir.output.\(counters.name)")
    state = Locked(State())
    draining = RepeatedWork(on: queue) { [unowned self] in drain() }
  }

  /// Payloads that are not delivered yet.
  var undelivered: Int { pendingCount.load(ordering: .acquiring) }

  func openLane(_ lane: LaneContext) -> any OutputLane { output.openLane(lane) }

  func start() throws { try output.start() }

  /// Its pauses end with the grace period only: what it writes to is local.
  func beginDrain() {}

  /// An empty payload for a lane to encode into.
  func takePayload() -> Payload { pool.take() }

  /// Gives back a payload that stayed empty.
  func recycle(_ payload: Payload) { pool.give(payload) }

  /// Hands over what batch `sequence` has for this output: a payload, or nothing.
  func submit(_ sequence: UInt64, _ payload: Payload?) {
    if payload != nil { pendingCount.wrappingAdd(1, ordering: .acquiringAndReleasing) }
    let mustDrain = state.withLock { state -> Bool in
      guard sequence == state.next else {
        state.early[sequence] = .some(payload)
        return false
      }
      advance(&state, payload)
      while let early = state.early.removeValue(forKey: state.next) { advance(&state, early) }
      return startDrain(&state)
    }
    if mustDrain { draining?.submit(keeping: self) }
  }

  private func advance(_ state: inout State, _ payload: Payload?) {
    passFlushMarks(&state)
    if let payload {
      state.due.append(.payload(payload))
      state.isDirty = true
    }
    state.next += 1
    passFlushMarks(&state)
  }

  private func passFlushMarks(_ state: inout State) {
    var passed = false
    state.flushMarks.removeAll { mark in
      if mark <= state.next { passed = true }
      return mark <= state.next
    }
    if passed, state.isDirty {
      state.isDirty = false
      state.due.append(.flush)
    }
  }

  private func startDrain(_ state: inout State) -> Bool {
    if state.isDraining || state.due.isEmpty { return false }
    state.isDraining = true
    return true
  }

  /// Ends a flush interval behind batch `sequence - 1`.
  func flush(after sequence: UInt64) {
    let mustDrain = state.withLock { state -> Bool in
      state.flushMarks.append(sequence)
      passFlushMarks(&state)
      return startDrain(&state)
    }
    if mustDrain { draining?.submit(keeping: self) }
  }

  private func drain() {
    while takeDue() {
      for item in working {
        switch item {
        case .payload(let payload): deliver(payload)
        case .flush:
          // What comes in after the end of grace finds the output closed.
          if !isAbandoned.load(ordering: .relaxed) { output.flush() }
        }
      }
      working.removeAll(keepingCapacity: true)
    }
  }

  /// Moves what is due to `working`; false when there is nothing.
  private func takeDue() -> Bool {
    state.withLock { state in
      swap(&state.due, &working)
      if working.isEmpty { state.isDraining = false }
      return !working.isEmpty
    }
  }

  private func deliver(_ payload: Payload) {
    while !isAbandoned.load(ordering: .relaxed) {
      payload.attempts += 1
      switch output.deliver(payload) {
      case .done:
        return finish(payload, delivered: payload.recordCount, dropped: 0, nil)
      case .partial(let dropped, let why):
        return finish(payload, delivered: payload.recordCount - dropped, dropped: dropped, why)
      case .failed(let why):
        return finish(payload, delivered: 0, dropped: payload.recordCount, why)
      case .retry(let why):
        if let limit = retry.limit, payload.attempts > limit {
          counters.retriesFailed.add()
          return finish(
            payload, delivered: 0, dropped: payload.recordCount,
            "\(why); given up after \(limit) retries (retry_limit)")
        }
        counters.retries.add()
        if payload.attempts == 1 { Log.warn("output \(counters.name): \(why); trying again") }
        pause(retry.pauseMilliseconds(payload.attempts))
      }
    }
    // Abandoned at the end of grace: neither delivered nor dropped; its ranges stay open, so that
    // the next process reads them again.
  }

  private func pause(_ milliseconds: Int) {
    var left = milliseconds
    while left > 0, !isAbandoned.load(ordering: .relaxed) {
      usleep(UInt32(min(left, 20)) * 1_000)
      left -= 20
    }
  }

  private func finish(_ payload: Payload, delivered: Int, dropped: Int, _ why: String?) {
    counters.records.add(delivered)
    counters.bytes.add(payload.length)
    if dropped > 0 { counters.drop(.output, records: dropped, bytes: payload.length) }
    if let why {
      counters.errors.add()
      let loss = dropped > 0 ? "\(dropped) records dropped: " : ""
      Log.error("output \(counters.name): \(loss)\(why)")
    }
    ledger.release(payload.ranges)
    let credit = payload.creditBytes
    recycle(payload)
    pendingCount.wrappingSubtract(1, ordering: .acquiringAndReleasing)
    gate.give(credit)
  }

  /// Stops retrying: the end of the grace period.
  func abandon() { isAbandoned.store(true, ordering: .relaxed) }

  var leftAtStop: LeftAtStop { LeftAtStop(payloads: undelivered) }

  /// Runs the last flush and close on the output's queue; waits at most `seconds`.
  func close(withinSeconds seconds: Int, whileProgressing most: Int) {
    let done = DispatchSemaphore(value: 0)
    queue.async {
      self.output.flush()
      self.output.close()
      done.signal()
    }
    _ = done.wait(timeout: .now() + .seconds(seconds))
  }
}
