import Dispatch
import Glibc
import Synchronization
import Testing
import WeirBatch
import WeirDelivery
import WeirRing
import WeirStage
import WeirSystem
import WeirTelemetry

@testable import WeirPipeline

/// A work lane over a ring, with nothing before and behind it.
private final class BareLane {
  let ring: Ring
  let parse: ParseStage
  let lane: WorkLane
  let stream: WeirStage.Stream
  let counters = StageCounters(kind: .input, name: "bare.0")

  init(decoder: any Decoder = JoiningDecoder(), limits: BatchLimits = BatchLimits()) {
    let budget = MemoryBudget(limitBytes: 8 << 20)
    let ledger = Ledger()
    ring = Ring(slotCount: 2, slotBytes: 4096, budget: budget)
    let router = Router(filters: [], outputs: [], mayReachAll: false)
    parse = ParseStage(
      ring: ring, ledger: ledger, budget: budget, recordsMax: limits.recordsMax)
    let program = LaneProgram(
      inputStages: [[]], routes: [nil], filters: [], outputs: [],
      inputs: [counters], router: router, ledger: ledger, ring: ring, limits: limits)
    lane = WorkLane(
      index: 0, target: DispatchQueue(label: "bare"), parse: parse,
      work: LaneWork(limits: limits, outputCount: 0), program: program, kickOthers: {})
    stream = Stream(
      id: 1, inputIndex: 0, plan: router.plan(Array("t".utf8)), path: [], decoder: decoder)
  }

  func publish(_ text: String) {
    guard let slot = ring.claim() else { return }
    slot.length = text.utf8.count
    for (i, byte) in text.utf8.enumerated() { slot.base[i] = byte }
    slot.chunks.append(
      SlotChunk(stream: stream, generation: nil, position: 0, offset: 0, length: slot.length))
    ring.publish(slot)
  }

  /// Waits until the ring is empty; false when it does not get there.
  func drains() -> Bool {
    for _ in 0..<2_000 where ring.occupancy.used > 0 { usleep(1_000) }
    return ring.occupancy.used == 0
  }
}

/// Finds every batch too small.
private final class RefusingDecoder: Decoder {
  func scan(_ chunk: Chunk, from offset: Int, in context: ScanContext) -> ScanStatus {
    .full(offset: offset)
  }
}

@Suite("Work lanes")
struct WakeTests {
  @Test("give up and count a chunk that fits no batch, rather than try it for ever")
  func chunkFitsNoBatch() {
    let bare = BareLane(decoder: RefusingDecoder())
    bare.publish("line\n")
    #expect(bare.lane.kick())
    #expect(bare.drains())
    #expect(bare.counters.dropped(.noRoom) == 1)
  }

  @Test("take what was published while the flush timer had the scan")
  func flushTimerHasBaton() {
    let bare = BareLane()
    let isIdle = Locked(false)
    // What the marks' listener does happens while the timer's queue has the baton.
    bare.parse.onFlushMark = { _ in
      bare.publish("line\n")
      #expect(bare.lane.kick())
      for _ in 0..<2_000 where !bare.lane.isIdle { usleep(1_000) }
      isIdle.withLock { $0 = bare.lane.isIdle }
    }
    bare.parse.markFlush()
    if bare.parse.settleFlushMarks() { _ = bare.lane.kick() }
    #expect(isIdle.withLock { $0 })
    #expect(bare.drains())
  }
}
