import Dispatch
import Glibc
import Synchronization
import Testing
import WeirBatch
import WeirConfig
import WeirDelivery
import WeirRing
import WeirStage
import WeirSystem
import WeirTelemetry

@testable import WeirPipeline

@Suite("What one input is held to", .serialized)
struct LimitsTests {
  private func waits(_ condition: () -> Bool) -> Bool {
    for _ in 0..<5_000 where !condition() { usleep(1_000) }
    return condition()
  }

  private func pipeline(
    _ inputs: [PipelineGraph.InputNode], _ outputs: [(String, FakeOutput)]
  ) -> Pipeline {
    var settings = PipelineSettings()
    settings.flushSeconds = 0.02
    return Pipeline(
      PipelineGraph(
        inputs: inputs,
        outputs: outputs.map {
          .init(name: $0.0, output: $0.1, rule: MatchRule(pattern: $0.0, regex: nil))
        }), settings)
  }

  @Test("an input over its share stops being read, alone, and goes on when bytes are finished")
  func share() throws {
    let (data, expected) = numberedLines(40_000, seed: 3)
    let limit = 256 << 10
    let held = FakeInput([("held", data)], chunkBytes: 8_192, stopsAtEnd: false)
    let free = FakeInput([("free", data)], chunkBytes: 8_192, stopsAtEnd: false)
    let blocked = FakeOutput()
    blocked.blocked.store(true, ordering: .relaxed)
    let open = FakeOutput()
    let pipeline = pipeline(
      [
        .init(name: "in.0", input: held, limits: InputLimits(memoryBytes: limit)),
        .init(name: "in.1", input: free),
      ], [("held", blocked), ("free", open)])
    try pipeline.start()
    #expect(waits { open.lines.withLock { $0["free"]?.count } == expected.count })
    let counters = pipeline.telemetry.all.filter { $0.kind == .input }
    // Time for more to be read, if anything let it.
    usleep(100_000)
    // What was read is under way to the output, or in it; a payload is some larger than its bytes.
    #expect(counters[0].bytes.count < UInt64(2 * limit))
    #expect(counters[0].bytes.count > 0)
    #expect(counters[0].extra[InputCounterNames.memoryPauses]?.count == 1)
    #expect(counters[1].extra[InputCounterNames.memoryPauses]?.count == 0)
    blocked.blocked.store(false, ordering: .relaxed)
    #expect(waits { blocked.lines.withLock { $0["held"]?.count } == expected.count })
    pipeline.stop("end")
    pipeline.wait()
    #expect(blocked.lines.withLock { $0["held"] } == expected)
  }

  @Test("a share smaller than one read still lets everything through")
  func smallShare() throws {
    let (data, expected) = numberedLines(3_000, seed: 5)
    let input = FakeInput([("t", data)], chunkBytes: 4_096)
    let output = FakeOutput()
    let pipeline = pipeline(
      [.init(name: "in.0", input: input, limits: InputLimits(memoryBytes: 1))], [("t", output)])
    try pipeline.start()
    pipeline.wait()
    #expect(output.lines.withLock { $0["t"] } == expected)
  }

  @Test("an input with a rate pauses, is counted, and loses nothing")
  func rate() throws {
    let (data, expected) = numberedLines(4_000, seed: 7)
    let input = FakeInput([("t", data)], chunkBytes: 4_096)
    let output = FakeOutput()
    let rate = RateLimit(bytesPerSecond: data.count / 2, resumeRatio: 1)
    let pipeline = pipeline(
      [.init(name: "in.0", input: input, limits: InputLimits(rate: rate))], [("t", output)])
    let begin = Clock.monotonic()
    try pipeline.start()
    pipeline.wait()
    // Half of it may come at once, the rest within a second.
    #expect(Clock.monotonic() - begin > 700_000_000)
    #expect(output.lines.withLock { $0["t"] } == expected)
    let counters = pipeline.telemetry.all.filter { $0.kind == .input }
    #expect((counters[0].extra[InputCounterNames.ratePauses]?.count ?? 0) > 0)
  }

  private func limits(_ options: KeyValuePairs<String, String>) throws -> InputLimits {
    try InputLimits(
      InstanceConfig(
        kind: .input, plugin: "dummy",
        properties: options.map { Property(key: $0.key, node: ConfigNode(text: $0.value)) }))
  }

  @Test("options make limits; those that mean nothing are refused")
  func options() throws {
    #expect(try limits([:]) == InputLimits())
    #expect(try limits(["mem_buf_limit": "5M"]) == InputLimits(memoryBytes: 5_000_000))
    #expect(try limits(["rate_gate.max_bytes": "5M"]) == InputLimits())
    #expect(try limits(["storage.type": "memrb"]) == InputLimits(dropsOldest: true))
    let all: KeyValuePairs = [
      "rate_gate": "on", "rate_gate.max_bytes": "1M", "rate_gate.max_records": "9",
      "rate_window": "1m", "rate_gate.resume_ratio": "0.5",
    ]
    let rate = RateLimit(
      bytesPerSecond: 1_000_000, recordsPerSecond: 9, windowSeconds: 60, resumeRatio: 0.5)
    #expect(try limits(all).rate == rate)
    #expect(throws: ConfigProblem.self) {
      try limits(["rate_gate": "on", "rate_gate.resume_ratio": "1.5"])
    }
    #expect(throws: ConfigProblem.self) { try limits(["rate_gate": "on", "rate_window": "0"]) }
  }

  @Test("with many inputs slots are smaller, and the ring stays within half of the budget")
  func ringSize() {
    for inputs in [1, 4, 16, 24, 25, 56, 57, 100, 500, 5_000] {
      var settings = PipelineSettings()
      settings.sizeRing(inputs: inputs)
      #expect(settings.slotCount * settings.slotBytes <= settings.budgetBytes / 2, "\(inputs)")
      #expect(settings.slotCount >= min(inputs + 8, 512))
      #expect(settings.slotBytes >= 32 << 10)
    }
  }

  @Test("an input lane that never answers does not keep the process from ending")
  func hungLane() throws {
    final class HungInput: Input, @unchecked Sendable {
      let decoder: any Decoder = JoiningDecoder()
      let hang = DispatchSemaphore(value: 0)
      func start(_ host: InputHost) throws { host.queue.async { self.hang.wait() } }
      func stop() {}
      func resume() {}
    }
    let hung = HungInput()
    let (data, expected) = numberedLines(100, seed: 9)
    let input = FakeInput([("t", data)], chunkBytes: 4_096, stopsAtEnd: false)
    let output = FakeOutput()
    var settings = PipelineSettings()
    settings.graceSeconds = 1
    let pipeline = Pipeline(
      PipelineGraph(
        inputs: [.init(name: "hung", input: hung), .init(name: "in", input: input)],
        outputs: [
          .init(name: "o", output: output, rule: MatchRule(pattern: "*", regex: nil))
        ]), settings)
    try pipeline.start()
    usleep(50_000)
    pipeline.stop("end")
    pipeline.wait()
    #expect(output.lines.withLock { $0["t"] } == expected)
    hung.hang.signal()
  }
}
