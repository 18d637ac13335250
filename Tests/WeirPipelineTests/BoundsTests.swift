import CWeirPlugin
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

/// Commits what a test tells it to, on the input lane.
private final class HandInput: Input, @unchecked Sendable {
  let decoder: any Decoder = JoiningDecoder()
  private let onStart: @Sendable (InputHost) -> Void
  private let state = Locked<InputHost?>(nil)
  private let isStopped = Atomic<Bool>(false)
  private let stream = Locked<WeirStage.Stream?>(nil)
  let tag: String

  init(tag: String = "t", onStart: @escaping @Sendable (InputHost) -> Void = { _ in }) {
    self.tag = tag
    self.onStart = onStart
  }

  var wasStarted: Bool { state.withLock { $0 != nil } }
  var wasStopped: Bool { isStopped.load(ordering: .relaxed) }

  func start(_ host: InputHost) throws {
    state.withLock { $0 = host }
    stream.withLock { $0 = host.makeStream(tag: Array(tag.utf8)) }
    onStart(host)
  }

  func stop() { isStopped.store(true, ordering: .relaxed) }
  func resume() {}

  /// Whether the stream may be read, and if so puts a text into the open slot.
  func put(_ text: String, seals: Bool = true) -> Bool {
    guard let host = state.withLock({ $0 }), let stream = stream.withLock({ $0 }) else {
      return false
    }
    return host.queue.sync {
      guard host.mayRead(stream), let room = host.reserve(text.utf8.count) else { return false }
      room.copyBytes(from: text.utf8)
      host.commit(stream, generation: nil, position: 0, length: text.utf8.count)
      if seals { host.seal() }
      return true
    }
  }

  /// Puts a text as soon as there is room for it.
  func putSoon(_ text: String) -> Bool {
    for _ in 0..<2_000 {
      if put(text) { return true }
      usleep(1_000)
    }
    return false
  }
}

private func waits(_ condition: () -> Bool) -> Bool {
  for _ in 0..<5_000 where !condition() { usleep(1_000) }
  return condition()
}

private func sink(
  _ name: String, _ output: any Output, _ pattern: String = "*",
  _ processors: [PipelineGraph.Processor] = []
) -> PipelineGraph.OutputNode {
  .init(
    name: name, output: output, rule: MatchRule(pattern: pattern, regex: nil),
    processors: processors)
}

@Suite("What a pipeline bounds", .serialized)
struct BoundsTests {
  private func settings(_ change: (inout PipelineSettings) -> Void = { _ in }) -> PipelineSettings {
    var settings = PipelineSettings()
    settings.flushSeconds = 0.02
    settings.graceSeconds = 10
    change(&settings)
    return settings
  }

  private func text(_ numbers: Range<Int>) -> String {
    numbers.map { "s0n\($0)\n" }.joined()
  }

  @Test("small payloads wait for a blocked output in bounded number")
  func smallPayloads() throws {
    let input = HandInput()
    let output = FakeOutput()
    output.blocked.store(true, ordering: .relaxed)
    let pipeline = Pipeline(
      PipelineGraph(
        inputs: [.init(name: "hand", input: input)], outputs: [sink("o", output)]),
      settings { $0.outputCreditBytes = 1 << 20 })
    try pipeline.start()
    var taken = 0
    while taken < 1_000, input.putSoon("x\n") {
      taken += 1
      #expect(waits { pipeline.ring.occupancy.used == 0 })
      if pipeline.outputBacklog[0].creditBytes >= 1 << 20 { break }
    }
    // A quiet stream makes a payload of a few bytes per flush interval; each costs its own memory.
    #expect(taken <= 128)
    #expect(!input.put("x\n"))
    output.blocked.store(false, ordering: .relaxed)
    #expect(waits { pipeline.outputBacklog[0].creditBytes == 0 })
    pipeline.stop("end")
    pipeline.wait()
    #expect(output.lines.withLock { $0["t"]?.count } == taken)
  }

  @Test("short chunks for a blocked output leave most of the ledger to others")
  func shortChunks() {
    let budget = MemoryBudget(limitBytes: 64 << 20)
    let ring = Ring(slotCount: 64, slotBytes: 1 << 20, budget: budget)
    let gate = OutputGate(limitBytes: PipelineSettings().outputCreditBytes)
    let queue = DispatchQueue(label: "host")
    let host = InputHost(
      queue: queue, index: 0, name: "host", counters: StageCounters(kind: .input, name: "host"),
      ledger: Ledger(), budget: budget, ring: ring, gates: [gate],
      makeStream: { tag, path in
        Stream(
          id: 1, inputIndex: 0, plan: TagPlan(index: 0, tag: tag, filters: [], outputs: [0]),
          path: path, decoder: JoiningDecoder())
      }, requestStop: { _ in })
    queue.sync {
      let stream = host.makeStream(tag: [116])
      var chunks = 0
      while host.mayRead(stream), chunks < Ledger.openMax, let room = host.reserve(2) {
        room[0] = 10
        host.commit(stream, generation: nil, position: UInt64(chunks), length: 1)
        chunks += 1
      }
      #expect(!gate.isOpen)
      #expect(chunks <= Ledger.openMax / 4)
    }
  }

  @Test("an output whose processors take everything out gets no empty payload")
  func nothingLeft() throws {
    let input = HandInput()
    let output = StressOutput(seed: 1, .init())
    let all = NumberFilter { _ in true }
    let pipeline = Pipeline(
      PipelineGraph(
        inputs: [.init(name: "hand", input: input)],
        outputs: [sink("o", output, "*", [.init(name: "all", filter: all)])]), settings())
    try pipeline.start()
    #expect(input.put(text(0..<10)))
    #expect(waits { pipeline.ring.occupancy.used == 0 })
    pipeline.stop("end")
    pipeline.wait()
    #expect(output.got.withLock { $0.sequence } == nil)
    #expect(pipeline.outputBacklog[0].creditBytes == 0)
  }

