import CWeirPlugin
import Synchronization
import WeirBatch
import WeirDelivery
import WeirRing
import WeirStage
import WeirSystem

/// What the ordered scan found for one batch, beside the batch itself. Owned by a lane.
final class LaneWork {
  let storage: BatchStorage
  /// The slot that the raw segment is of; held until the batch is done.
  var slot: Slot?
  /// The input that the batch's streams belong to.
  var inputIndex = 0
  /// Credit taken per output for the bytes of this batch and for the chunks that end in it.
  var credit: [Int]
  /// Ranges of the batch's sources: one ownership each is the lane's.
  var ranges: [RangeID] = []
  /// Streams and generations stay alive while their bytes are in the batch.
  var streams: [Stream] = []
  /// Chunks that their decoder could not read into an empty batch, and their bytes.
  var refused = (chunks: 0, bytes: 0)

  init(limits: BatchLimits, outputCount: Int) {
    storage = BatchStorage(limits: limits)
    credit = Array(repeating: 0, count: outputCount)
  }

  func reset(sequence: UInt64) {
    storage.reset(sequence: sequence)
    slot = nil
    for i in credit.indices { credit[i] = 0 }
    ranges.removeAll(keepingCapacity: true)
    streams.removeAll(keepingCapacity: true)
    refused = (0, 0)
  }
}

/// The ordered part of the parser stage: takes published slots in sequence order and scans their
/// chunks into batches.
///
/// One lane at a time scans (it holds the *baton*); the others meanwhile filter and encode what
/// they scanned before. Scanning is a small part of a batch's work, so two lanes overlap almost
/// fully, and lines join across chunks, slots and files without any hand-over between lanes:
/// docs/decisions/0002 has the numbers.
final class ParseStage: @unchecked Sendable {
  /// Raw bytes after which a batch is closed: what fits a core's second-level cache with tables.
  static let batchBytes = 256 << 10

  private let ring: Ring
  private let ledger: Ledger
  private let budget: MemoryBudget
  private let recordsMax: Int
  private let baton = Atomic<Bool>(false)
  // Touched by the holder of the baton only.
  private var slot: Slot?
  private var chunkIndex = 0
  private var chunkOffset = 0
  private var nextSequence: UInt64 = 0
  private var slotsTaken: UInt64 = 0
  private let flushMarks = Locked<[UInt64]>([])
  /// Told in sequence order, under the baton: batches before `sequence` end a flush interval.
  var onFlushMark: ((_ sequence: UInt64) -> Void)?

  init(ring: Ring, ledger: Ledger, budget: MemoryBudget, recordsMax: Int) {
    self.ring = ring
    self.ledger = ledger
    self.budget = budget
    self.recordsMax = recordsMax
  }

  /// True when there is something to scan.
  var hasWork: Bool { ring.occupancy.waiting > 0 || partial.load(ordering: .acquiring) }
  private let partial = Atomic<Bool>(false)
  // ORDERING: a lane that goes idle writes "idle" and reads the baton; who gives the baton back
  // writes it and reads "idle". One total order over the four, or both may miss the other.
  var isScanning: Bool { baton.load(ordering: .sequentiallyConsistent) }

  /// Ends a flush interval behind everything published so far. Any thread.
  func markFlush() {
    flushMarks.withLock { $0.append(ring.publishedCount) }
  }

  /// Scans the next batch into `work`.
  /// - Returns: false when another lane scans, or nothing is published.
  func fill(_ work: LaneWork) -> Bool {
    // ORDERING: acquire pairs with the store below, so that the scan state moves with the baton.
    guard
      baton.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    else { return false }
    defer { baton.store(false, ordering: .sequentiallyConsistent) }
    tellFlushMarks()
    guard let slot = takeSlot() else { return false }
    work.reset(sequence: nextSequence)
    nextSequence += 1
    scan(slot, into: work)
    if chunkIndex == slot.chunks.count {
      partial.store(false, ordering: .releasing)
      self.slot = nil
      slotsTaken += 1
      ring.release(slot)
    }
    return true
  }

  private func takeSlot() -> Slot? {
    if let slot { return slot }
    guard let next = ring.peek() else { return nil }
    // ORDERING: set before the ring forgets the slot, so that `hasWork` never misses it.
    partial.store(true, ordering: .releasing)
    ring.advance()
    slot = next
    chunkIndex = 0
    chunkOffset = 0
    return next
  }

  private func tellFlushMarks() {
    guard slot == nil else { return }
    let due = flushMarks.withLock { marks -> Bool in
      let before = marks.count
      marks.removeAll { $0 <= slotsTaken }
      return marks.count < before
    }
    if due { onFlushMark?(nextSequence) }
  }

