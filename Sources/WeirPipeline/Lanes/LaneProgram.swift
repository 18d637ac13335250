import CWeirPlugin
import WeirBatch
import WeirDelivery
import WeirRing
import WeirStage
import WeirTelemetry

/// A filter on one lane, with its instance's counters.
struct LaneFilter {
  let lane: any FilterLane
  let counters: StageCounters
}

/// An output on one lane, with the processors that only it sees.
struct LaneOutput {
  let runner: any OutputRoute
  let lane: any OutputLane
  let processors: [LaneFilter]
}

/// What a lane runs on each batch after the scan: parallel parsers, processors, conditional
/// routes, filters, encoders. One per lane; not thread-safe.
final class LaneProgram {
  /// Rounds of filters that records emitted by filters may take; beyond it they go on as they are.
  static let emitRoundsMax = 8

  /// Per input: its parallel stages and its processors.
  private let inputStages: [[LaneFilter]]
  private let routes: [LaneRoutes?]
  private let filters: [LaneFilter]
  private let outputs: [LaneOutput]
  private let inputs: [StageCounters]
  private let router: Router
  private let ledger: Ledger
  private let ring: Ring
  private var plans: [TagPlan] = []
  private let indices: UnsafeMutablePointer<UInt32>
  private let spareIndices: UnsafeMutablePointer<UInt32>
  private let sourceSeen: UnsafeMutablePointer<Bool>
  private let sourceRoom: Int

  init(
    inputStages: [[LaneFilter]], routes: [LaneRoutes?], filters: [LaneFilter],
    outputs: [LaneOutput], inputs: [StageCounters], router: Router, ledger: Ledger, ring: Ring,
    limits: BatchLimits
  ) {
    self.inputStages = inputStages
    self.routes = routes
    self.filters = filters
    self.outputs = outputs
    self.inputs = inputs
    self.router = router
    self.ledger = ledger
    self.ring = ring
    indices = .allocate(capacity: limits.recordsMax * 2)
    spareIndices = .allocate(capacity: limits.recordsMax * 2)
    sourceRoom = limits.sourcesMax
    sourceSeen = .allocate(capacity: sourceRoom)
  }

  deinit {
    indices.deallocate()
    spareIndices.deallocate()
    sourceSeen.deallocate()
  }

  /// Runs one batch to completion: afterwards its slot is free as far as this batch is concerned.
  func run(_ work: LaneWork) {
    let batch = work.storage.batch
    inputs[work.inputIndex].records.add(batch.recordCount)
    if work.refused.chunks > 0 {
      inputs[work.inputIndex].drop(
        .noRoom, records: work.refused.chunks, bytes: work.refused.bytes)
    }
    learnPlans(batch)
    for stage in inputStages[work.inputIndex] { apply(stage, batch, from: 0) { _ in true } }
    if let routes = routes[work.inputIndex] {
      let lost = routes.apply(batch)
      if lost > 0 { inputs[work.inputIndex].drop(.noRoom, records: lost) }
      learnPlans(batch)
    }
    runFilters(batch)
    countUnmatched(batch, work.inputIndex)
    for output in outputs { encode(output, work) }
    ledger.release(work.ranges)
    if let slot = work.slot {
      work.slot = nil
      ring.release(slot)
    }
  }

  private func learnPlans(_ batch: Batch) {
    for i in 0..<Int(batch.raw.pointee.tag_count)
    where Int(batch.raw.pointee.tags[i].plan) >= plans.count {
      plans.append(contentsOf: router.plans(from: plans.count))
    }
  }

  // MARK: Filters

  private func runFilters(_ batch: Batch) {
    guard !filters.isEmpty else { return }
    var from = 0
    for _ in 0..<LaneProgram.emitRoundsMax {
      let end = batch.recordCount
      for (i, filter) in filters.enumerated() {
        apply(filter, batch, from: from, to: end) { plans[Int($0)].filters[i] }
      }
      if batch.recordCount == end { return }
      learnPlans(batch)
      from = end
    }
  }

  /// Runs a filter on the records of `[from, to)` whose tag's plan it takes.
  private func apply(
    _ filter: LaneFilter, _ batch: Batch, from: Int, to: Int? = nil, takes: (UInt32) -> Bool
  ) {
    let tags = batch.raw.pointee.tags
    let records = batch.records
    var count = 0
    var lastTag = UInt32.max
    var isTaken = false
    for i in from..<(to ?? batch.recordCount) {
      if records[i].flags & UInt16(WEIR_RECORD_DROPPED) != 0 { continue }
      if records[i].tag != lastTag, let tags {
        lastTag = records[i].tag
        isTaken = takes(tags[Int(lastTag)].plan)
      }
      if isTaken {
        indices[count] = UInt32(truncatingIfNeeded: i)
        count &+= 1
      }
    }
    guard count > 0 else { return }
    filter.counters.records.add(count)
    let before = batch.recordCount
    filter.lane.process(batch, Selection(start: indices, count: count), filter.counters)
    var dropped = 0
    for i in 0..<count
    where batch.records[Int(indices[i])].flags & UInt16(WEIR_RECORD_DROPPED) != 0 {
      dropped &+= 1
    }
    if dropped > 0 { filter.counters.drop(.filter, records: dropped) }
    if batch.recordCount > before { filter.counters.added.add(batch.recordCount - before) }
  }

