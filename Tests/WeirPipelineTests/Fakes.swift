import CWeirPlugin
import Dispatch
import Glibc
import Synchronization
import WeirBatch
import WeirDelivery
import WeirParsers
import WeirPipeline
import WeirRing
import WeirStage
import WeirSystem
import WeirTelemetry

/// Makes one record per line, and joins lines that end in `\` with the next one of the stream: the
/// smallest decoder that carries something from chunk to chunk.
final class JoiningDecoder: Decoder {
  let key = KeyTable.shared.intern("log")

  final class Open {
    var text: [UInt8] = []
    var range = RangeID.none
  }

  func scan(_ chunk: Chunk, from offset: Int, in context: ScanContext) -> ScanStatus {
    let batch = context.batch
    let open = (chunk.stream.openState as? Open) ?? Open()
    chunk.stream.openState = open
    var at = offset
    while at < chunk.length {
      if batch.recordCount >= context.recordsMax { return .full(offset: at) }
      var end = at
      while end < chunk.length, chunk.base[end] != 10 { end += 1 }
      let line = UnsafeBufferPointer(start: chunk.base + at, count: end - at)
      if line.last == UInt8(ascii: "\\") {
        if open.text.isEmpty { open.range = context.hold() }
        open.text += line.dropLast()
      } else if open.text.isEmpty {
        guard let record = append(context, chunk, at, end) else { return .full(offset: at) }
        batch.append(
          .slice(
            key, UInt32(WEIR_TEXT), segment: UInt32(WEIR_SEGMENT_RAW),
            offset: chunk.rawOffset + UInt32(at), length: UInt32(end - at)), to: record)
      } else {
        guard let record = append(context, chunk, at, end) else { return .full(offset: at) }
        let whole = open.text + line
        if let field = whole.withUnsafeBytes({ batch.textField(key, copying: $0) }) {
          batch.append(field, to: record)
        }
        context.attach(open.range)
        open.text = []
        open.range = .none
      }
      at = end + 1
    }
    return .finished
  }

  private func append(_ context: ScanContext, _ chunk: Chunk, _ at: Int, _ end: Int)
    -> UnsafeMutablePointer<weir_record>?
  {
    context.batch.appendRecord(
      time: context.now, position: chunk.position + UInt64(at), length: end + 1 - at,
      source: context.source, fieldRoom: 1)
  }
}

/// Feeds given bytes of several streams as fast as the ring and the gates let it.
final class FakeInput: Input, @unchecked Sendable {
  let decoder: any Decoder = JoiningDecoder()
  private var sources: [(tag: String, data: [UInt8], at: Int, stream: Stream?)]
  private let chunkBytes: Int
  private var host: InputHost?
  private(set) var generations: [Generation] = []
  private let stopsAtEnd: Bool

  init(_ sources: [(tag: String, data: [UInt8])], chunkBytes: Int, stopsAtEnd: Bool = true) {
    self.sources = sources.map { ($0.tag, $0.data, 0, nil) }
    self.chunkBytes = chunkBytes
    self.stopsAtEnd = stopsAtEnd
  }

  func start(_ host: InputHost) throws {
    self.host = host
    for i in sources.indices {
      sources[i].stream = host.makeStream(tag: Array(sources[i].tag.utf8))
      generations.append(Generation(id: .random(), committed: 0))
    }
    host.queue.async { self.resume() }
  }

  func resume() {
    guard let host else { return }
    var moved = true
    while moved {
      moved = false
      for i in sources.indices {
        guard let stream = sources[i].stream, sources[i].at < sources[i].data.count,
          host.mayRead(stream)
        else { continue }
        let begin = sources[i].at
        var end = min(begin + chunkBytes, sources[i].data.count)
        while end < sources[i].data.count, sources[i].data[end - 1] != 10 { end += 1 }
        guard let room = host.reserve(end - begin) else { return }
        sources[i].data[begin..<end].withUnsafeBytes { room.copyMemory(from: $0) }
        host.commit(
          stream, generation: generations[i], position: UInt64(begin), length: end - begin)
        sources[i].at = end
        moved = true
      }
    }
    if stopsAtEnd, sources.allSatisfy({ $0.at == $0.data.count }) { host.requestStop("all read") }
  }

  func stop() { host = nil }
}

/// Keeps what it gets, by tag; can be made slow or stuck.
final class FakeOutput: Output, @unchecked Sendable {
  let lines = Locked<[String: [String]]>([:])
  let flushes = Atomic<Int>(0)
  let blocked = Atomic<Bool>(false)
  let fails = Atomic<Int>(0)

  final class Lane: OutputLane {
    func encode(
      _ batch: Batch, _ selection: Selection, into payload: Payload, _ counters: StageCounters
    ) {
      for i in selection {
        let record = batch.records + Int(i)
        payload.append(batch.tag(of: record))
        payload.append(UInt8(ascii: " "))
        for field in batch.fields(of: record) { payload.append(batch.bytes(of: field)) }
        payload.append(10)
      }
      payload.recordCount = selection.count
    }
  }

  func openLane(_ lane: LaneContext) -> any OutputLane { Lane() }
  func start() throws {}

  func deliver(_ payload: Payload) -> DeliveryResult {
    while blocked.load(ordering: .relaxed) { usleep(1_000) }
    if fails.load(ordering: .relaxed) > 0 {
      fails.wrappingSubtract(1, ordering: .relaxed)
      return .retry("told to fail")
    }
    let text = String(
      decoding: UnsafeBufferPointer(start: payload.base, count: payload.length), as: UTF8.self)
    lines.withLock { lines in
      for line in text.split(separator: "\n") {
        let parts = line.split(separator: " ", maxSplits: 1)
        lines[String(parts[0]), default: []].append(parts.count > 1 ? String(parts[1]) : "")
      }
    }
    return .done
  }

  func flush() { flushes.wrappingAdd(1, ordering: .relaxed) }
  func close() {}
}

/// Numbered lines, some of them continued, as text and as what must arrive.
func numberedLines(_ count: Int, seed: UInt64) -> (data: [UInt8], expected: [String]) {
  var random = seed
  func next() -> UInt64 {
    random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return random >> 33
  }
  var data: [UInt8] = []
  var expected: [String] = []
  for i in 0..<count {
    let filler = String(repeating: "x", count: Int(next() % 90))
    if next() % 16 == 0 {
      data += Array("part\(i)-\(filler)\\\n\(filler)end\(i)\n".utf8)
      expected.append("part\(i)-\(filler)\(filler)end\(i)")
    } else {
      data += Array("line\(i) \(filler)\n".utf8)
      expected.append("line\(i) \(filler)")
    }
  }
  return (data, expected)
}
