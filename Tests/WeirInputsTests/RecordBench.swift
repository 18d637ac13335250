import CWeirPlugin
import Dispatch
import Glibc
import WeirBatch
import WeirConfig
import WeirDelivery
import WeirParsers
import WeirRing
import WeirStage
import WeirTelemetry

@testable import WeirInputs

/// An input without positions over a ring, scanned by its own decoder: records as JSON-like text.
final class RecordBench: @unchecked Sendable {
  let ring: Ring
  let budget = MemoryBudget(limitBytes: 64 << 20)
  let counters = StageCounters(kind: .input, name: "x.0", extra: InputCounterNames.all)
  let queue = DispatchQueue(label: "test.input")
  let host: InputHost
  let input: any Input
  let stopReason = TailBench.Holder<String?>(nil)
  private let storage: BatchStorage
  private let ledger = Ledger()
  let recordsMax: Int
  var records: [(time: Int64, text: String)] = []

  init(_ input: any Input, slotBytes: Int = 64 << 10, recordsMax: Int = 8_192) {
    ring = Ring(slotCount: 4, slotBytes: slotBytes, budget: budget)
    var limits = BatchLimits()
    limits.recordsMax = recordsMax
    self.recordsMax = recordsMax
    storage = BatchStorage(limits: limits)
    self.input = input
    let stopReason = stopReason
    host = InputHost(
      queue: queue, index: 0, name: "x.0", counters: counters, ledger: ledger, budget: budget,
      ring: ring, gates: [],
      makeStream: { tag, path in
        Stream(
          id: 1, inputIndex: 0, plan: TagPlan(index: 0, tag: tag, filters: [], outputs: []),
          path: path, decoder: input.decoder)
      }, requestStop: { stopReason.value = $0 })
    host.bind(input)
  }

  func start() throws { try queue.sync { try input.start(host) } }

  func drain() {
    queue.sync { host.seal() }
    while let slot = ring.peek() {
      ring.advance()
      for chunk in slot.chunks { scan(chunk, slot) }
      ring.release(slot)
    }
  }

  private func scan(_ chunk: SlotChunk, _ slot: Slot) {
    guard let stream = chunk.stream as? Stream else { return }
    var offset = 0
    while true {
      storage.reset(sequence: 0)
      let batch = storage.batch
      batch.raw.pointee.segments[0] = weir_segment(
        base: slot.base, length: UInt64(slot.length), capacity: UInt64(slot.capacity))
      _ = batch.appendSource(weir_source())
      let context = ScanContext(
        batch: batch, source: 0, recordsMax: recordsMax, now: 42, monotonicNow: 0, ledger: ledger,
        range: .none, budget: budget)
      let view = Chunk(
        stream: stream, generation: nil, base: slot.base + chunk.offset,
        rawOffset: UInt32(chunk.offset), length: chunk.length, position: chunk.position,
        flags: chunk.flags)
      let status = stream.decoder.scan(view, from: offset, in: context)
      for i in 0..<batch.recordCount { collect(batch, batch.records + i) }
      guard case .full(let next) = status else { return }
      offset = next
    }
  }

  private func collect(_ batch: Batch, _ record: UnsafeMutablePointer<weir_record>) {
    let parts = batch.fields(of: record).map { field -> String in
      let name =
        field.key == UInt32(WEIR_NO_KEY)
        ? "#" : String(decoding: batch.name(of: field.key), as: UTF8.self)
      return name + "=" + value(batch, field)
    }
    records.append((record.pointee.time_ns, parts.joined(separator: " ")))
  }

  private func value(_ batch: Batch, _ field: weir_field) -> String {
    switch UInt32(field.type) {
    case UInt32(WEIR_NULL): return "null"
    case UInt32(WEIR_BOOL): return field.value.i64 != 0 ? "true" : "false"
    case UInt32(WEIR_INT64): return "\(field.value.i64)"
    case UInt32(WEIR_DOUBLE): return "\(field.value.f64)"
    case UInt32(WEIR_METADATA):
      let first = Int(field.value.children.first)
      return (first..<first + Int(field.value.children.count)).map {
        String(decoding: batch.name(of: batch.fields[$0].key), as: UTF8.self) + ":"
          + value(batch, batch.fields[$0])
      }.joined(separator: ",")
    default: return String(decoding: batch.bytes(of: field), as: UTF8.self)
    }
  }

  func wait(_ test: () -> Bool) -> Bool {
    let end = Clock.monotonic() + 20_000_000_000
    while Clock.monotonic() < end {
      drain()
      if test() { return true }
      usleep(5_000)
    }
    return false
  }
}
