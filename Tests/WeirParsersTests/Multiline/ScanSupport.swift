import CWeirPlugin
import WeirBatch
import WeirDelivery
import WeirRing
import WeirStage
import WeirTelemetry

@testable import WeirParsers

/// Feeds a decoder chunk by chunk, as the ordered scan does, and shows the records it makes.
final class ScanHarness {
  let decoder: any Decoder
  let stream: Stream
  let ledger = Ledger()
  let budget: MemoryBudget
  let counters = StageCounters(kind: .input, name: "t", extra: InputCounterNames.all)
  let generation: Generation?
  var recordsMax = 1_000
  var limits = BatchLimits()
  var now: Int64 = 1_795_435_200 * 1_000_000_000
  var monotonic: Int64 = 0
  private(set) var position: UInt64 = 0
  private(set) var batches = 0
  private var ranges: [RangeID] = []

  init(
    _ decoder: any Decoder, path: String = "/x/a.log", budgetBytes: Int = 64 << 20,
    generation: Generation? = nil
  ) {
    self.decoder = decoder
    self.generation = generation
    budget = MemoryBudget(limitBytes: budgetBytes)
    let plan = TagPlan(index: 0, tag: Array("t".utf8), filters: [], outputs: [])
    stream = Stream(
      id: 1, inputIndex: 0, plan: plan, path: Array(path.utf8), decoder: decoder)
    (decoder as? LineDecoder)?.bind(counters)
    (decoder as? MultilineDecoder)?.bind(counters)
  }

  /// Scans one chunk, in as many batches as it takes; records as `show` writes them.
  func feed(_ text: String, flags: ChunkFlags = []) -> [String] {
    feed(Array(text.utf8), flags: flags)
  }

  func feed(_ text: [UInt8], flags: ChunkFlags = []) -> [String] {
    var shown: [String] = []
    var offset = 0
    while true {
      let memory = TextBatch(text, limits: limits)
      batches += 1
      let status = scan(memory, text.count, from: offset, flags)
      for index in 0..<memory.batch.recordCount { shown.append(show(index, memory)) }
      guard case .full(let next) = status else { break }
      offset = next
    }
    position += UInt64(text.count)
    return shown
  }

  private func scan(
    _ memory: TextBatch, _ count: Int, from offset: Int, _ flags: ChunkFlags
  ) -> ScanStatus {
    let batch = memory.batch
    _ = stream.plan.tag.withUnsafeBytes { batch.appendTag($0, plan: 0) }
    var source = weir_source()
    source.resource = UInt32(WEIR_NO_RESOURCE)
    let index = batch.appendSource(source) ?? 0
    let range = generation.map { ledger.begin($0, end: position + UInt64(offset)) } ?? .none
    let context = ScanContext(
      batch: batch, source: index, recordsMax: recordsMax, now: now, monotonicNow: monotonic,
      ledger: ledger, range: range, budget: budget)
    let chunk = Chunk(
      stream: stream, generation: generation, base: UnsafePointer(memory.memory), rawOffset: 0,
      length: count, position: position, flags: flags)
    let status = decoder.scan(chunk, from: offset, in: context)
    if case .full(let next) = status {
      ledger.extend(range, to: position + UInt64(next))
    } else {
      ledger.extend(range, to: position + UInt64(count))
    }
    ranges.append(range)
    return status
  }

  /// The outputs have finished with everything scanned so far.
  func acknowledge() {
    for range in ranges { ledger.release(range) }
    ranges = []
  }

  private func show(_ index: Int, _ memory: TextBatch) -> String {
    let record = memory.batch.records + index
    var parts = memory.batch.fields(of: record).map { field -> String in
      guard UInt32(field.type) == UInt32(WEIR_METADATA) else { return memory.show(field) }
      let child = memory.batch.fields[Int(field.value.children.first)]
      return "{" + memory.show(child) + "}"
    }
    if record.pointee.time_ns != now { parts.append("@\(record.pointee.time_ns)") }
    return parts.joined(separator: " ")
  }
}
