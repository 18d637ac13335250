import Dispatch
import Glibc
import Testing
import WeirConfig
import WeirDelivery
import WeirParsers
import WeirRing
import WeirStage
import WeirSystem
import WeirTelemetry

@testable import WeirInputs

/// A decoder for streams whose bytes the test looks at itself.
final class NoDecoder: Decoder, @unchecked Sendable {
  func scan(_ chunk: Chunk, from offset: Int, in context: ScanContext) -> ScanStatus { .finished }
}

/// A folder that is removed at the end.
final class Folder {
  let path: String
  init() {
    var template = Array("/tmp/weir-tail-XXXXXX".utf8CString)
    path = String(cString: mkdtemp(&template))
  }
  deinit { system("rm -rf '\(path)'") }

  func file(_ name: String) -> String { path + "/" + name }

  func write(_ name: String, _ text: String) { write(name, Array(text.utf8)) }

  func write(_ name: String, _ bytes: [UInt8]) {
    let descriptor = open(file(name), O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    put(descriptor, bytes)
    close(descriptor)
  }

  func append(_ name: String, _ text: String) {
    let descriptor = open(file(name), O_WRONLY | O_CREAT | O_APPEND, 0o644)
    put(descriptor, Array(text.utf8))
    close(descriptor)
  }

  func put(_ descriptor: Int32, _ bytes: [UInt8]) {
    var done = 0
    bytes.withUnsafeBytes { bytes in
      while done < bytes.count, let base = bytes.baseAddress {
        done += Glibc.write(descriptor, base + done, bytes.count - done)
      }
    }
  }

  func rename(_ from: String, _ to: String) { Glibc.rename(file(from), file(to)) }
  func remove(_ name: String) { unlink(file(name)) }
  func makeDirectory(_ name: String) { mkdir(file(name), 0o755) }
  func link(_ name: String, to target: String) { symlink(target, file(name)) }
}

/// What a chunk that the input has published brought.
struct Arrival {
  var path: String
  var tag: String
  var bytes: [UInt8]
  var position: UInt64
  var covered: UInt64
  var flags: ChunkFlags
  var generation: GenerationID?
}

/// A tail input over a real ring and ledger, with a test in the place of lanes and outputs.
final class TailBench: @unchecked Sendable {
  let folder: Folder
  let ring: Ring
  let ledger = Ledger()
  let budget = MemoryBudget(limitBytes: 96 << 20)
  let counters = StageCounters(kind: .input, name: "tail.0", extra: InputCounterNames.all)
  let gate = OutputGate(limitBytes: 1 << 40)
  let queue = DispatchQueue(label: "test.input")
  let host: InputHost
  let input: any Input
  var arrivals: [Arrival] = []
  /// Finished ranges are acknowledged at once; false keeps them open.
  var acknowledges = true
  var open: [RangeID] = []
  let stopReason = Holder<String?>(nil)
  private var isRunning = false

  /// A value that the input lane sets and a test reads.
  final class Holder<T>: Sendable {
    private let locked: Locked<T>
    init(_ value: T) { locked = Locked(value) }

    var value: T {
      get { locked.withLock { $0 } }
      set { locked.withLock { $0 = newValue } }
    }
  }

  init(
    _ folder: Folder, _ options: [(String, String)], slots: Int = 8, slotBytes: Int = 256 << 10,
    filesMax: Int? = nil
  ) throws {
    _ = TestGzip.once
    self.folder = folder
    ring = Ring(slotCount: slots, slotBytes: slotBytes, budget: budget)
    let properties = options.map { Property(key: $0.0, node: ConfigNode(text: $0.1)) }
    let config = InstanceConfig(kind: .input, plugin: "tail", properties: properties)
    input = try BuiltinInputs.make(
      config,
      InputBuildContext(
        service: ServiceConfig(), parsers: ParserCatalogue(), databases: CheckpointDatabases(),
        descriptors: DescriptorBudget(filesMax: filesMax)))
    let numbers = Holder<UInt64>(0)
    let stopReason = stopReason
    let decoder = NoDecoder()
    host = InputHost(
      queue: queue, index: 0, name: "tail.0", counters: counters, ledger: ledger, budget: budget,
      ring: ring, gates: [gate],
      makeStream: { tag, path in
        numbers.value += 1
        return Stream(
          id: numbers.value, inputIndex: 0,
          plan: TagPlan(index: 0, tag: tag, filters: [], outputs: [0]), path: path,
          decoder: decoder)
      }, requestStop: { stopReason.value = $0 })
    host.bind(input)
  }

  deinit { if isRunning { queue.sync { input.stop() } } }

  func start() throws {
    var failure: (any Error)?
    queue.sync {
      do { try input.start(host) } catch { failure = error }
    }
    if let failure { throw failure }
    isRunning = true
  }

  /// A graceful stop: everything read is delivered, positions are stored.
  func stop() {
    queue.sync { input.stop() }
    drain()
    queue.sync { input.finish() }
    isRunning = false
  }

  /// As after kill -9: nothing is stored beyond what is stored already.
  func crash() {
    queue.sync { input.stop() }
    isRunning = false
  }

  /// Keeps the input lane busy for so many microseconds, as a busy machine does.
  func hold(_ microseconds: UInt32) { queue.async { usleep(microseconds) } }

  /// Takes everything published.
  func drain() {
    queue.sync { host.seal() }
    while let slot = ring.peek() {
      ring.advance()
      for chunk in slot.chunks { take(chunk, slot) }
      ring.release(slot)
    }
  }

  private func take(_ chunk: SlotChunk, _ slot: Slot) {
    guard let stream = chunk.stream as? Stream else { return }
    let generation = chunk.generation as? Generation
    arrivals.append(
      Arrival(
        path: String(decoding: stream.path, as: UTF8.self),
        tag: String(decoding: stream.plan.tag, as: UTF8.self),
        bytes: Array(UnsafeBufferPointer(start: slot.base + chunk.offset, count: chunk.length)),
        position: chunk.position, covered: chunk.covered, flags: chunk.flags,
        generation: generation?.id))
    gate.give(chunk.length)
    guard let generation else { return }
    let range = ledger.begin(generation, end: chunk.position + chunk.covered)
    if acknowledges { ledger.release(range) } else { open.append(range) }
  }

  /// Waits until `test` holds; the time limit is generous, because machines are busy.
  func wait(seconds: Double = 20, _ test: () -> Bool) -> Bool {
    let end = Clock.monotonic() + Int64(seconds * 1e9)
    while Clock.monotonic() < end {
      drain()
      if test() { return true }
      usleep(5_000)
    }
    return false
  }

  /// What arrived of one path.
  func text(_ name: String) -> String {
    let path = folder.file(name)
    return String(
      decoding: arrivals.filter { $0.path == path }.flatMap(\.bytes), as: UTF8.self)
  }

  var all: String { String(decoding: arrivals.flatMap(\.bytes), as: UTF8.self) }
  func counter(_ name: String) -> UInt64 { counters.extra[name]?.count ?? 0 }
}

/// `count` numbered lines.
func lines(_ from: Int, _ count: Int, _ prefix: String = "line") -> String {
  (from..<from + count).map { "2026-01-01T00:00:00.\(100_000 + $0)Z \(prefix) \($0)\n" }.joined()
}