  @Test("every output with processors finds the same room in a batch")
  func processorRoom() throws {
    let input = HandInput()
    let outputs = (0..<6).map { StressOutput(seed: UInt64($0), .init()) }
    let none = NumberFilter { _ in false }
    let pipeline = Pipeline(
      PipelineGraph(
        inputs: [.init(name: "hand", input: input)],
        outputs: outputs.enumerated().map {
          sink("o\($0.offset)", $0.element, "*", [.init(name: "none", filter: none)])
        }),
      settings {
        $0.batchLimits.recordsMax = 128
        $0.batchLimits.fieldsMax = 300
      })
    try pipeline.start()
    #expect(input.put(text(0..<128)))
    #expect(waits { pipeline.ring.occupancy.used == 0 })
    pipeline.stop("end")
    pipeline.wait()
    for output in outputs { #expect(output.got.withLock { $0.lines.count } == 128) }
  }

  /// What each of so many outputs got of 500 lines that took these routes.
  private func routed(
    _ routes: [PipelineGraph.Route], outputs count: Int, recordsMax: Int
  ) throws -> [[String]] {
    let input = HandInput()
    let outputs = (0..<count).map { StressOutput(seed: UInt64($0), .init()) }
    let pipeline = Pipeline(
      PipelineGraph(
        inputs: [.init(name: "hand", input: input, routes: routes)],
        outputs: outputs.enumerated().map { sink("o\($0.offset)", $0.element, "none") }),
      settings { $0.batchLimits.recordsMax = recordsMax })
    try pipeline.start()
    #expect(input.put(text(0..<500)))
    #expect(waits { pipeline.ring.occupancy.used == 0 })
    pipeline.stop("end")
    pipeline.wait()
    return outputs.map { $0.got.withLock { $0.lines } }
  }

  @Test("a record that several routes take reaches all of them out of a full batch")
  func routeRoom() throws {
    let routes = (0..<4).map {
      PipelineGraph.Route(
        name: "r\($0)", condition: nil, isDefault: false, outputs: [$0], processors: [])
    }
    for lines in try routed(routes, outputs: 4, recordsMax: 128) { #expect(lines.count == 500) }
  }

  @Test("an output gets the records of several routes in the order of the input")
  func routeOrder() throws {
    let routes = [
      PipelineGraph.Route(
        name: "some",
        condition: RecordTestMaker { { batch, record in (record - batch.records) % 3 == 0 } },
        isDefault: false, outputs: [0], processors: []),
      PipelineGraph.Route(
        name: "rest", condition: nil, isDefault: true, outputs: [0], processors: []),
      PipelineGraph.Route(
        name: "all", condition: nil, isDefault: false, outputs: [1], processors: []),
    ]
    for lines in try routed(routes, outputs: 2, recordsMax: 512) {
      #expect(lines == (0..<500).map { "s0n\($0)" })
    }
  }

  @Test("an output is neither flushed nor given anything once it is closed")
  func closedOutput() {
    let output = StressOutput(seed: 1, .init())
    let runner = OutputRunner(
      index: 0, output: output, gate: OutputGate(limitBytes: 1 << 20),
      counters: StageCounters(kind: .output, name: "o"), ledger: Ledger(), retry: RetryPolicy())
    func submit(_ sequence: UInt64) {
      let payload = runner.takePayload()
      payload.sequence = sequence
      payload.append(10)
      payload.recordCount = 1
      runner.submit(sequence, payload)
    }
    submit(0)
    runner.flush(after: 1)
    #expect(waits { runner.undelivered == 0 })
    runner.abandon()
    runner.close(withinSeconds: 5, whileProgressing: 5)
    // A lane whose batch outlives the end of grace.
    submit(1)
    runner.flush(after: 2)
    runner.close(withinSeconds: 5, whileProgressing: 5)
    let got = output.got.withLock { $0 }
    #expect(got.sequence == 0)
    // The flush and the close of the second `close` are this test's own.
    #expect(got.callsAfterClose == 2)
    #expect(runner.undelivered == 1)
  }

  @Test("a stop during the start starts nothing further, and stops what has started")
  func stopDuringStart() throws {
    let first = HandInput { $0.requestStop("nothing to read") }
    let second = HandInput()
    let output = FakeOutput()
    let pipeline = Pipeline(
      PipelineGraph(
        inputs: [.init(name: "first", input: first), .init(name: "second", input: second)],
        outputs: [sink("o", output)]), settings())
    try pipeline.start()
    pipeline.wait()
    #expect(first.wasStopped)
    #expect(second.wasStarted == second.wasStopped)
  }

  @Test("an input lane that hangs keeps no other input's lines from leaving")
  func hangingInput() throws {
    let hang = DispatchSemaphore(value: 0)
    let hung = HandInput { host in host.queue.async { hang.wait() } }
    let input = HandInput()
    let output = FakeOutput()
    let pipeline = Pipeline(
      PipelineGraph(
        inputs: [.init(name: "hung", input: hung), .init(name: "hand", input: input)],
        outputs: [sink("o", output)]), settings())
    try pipeline.start()
    usleep(100_000)
    #expect(input.put("x\n", seals: false))
    #expect(waits { output.lines.withLock { $0["t"]?.count } == 1 })
    #expect(waits { output.flushes.load(ordering: .relaxed) > 0 })
    hang.signal()
    pipeline.stop("end")
    pipeline.wait()
  }
}
