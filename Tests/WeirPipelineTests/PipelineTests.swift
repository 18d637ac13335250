import Glibc
import Testing
import WeirBatch
import WeirPipeline
import WeirStage

@Suite("A pipeline", .serialized)
struct PipelineTests {
  private func settings(lanes: Int) -> PipelineSettings {
    var settings = PipelineSettings()
    settings.lanes = lanes
    settings.slotBytes = 32 << 10
    settings.slotCount = 4
    settings.flushSeconds = 0.05
    settings.outputCreditBytes = 128 << 10
    return settings
  }

  @Test(
    "delivers every line of every stream once and in order, joined across chunks and slots",
    arguments: [1, 2, 4])
  func conservation(lanes: Int) throws {
    let seed = UInt64.random(in: 1...1 << 40)
    let sources = (0..<5).map { numberedLines(20_000, seed: seed + UInt64($0)) }
    let input = FakeInput(
      sources.enumerated().map { ("t.\($0.offset)", $0.element.data) }, chunkBytes: 7_000)
    let output = FakeOutput()
    let pipeline = Pipeline(
      PipelineGraph(
        inputs: [.init(name: "fake.0", input: input)],
        outputs: [
          .init(name: "fake.0", output: output, rule: MatchRule(pattern: "t.*", regex: nil))
        ]), settings(lanes: lanes))
    try pipeline.start()
    pipeline.wait()
    let got = output.lines.withLock { $0 }
    for (i, source) in sources.enumerated() {
      #expect(got["t.\(i)"] == source.expected, "seed \(seed), stream \(i)")
      #expect(input.generations[i].committed == UInt64(source.data.count), "seed \(seed)")
    }
    #expect(pipeline.ledger.openCount == 0)
    #expect(pipeline.ring.occupancy.used == 0)
  }

  @Test("keeps other tags flowing while one output is blocked, and loses nothing afterwards")
  func blockedOutput() throws {
    let stuck = numberedLines(30_000, seed: 1)
    let free = numberedLines(30_000, seed: 2)
    let input = FakeInput([("stuck", stuck.data), ("free", free.data)], chunkBytes: 5_000)
    let blocked = FakeOutput()
    blocked.blocked.store(true, ordering: .relaxed)
    let open = FakeOutput()
    let pipeline = Pipeline(
      PipelineGraph(
        inputs: [.init(name: "fake.0", input: input)],
        outputs: [
          .init(name: "b", output: blocked, rule: MatchRule(pattern: "stuck", regex: nil)),
          .init(name: "o", output: open, rule: MatchRule(pattern: "free", regex: nil)),
        ]), settings(lanes: 2))
    try pipeline.start()
    // The free stream arrives whole although nothing of the stuck one does.
    for _ in 0..<5_000 where (open.lines.withLock { $0["free"]?.count ?? 0 }) < 30_000 {
      usleep(2_000)
    }
    #expect(open.lines.withLock { $0["free"] } == free.expected)
    #expect(blocked.lines.withLock { $0.isEmpty })
    #expect(input.generations[0].committed == 0)
    #expect(pipeline.budget.peakBytes <= pipeline.budget.limitBytes)
    blocked.blocked.store(false, ordering: .relaxed)
    pipeline.wait()
    #expect(blocked.lines.withLock { $0["stuck"] } == stuck.expected)
    #expect(input.generations[0].committed == UInt64(stuck.data.count))
  }

  @Test("tries a payload again after a passing failure and delivers it once")
  func retries() throws {
    let lines = numberedLines(500, seed: 3)
    let input = FakeInput([("t", lines.data)], chunkBytes: 4_000)
    let output = FakeOutput()
    output.fails.store(2, ordering: .relaxed)
    let pipeline = Pipeline(
      PipelineGraph(
        inputs: [.init(name: "fake.0", input: input)],
        outputs: [.init(name: "o", output: output, rule: MatchRule(pattern: "*", regex: nil))]),
      settings(lanes: 2))
    try pipeline.start()
    pipeline.wait()
    #expect(output.lines.withLock { $0["t"] } == lines.expected)
    #expect(output.flushes.load(ordering: .relaxed) > 0)
  }

  @Test(
    "matches tags with stars as the only wildcard",
    arguments: [
      ("*", "anything", true), ("kube.*", "kube.a.b", true), ("kube.*", "kube", false),
      ("*.b", "a.b", true), ("*.b", "a.b.c", false), ("a*c*e", "abcde", true), ("", "", true),
      ("a", "A", false), ("k**a", "kbbba", true), ("*a*", "bbb", false),
    ])
  func wildcards(pattern: String, tag: String, takes: Bool) {
    #expect(MatchRule(pattern: pattern, regex: nil).takes(Array(tag.utf8)) == takes)
  }
}
