import CWeirPlugin
import Glibc
import Synchronization
import WeirBatch
import WeirDelivery
import WeirPipeline
import WeirRing
import WeirStage
import WeirSystem
import WeirTelemetry
import WeirTestSupport

/// Text of a record: the line's own name up to the first blank.
func lineNumber(_ batch: Batch, _ record: UnsafeMutablePointer<weir_record>) -> Int {
  guard let field = batch.fields(of: record).first else { return -1 }
  let bytes = batch.bytes(of: field).prefix { $0 != UInt8(ascii: " ") }
  guard let n = bytes.lastIndex(of: UInt8(ascii: "n")) else { return -1 }
  return bytes[(n + 1)...].reduce(0) { $0 * 10 + Int($1) - 48 }
}

/// One record per line; a `\` at the end joins the next line, whatever chunk, slot or generation it
/// comes in. Carries accounted bytes and holds every range that it carries of; often claims that a
/// batch is full.
final class StressDecoder: Decoder, @unchecked Sendable {
  private let key = KeyTable.shared.intern("log")
  private var random: SeededGenerator

  private final class Open {
    var text: [UInt8] = []
    var held: [RangeID] = []
  }

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  func scan(_ chunk: Chunk, from offset: Int, in context: ScanContext) -> ScanStatus {
    let open = (chunk.stream.openState as? Open) ?? Open()
    chunk.stream.openState = open
    var at = offset
    while at < chunk.length {
      let isTired = context.batch.recordCount > 0 && random.below(97) == 0
      if isTired || context.batch.recordCount >= context.recordsMax {
        hold(open, at > offset, context)
        return .full(offset: at)
      }
      var end = at
      while end < chunk.length, chunk.base[end] != 10 { end += 1 }
      let line = UnsafeBufferPointer(start: chunk.base + at, count: end - at)
      if line.last == UInt8(ascii: "\\") {
        open.text += line.dropLast()
        context.budget.force(line.count - 1)
      } else {
        guard let record = append(context, chunk, at, end) else {
          hold(open, at > offset, context)
          return .full(offset: at)
        }
        put(line, open, chunk, at, end, record, context)
      }
      at = end + 1
    }
    hold(open, at > offset, context)
    return .finished
  }

  private func put(
    _ line: UnsafeBufferPointer<UInt8>, _ open: Open, _ chunk: Chunk, _ at: Int, _ end: Int,
    _ record: UnsafeMutablePointer<weir_record>, _ context: ScanContext
  ) {
    if open.text.isEmpty {
      context.batch.append(
        .slice(
          key, UInt32(WEIR_TEXT), segment: UInt32(WEIR_SEGMENT_RAW),
          offset: chunk.rawOffset + UInt32(at), length: UInt32(end - at)), to: record)
      return
    }
    let whole = open.text + line
    if let field = whole.withUnsafeBytes({ context.batch.textField(key, copying: $0) }) {
      context.batch.append(field, to: record)
    }
    for range in open.held { context.attach(range) }
    context.budget.give(open.text.count)
    open.held = []
    open.text = []
  }

  private func hold(_ open: Open, _ moved: Bool, _ context: ScanContext) {
    if moved, !open.text.isEmpty { open.held.append(context.hold()) }
  }

  private func append(_ context: ScanContext, _ chunk: Chunk, _ at: Int, _ end: Int)
    -> UnsafeMutablePointer<weir_record>?
  {
    context.batch.appendRecord(
      time: context.now, position: chunk.position + UInt64(at), length: end + 1 - at,
      source: context.source, fieldRoom: 1)
  }
}

/// One stream of the stress input: its lines, in as many generations as it has rotations.
struct StressStream {
  var name: String
  var tag: String
  var pieces: [[UInt8]]
  var hasPositions: Bool
  /// The lines in order, joined.
  var lines: [StressLine]
}

/// A line that has to come out.
struct StressLine {
  var number: Int
  var text: String
  /// Where its parts begin: a piece of the stream, and the offset in it.
  var begins: [(piece: Int, offset: Int)]
}

/// Feeds streams in random chunks, with empty ones, jumbo ones and left-out bytes in between.
final class StressInput: Input, @unchecked Sendable {
  let decoder: any Decoder
  private struct Cursor {
    var stream: WeirStage.Stream?
    var piece = 0
    var at = 0
    var generation: Generation?
    var position: UInt64 = 0
  }
  let sources: [StressStream]
  private var cursors: [Cursor]
  private var random: SeededGenerator
  private let chunkMax: Int
  private var host: InputHost?
  private var isQueued = false
  private let onEnd: @Sendable (InputHost) -> Void
  private var hasEnded = false
  /// Every generation with the position that it has to be committed to in the end.
  private(set) var ends: [(generation: Generation, end: UInt64)] = []
  /// Every chunk with positions, for whoever checks what is committed meanwhile.
  let chunks = Locked<[Committed]>([])