  private func countUnmatched(_ batch: Batch, _ inputIndex: Int) {
    let raw = batch.raw.pointee
    guard
      (0..<Int(raw.tag_count)).contains(where: { plans[Int(raw.tags[$0].plan)].outputs.isEmpty })
    else { return }
    var unmatched = 0
    var lastTag = UInt32.max
    var isUnmatched = false
    for i in 0..<Int(raw.record_count)
    where raw.records[i].flags & UInt16(WEIR_RECORD_DROPPED) == 0 {
      if raw.records[i].tag != lastTag {
        lastTag = raw.records[i].tag
        isUnmatched = plans[Int(raw.tags[Int(lastTag)].plan)].outputs.isEmpty
      }
      if isUnmatched { unmatched &+= 1 }
    }
    if unmatched > 0 { inputs[inputIndex].drop(.unmatched, records: unmatched) }
  }

  // MARK: Outputs

  private func encode(_ output: LaneOutput, _ work: LaneWork) {
    let batch = work.storage.batch
    let runner = output.runner
    let credit = work.credit[runner.index]
    var count = select(batch, runner.index)
    routes[work.inputIndex]?.restoreOrder(indices, count, spareIndices)
    guard count > 0 else {
      runner.submit(batch.raw.pointee.sequence, nil)
      runner.gate.give(credit)
      return
    }
    let payload = runner.takePayload()
    payload.sequence = batch.raw.pointee.sequence
    payload.creditBytes = credit
    for i in 0..<Int(batch.raw.pointee.source_count) where sourceSeen[i] {
      payload.ranges.append(RangeID(packed: batch.raw.pointee.sources[i].range))
    }
    // The copies leave no trace: the next output finds the same room in every table.
    let mark = work.storage.mark
    if !output.processors.isEmpty { count = process(output, batch, count) }
    if count > 0 {
      output.lane.encode(
        batch, Selection(start: indices, count: count), into: payload, runner.counters)
    }
    if !output.processors.isEmpty { work.storage.rewind(to: mark) }
    if payload.recordCount == 0 && payload.length == 0 {
      // Processors or the encoder took everything out: there is nothing to deliver, or to retry.
      runner.recycle(payload)
      runner.submit(batch.raw.pointee.sequence, nil)
      runner.gate.give(credit)
      return
    }
    // What waits costs what it takes in memory, not what was read for it: a payload of a few bytes
    // too, or one per flush interval would queue up for days before the gate of a dead server shut.
    if payload.footprint > credit {
      runner.gate.take(payload.footprint - credit)
      payload.creditBytes = payload.footprint
    }
    ledger.retain(payload.ranges)
    runner.submit(payload.sequence, payload)
  }

  /// Fills `indices` with the records for an output and `sourceSeen` with their sources.
  private func select(_ batch: Batch, _ output: Int) -> Int {
    let records = batch.records
    let raw = batch.raw.pointee
    for i in 0..<Int(raw.source_count) { sourceSeen[i] = false }
    var count = 0
    var lastTag = UInt32.max
    var isTaken = false
    for i in 0..<Int(raw.record_count) {
      if records[i].flags & UInt16(WEIR_RECORD_DROPPED) != 0 { continue }
      if records[i].tag != lastTag {
        lastTag = records[i].tag
        isTaken = plans[Int(raw.tags[Int(lastTag)].plan)].outputs.contains(output)
      }
      if isTaken {
        indices[count] = UInt32(truncatingIfNeeded: i)
        count &+= 1
        sourceSeen[Int(records[i].source)] = true
      }
    }
    return count
  }

  /// Copies the selected records to the end of the batch and runs the output's processors on the
  /// copies, so that other outputs do not see what they change.
  private func process(_ output: LaneOutput, _ batch: Batch, _ count: Int) -> Int {
    let first = batch.recordCount
    for i in 0..<count {
      if batch.duplicate(batch.records + Int(indices[i])) == nil {
        output.runner.counters.drop(.noRoom, records: count - i)
        break
      }
    }
    for stage in output.processors { apply(stage, batch, from: first) { _ in true } }
    var kept = 0
    for i in first..<batch.recordCount
    where batch.records[i].flags & UInt16(WEIR_RECORD_DROPPED) == 0 {
      indices[kept] = UInt32(i)
      kept += 1
    }
    return kept
  }
}
