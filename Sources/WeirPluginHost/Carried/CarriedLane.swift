import CWeirPlugin
import WeirBatch
import WeirStage
import WeirTelemetry

/// A lane of an output over HTTP: one request body per batch, compressed where the target asks for
/// it. Records that get no item are counted with their reason.
final class CarriedLane: OutputLane {
  private let instance: PluginInstance
  private let table: weir_output
  private let lane: PluginInstance.Lane?
  private let codec: (any Codec)?
  /// The body before it is compressed.
  private let plain = Payload()
  private let body: UnsafeMutablePointer<RequestBody>
  private var ends: [UInt64] = []
  private var failures = 0

  init(
    _ instance: PluginInstance, _ table: weir_output, _ lane: PluginInstance.Lane?,
    _ codec: (any Codec)?
  ) {
    self.instance = instance
    self.table = table
    self.lane = lane
    self.codec = codec
    body = .allocate(capacity: 1)
    body.initialize(to: RequestBody(plain))
  }

  deinit { body.deallocate() }

  func encode(
    _ batch: Batch, _ selection: Selection, into payload: Payload, _ counters: StageCounters
  ) {
    guard selection.count > 0 else { return }
    guard let lane else { return drop(selection.count, counters, "it has no lane") }
    if ends.count < selection.count {
      ends.append(contentsOf: repeatElement(0, count: selection.count - ends.count))
    }
    let target = codec == nil ? payload : plain
    let begin = payload.length
    if codec != nil { plain.reset() }
    let written =
      instance.sharesLanes
      ? lane.turn.withLock { _ in fill(lane, batch, selection, target, payload, counters) }
      : fill(lane, batch, selection, target, payload, counters)
    payload.recordCount += written
    payload.uncompressedLength = target.length - (codec == nil ? begin : 0)
    if codec != nil, plain.length > 0, !compress(into: payload) {
      drop(written, counters, "the gzip codec fails")
      payload.length = begin
      payload.recordOffsets.removeAll(keepingCapacity: true)
      payload.recordCount = 0
      payload.uncompressedLength = 0
      return
    }
    payload.sections.append(
      PayloadSection(target: 0, begin: begin, end: payload.length, records: written))
  }

  // MARK: Encoding

  /// - Returns: items in the body.
  private func fill(
    _ lane: PluginInstance.Lane, _ batch: Batch, _ selection: Selection, _ target: Payload,
    _ payload: Payload, _ counters: StageCounters
  ) -> Int {
    var cursor: UInt32 = 0
    var items = 0
    while cursor < UInt32(selection.count) {
      let first = Int(cursor)
      let base = target.length
      var error = ErrorStruct.make()
      body.pointee.open(target, batch.raw)
      lane.mark.enter(batch.raw)
      let result = ends.withUnsafeMutableBufferPointer {
        table.encode(
          instance.raw, lane.state, batch.raw, selection.baseAddress, UInt32(selection.count),
          &cursor, OpaquePointer(body), $0.baseAddress, &error)
      }
      lane.mark.leave()
      body.pointee.close()
      let done = min(Int(cursor), selection.count)
      let made = take(first..<max(first, done), base, target, payload, counters)
      items += made
      if result == WEIR_OK && done == selection.count { return items }
      if result == WEIR_NO_SPACE && done > first { continue }
      let why =
        switch result {
        case WEIR_OK: "encode answers WEIR_OK with a cursor before the end"
        case WEIR_NO_SPACE: "a record does not fit into a body of \(RequestBody.bytesMax) bytes"
        default: ErrorStruct.message(error, result)
        }
      drop(selection.count - max(first, done), counters, why)
      return items
    }
    return items
  }

  /// Takes the ends of items that were written; what lies behind the last one is cut off.
  /// - Returns: items; records without one are counted as dropped.
  private func take(
    _ range: Range<Int>, _ base: Int, _ target: Payload, _ payload: Payload,
    _ counters: StageCounters
  ) -> Int {
    var last = base
    var items = 0
    let limit = target.length
    // Taken out of the payload while the loop runs, whose accesses are checked one by one.
    var offsets: [UInt32] = []
    swap(&offsets, &payload.recordOffsets)
    offsets.reserveCapacity(offsets.count + range.count)
    ends.withUnsafeBufferPointer { ends in
      for i in range {
        let end = base &+ Int(truncatingIfNeeded: ends[i])
        guard end >= last, end <= limit else {
          instance.context.breach("encode gives item ends that do not ascend")
          return
        }
        if end > last {
          offsets.append(UInt32(truncatingIfNeeded: end))
          items &+= 1
        }
        last = end
      }
    }
    swap(&offsets, &payload.recordOffsets)
    target.length = last
    if items < range.count { counters.drop(.output, records: range.count - items) }
    return items
  }

  private func drop(_ records: Int, _ counters: StageCounters, _ why: String) {
    counters.errors.add()
    counters.drop(.output, records: records)
    failures += 1
    // The first one, then each that doubles the number: a broken output does not fill the log.
    if failures & (failures - 1) == 0 {
      Log.error(
        "\(instance.context.name): encode: \(why) (\(records) records dropped, failure \(failures))"
      )
    }
  }

  // MARK: Compressing

  /// Appends the plain body to the payload as one member.
  private func compress(into payload: Payload) -> Bool {
    guard let codec else { return true }
    do throws(CodecError) { try codec.begin(.deflate) } catch { return false }
    var rest = UnsafeRawBufferPointer(start: plain.base, count: plain.length)
    // One reserve holds all of it with any sound codec; a bound that is too low costs a round more.
    _ = payload.reserve(max(64, codec.bound(plain.length)))
    while true {
      let step = codec.write(rest, into: room(payload))
      payload.length += step.produced
      rest = UnsafeRawBufferPointer(rebasing: rest[step.consumed...])
      switch step.status {
      case .done where rest.isEmpty: return finish(codec, payload)
      case .done, .noSpace:
        if step.consumed == 0 && step.produced == 0 && room(payload).count > 64 { return false }
        _ = payload.reserve(max(4096, rest.count / 4))
      case .memberEnd, .failed: return false
      }
    }
  }

  private func finish(_ codec: any Codec, _ payload: Payload) -> Bool {
    while true {
      let step = codec.finish(into: room(payload))
      payload.length += step.produced
      switch step.status {
      case .done: return true
      case .noSpace:
        if step.produced == 0 && room(payload).count > 64 { return false }
        _ = payload.reserve(4096)
      case .memberEnd, .failed: return false
      }
    }
  }

  private func room(_ payload: Payload) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      start: payload.base + payload.length, count: payload.capacity - payload.length)
  }
}