  struct Committed {
    var source: Int
    var piece: Int
    var generation: Generation
    var position: UInt64
    var at: Int
    var length: Int
  }

  init(
    _ sources: [StressStream], seed: UInt64, chunkMax: Int,
    onEnd: @escaping @Sendable (InputHost) -> Void
  ) {
    self.sources = sources
    self.chunkMax = chunkMax
    self.onEnd = onEnd
    random = SeededGenerator(seed: seed)
    decoder = StressDecoder(seed: seed &+ 77)
    cursors = sources.map { _ in Cursor() }
  }

  func start(_ host: InputHost) throws {
    self.host = host
    for i in sources.indices {
      cursors[i].stream = host.makeStream(tag: Array(sources[i].tag.utf8))
      begin(i)
    }
    pumpLater()
  }

  private func begin(_ i: Int) {
    cursors[i].at = 0
    cursors[i].position = 0
    cursors[i].generation =
      sources[i].hasPositions ? Generation(id: .random(), committed: 0) : nil
  }

  func resume() { pump() }
  func stop() { host = nil }

  private func pumpLater() {
    guard let host, !isQueued else { return }
    isQueued = true
    host.queue.async { [self] in
      isQueued = false
      pump()
    }
  }

  private func pump() {
    guard host != nil else { return }
    for _ in 0..<16 {
      let open = cursors.indices.filter { cursors[$0].piece < sources[$0].pieces.count }
      if open.isEmpty { return end() }
      var moved = false
      for i in open.shuffled(using: &random) {
        switch feed(i) {
        case .fed: moved = true
        case .blocked: continue
        case .full: return
        }
      }
      if !moved { return }
    }
    pumpLater()
  }

  private func end() {
    guard let host, !hasEnded else { return }
    hasEnded = true
    onEnd(host)
  }

  private enum Feed { case fed, blocked, full }

  private func feed(_ i: Int) -> Feed {
    guard let host, let stream = cursors[i].stream else { return .full }
    if random.below(20) == 0 {
      // A chunk without bytes.
      guard host.reserve(0) != nil else { return .full }
      host.commit(
        stream, generation: cursors[i].generation, position: cursors[i].position, length: 0)
    }
    guard host.mayRead(stream) else { return .blocked }
    let piece = sources[i].pieces[cursors[i].piece]
    let begin = cursors[i].at
    var end = min(begin + 1 + random.below(chunkMax), piece.count)
    while end < piece.count, piece[end - 1] != 10 { end += 1 }
    guard let room = host.reserve(end - begin) else { return .full }
    piece[begin..<end].withUnsafeBytes { room.copyMemory(from: $0) }
    if let generation = cursors[i].generation {
      let chunk = Committed(
        source: i, piece: cursors[i].piece, generation: generation,
        position: cursors[i].position, at: begin, length: end - begin)
      chunks.withLock { $0.append(chunk) }
    }
    let leftOut = random.below(10) == 0 ? random.below(9) : 0
    host.commit(
      stream, generation: cursors[i].generation, position: cursors[i].position,
      length: end - begin, covered: UInt64(end - begin + leftOut))
    cursors[i].position += UInt64(end - begin + leftOut)
    cursors[i].at = end
    if end == piece.count {
      if let generation = cursors[i].generation { ends.append((generation, cursors[i].position)) }
      cursors[i].piece += 1
      if cursors[i].piece < sources[i].pieces.count { self.begin(i) }
    }
    return .fed
  }
}

/// Drops the lines whose number a rule takes.
final class NumberFilter: Filter {
  let drops: @Sendable (Int) -> Bool
  let pauseMax: Int
  init(pauseMax: Int = 0, drops: @escaping @Sendable (Int) -> Bool) {
    self.drops = drops
    self.pauseMax = pauseMax
  }

  private final class Lane: FilterLane {
    let filter: NumberFilter
    init(_ filter: NumberFilter) { self.filter = filter }

    func process(_ batch: Batch, _ selection: Selection, _ counters: StageCounters) {
      if filter.pauseMax > 0, Int.random(in: 0..<20) == 0 {
        usleep(UInt32(Int.random(in: 0..<filter.pauseMax)))
      }
      for i in selection where filter.drops(lineNumber(batch, batch.records + Int(i))) {
        batch.records[Int(i)].flags |= UInt16(WEIR_RECORD_DROPPED)
      }
    }
  }