  /// Tells marks that no further slot will carry past the stage. Takes the baton if it is free.
  /// - Returns: true when a lane has to be woken: one that found the baton taken by this call went
  ///   idle and left what is published to whoever holds it.
  func settleFlushMarks() -> Bool {
    guard
      baton.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    else { return false }
    tellFlushMarks()
    baton.store(false, ordering: .sequentiallyConsistent)
    return hasWork
  }

  private func scan(_ slot: Slot, into work: LaneWork) {
    let batch = work.storage.batch
    ring.retain(slot)
    work.slot = slot
    batch.raw.pointee.segments[0] = weir_segment(
      base: slot.base, length: UInt64(slot.length), capacity: UInt64(slot.capacity))
    let now = Clock.wall()
    let monotonicNow = Clock.monotonic()
    var bytes = 0
    while chunkIndex < slot.chunks.count {
      let chunk = slot.chunks[chunkIndex]
      // SAFETY: inputs only commit streams of the pipeline, made by `InputHost.makeStream`.
      let stream = unsafeDowncast(chunk.stream, to: Stream.self)
      let generation = chunk.generation.map { unsafeDowncast($0, to: Generation.self) }
      guard
        let source = addSource(stream, generation, chunk, work),
        batch.recordCount < recordsMax || chunk.length == 0
      else { return }
      let range = work.ranges[source]
      let context = ScanContext(
        batch: batch, source: source, recordsMax: recordsMax, now: now, monotonicNow: monotonicNow,
        ledger: ledger, range: range, budget: budget)
      let view = Chunk(
        stream: stream, generation: generation, base: slot.base + chunk.offset,
        rawOffset: UInt32(chunk.offset), length: chunk.length, position: chunk.position,
        flags: chunk.flags)
      let begin = chunkOffset
      switch stream.decoder.scan(view, from: begin, in: context) {
      case .finished:
        finishSource(source, end: chunk.position + chunk.covered, range, batch)
        takeCredit(stream, chunk.length - begin + OutputGate.chunkBytes, work)
        bytes += chunk.length - begin
        chunkIndex += 1
        chunkOffset = 0
      case .full(let offset):
        if offset <= begin, source == 0, batch.recordCount == 0 {
          // No batch will be emptier: it is given up and counted, or the scan never ended.
          finishSource(source, end: chunk.position + chunk.covered, range, batch)
          takeCredit(stream, chunk.length - begin + OutputGate.chunkBytes, work)
          work.refused = (1, chunk.length - begin)
          chunkIndex += 1
          chunkOffset = 0
          return
        }
        finishSource(source, end: chunk.position + UInt64(offset), range, batch)
        takeCredit(stream, offset - begin, work)
        chunkOffset = offset
        return
      }
      if bytes >= ParseStage.batchBytes || batch.recordCount >= recordsMax { return }
    }
  }

  private func addSource(
    _ stream: Stream, _ generation: Generation?, _ chunk: SlotChunk, _ work: LaneWork
  ) -> Int? {
    let batch = work.storage.batch
    var tagIndex: UInt32
    if let last = work.streams.last, last === stream {
      tagIndex = batch.raw.pointee.sources[work.streams.count - 1].tag
    } else {
      let added = stream.plan.tag.withUnsafeBytes {
        batch.appendTag($0, plan: stream.plan.index)
      }
      guard let added else { return nil }
      tagIndex = added
    }
    var source = weir_source()
    if let id = generation?.id { source.generation = (id.high, id.low) }
    source.stream = stream.id
    source.begin = chunk.position + UInt64(chunkOffset)
    source.tag = tagIndex
    source.resource = UInt32(WEIR_NO_RESOURCE)
    source.input = UInt32(stream.inputIndex)
    let range = generation.map { ledger.begin($0, end: source.begin) } ?? .none
    source.range = range.packed
    guard let index = batch.appendSource(source) else {
      ledger.release(range)
      return nil
    }
    work.inputIndex = stream.inputIndex
    work.ranges.append(range)
    work.streams.append(stream)
    return index
  }

  private func finishSource(_ source: Int, end: UInt64, _ range: RangeID, _ batch: Batch) {
    batch.raw.pointee.sources[source].end = end
    ledger.extend(range, to: end)
  }

  private func takeCredit(_ stream: Stream, _ bytes: Int, _ work: LaneWork) {
    if stream.plan.mayReachAll {
      for i in work.credit.indices { work.credit[i] += bytes }
    } else {
      for output in stream.plan.outputs { work.credit[output] += bytes }
    }
  }
}