  func openLane(_ lane: LaneContext) -> any FilterLane { Lane(self) }
}

/// Emits a second record for some lines, under their own tag, behind the others of the batch.
final class TwinFilter: Filter {
  let twins: @Sendable (Int) -> Bool
  private let key = KeyTable.shared.intern("twin")
  init(twins: @escaping @Sendable (Int) -> Bool) { self.twins = twins }

  private final class Lane: FilterLane {
    let filter: TwinFilter
    init(_ filter: TwinFilter) { self.filter = filter }

    func process(_ batch: Batch, _ selection: Selection, _ counters: StageCounters) {
      for i in selection {
        let record = batch.records + Int(i)
        guard record.pointee.flags & UInt16(WEIR_RECORD_EMITTED) == 0,
          filter.twins(lineNumber(batch, record)), let twin = batch.duplicate(record)
        else { continue }
        twin.pointee.flags |= UInt16(WEIR_RECORD_EMITTED)
        let mark: StaticString = "#twin"
        let bytes = UnsafeRawBufferPointer(start: mark.utf8Start, count: mark.utf8CodeUnitCount)
        if let field = batch.textField(filter.key, copying: bytes) { batch.append(field, to: twin) }
      }
    }
  }

  func openLane(_ lane: LaneContext) -> any FilterLane { Lane(self) }
}

/// Keeps what it gets, and behaves badly as told: slow, failing for a while, refusing payloads.
final class StressOutput: Output, @unchecked Sendable {
  struct Manners {
    var retries = 0  // so many deliveries are to be tried again; each costs a pause
    var refuseIn = 0  // one in so many is refused for good, wholly or in part
    var pauseMax = 0  // microseconds
  }

  struct Got {
    var lines: [String] = []
    var sequence: UInt64?
    var isOrdered = true
    var refused = 0
    var emptyPayloads = 0
    var isInCall = false
    var overlaps = 0
    var isClosed = false
    var callsAfterClose = 0
    var retriesLeft = 0
  }

  let got = Locked(Got())
  private let manners: Manners
  private let random: Locked<SeededGenerator>

  init(seed: UInt64, _ manners: Manners) {
    self.manners = manners
    random = Locked(SeededGenerator(seed: seed))
    got.withLock { $0.retriesLeft = manners.retries }
  }

  private final class Lane: OutputLane {
    func encode(
      _ batch: Batch, _ selection: Selection, into payload: Payload, _ counters: StageCounters
    ) {
      for i in selection {
        for field in batch.fields(of: batch.records + Int(i)) {
          payload.append(batch.bytes(of: field))
        }
        payload.append(10)
      }
      payload.recordCount = selection.count
    }
  }

  func openLane(_ lane: LaneContext) -> any OutputLane { Lane() }
  func start() throws {}

  private func call<T>(_ body: () -> T) -> T {
    got.withLock { got in
      if got.isInCall { got.overlaps += 1 }
      if got.isClosed { got.callsAfterClose += 1 }
      got.isInCall = true
    }
    defer { got.withLock { $0.isInCall = false } }
    return body()
  }

  func deliver(_ payload: Payload) -> DeliveryResult {
    call {
      let (mayRetry, refuses, pause) = random.withLock { random in
        (
          random.below(6) == 0,
          manners.refuseIn > 0 && random.below(manners.refuseIn) == 0,
          manners.pauseMax > 0 ? random.below(manners.pauseMax) : 0
        )
      }
      if pause > 0 { usleep(UInt32(pause)) }
      let retries = got.withLock { got in
        if mayRetry, got.retriesLeft > 0 {
          got.retriesLeft -= 1
          return true
        }
        return false
      }
      if retries { return .retry("told to") }
      let text = String(
        decoding: UnsafeBufferPointer(start: payload.base, count: payload.length), as: UTF8.self)
      let lines = text.split(separator: "\n", omittingEmptySubsequences: true).map(String.init)
      return got.withLock { got in
        if lines.isEmpty { got.emptyPayloads += 1 }
        if let last = got.sequence, payload.sequence <= last { got.isOrdered = false }
        got.sequence = payload.sequence
        if refuses {
          let dropped = payload.sequence % 2 == 0 ? lines.count : lines.count / 2
          got.lines += lines[dropped...]
          got.refused += dropped
          return dropped == lines.count ? .failed("told to") : .partial(dropped: dropped, "told to")
        }
        got.lines += lines
        return .done
      }
    }
  }

  func flush() { call {} }

  func close() {
    call {}
    got.withLock { $0.isClosed = true }
  }
}
