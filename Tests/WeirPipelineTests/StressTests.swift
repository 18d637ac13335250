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
import WeirTestSupport

@testable import WeirPipeline

/// One random pipeline with random data, built from a seed.
private final class StressRun: @unchecked Sendable {
  struct Sink {
    let output: StressOutput
    let rule: MatchRule
    let drops: Int  // its processor drops numbers divisible by this; 0 none
    let refuses: Bool
  }

  let seed: UInt64
  var random: SeededGenerator
  var settings = PipelineSettings()
  var inputs: [StressInput] = []
  var sinks: [Sink] = []
  let ended = Atomic<Int>(0)
  var inputCount = 1
  var hasTwins = false
  var filterDrops = 0
  var pipeline: Pipeline?

  init(seed: UInt64) {
    self.seed = seed
    random = SeededGenerator(seed: seed)
    chooseSizes()
    inputCount = 1 + random.below(3)
    hasTwins = random.below(3) == 0
    filterDrops = [0, 3, 7][random.below(3)]
    makeSinks()
    makeInputs()
  }

  private func chooseSizes() {
    settings.lanes = 1 + random.below(4)
    settings.slotBytes = 4096 << random.below(3)
    settings.slotCount = 4 + random.below(4)
    settings.budgetBytes = 16 << 20
    settings.outputCreditBytes = 1 << (11 + random.below(8))
    settings.flushSeconds = [0.001, 0.005, 0.05][random.below(3)]
    settings.graceSeconds = -1
    settings.batchLimits.recordsMax = 2 << random.below(10)
    settings.batchLimits.sourcesMax = 1 + random.below(40)
    settings.batchLimits.tagsMax = 1 + random.below(40)
    settings.batchLimits.fieldsMax = 1 << 16
    settings.batchLimits.scratchBytesMax = 4 << 20
  }

  private func makeSinks() {
    let rules = ["*", "s.0*", "s.*1", "s.*", "none", "*.2*"]
    for i in 0..<1 + random.below(4) {
      let refuses = random.below(5) == 0
      var manners = StressOutput.Manners()
      manners.retries = random.below(3)
      manners.refuseIn = refuses ? 9 : 0
      manners.pauseMax = random.below(2) == 0 ? 600 : 0
      sinks.append(
        Sink(
          output: StressOutput(seed: seed &+ UInt64(i), manners),
          rule: MatchRule(
            pattern: rules[i == 0 ? 0 : random.below(rules.count)], regex: nil),
          drops: hasTwins ? 0 : [0, 0, 1, 2, 5][random.below(5)], refuses: refuses))
    }
  }

  private func makeInputs() {
    let chunkMax = [1, 60, 900, 9_000][random.below(4)]
    if chunkMax == 1 {
      // A byte takes 513 of credit: a small credit with a long interval would take hours.
      settings.outputCreditBytes = max(settings.outputCreditBytes, 64 << 10)
      settings.flushSeconds = 0.001
    }
    for i in 0..<inputCount {
      let streams = (0..<1 + random.below(9)).map { makeStream("i\(i)s\($0)", "s.\($0)") }
      inputs.append(
        StressInput(streams, seed: random.next(), chunkMax: chunkMax) { [unowned self] host in
          // The inputs end at their own times; the last one ends the pipeline.
          if ended.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue == inputCount {
            host.requestStop("all read")
          }
        })
    }
  }

  private func makeStream(_ name: String, _ tag: String) -> StressStream {
    var stream = StressStream(
      name: name, tag: tag, pieces: [], hasPositions: random.below(4) > 0, lines: [])
    let shortest = random.below(2) == 0
    var number = 0
    for _ in 0..<1 + random.below(3) {
      var piece: [UInt8] = []
      for _ in 0..<1 + random.below(500) {
        let isLong = random.below(300) == 0
        let filler =
          shortest
          ? ""
          : " "
            + String(
              repeating: "x", count: isLong ? random.below(20_000) : random.below(60))
        let head = "\(name)n\(number)"
        switch random.below(12) {
        case 0:
          piece += Array("\(head)\(filler)\\\nq\\\n\(filler)z\n".utf8)
        case 1:
          piece += [10]  // a line of nothing
          continue
        default:
          piece += Array("\(head)\(filler)\n".utf8)
        }
        number += 1
      }
      stream.pieces.append(piece)
    }
    return joinAcrossPieces(stream)
  }

  /// The last line of a piece goes on in the next generation.
  private func joinAcrossPieces(_ stream: StressStream) -> StressStream {
    var stream = stream
    for i in stream.pieces.indices.dropLast() where random.below(2) == 0 {
      stream.pieces[i] += Array("\(stream.name)n9\(i)00000\\\n".utf8)
      stream.pieces[i + 1] = Array("tail\n".utf8) + stream.pieces[i + 1]
    }
    return rebuilt(stream)
  }

  /// What the lines of the pieces are once joined.
  private func rebuilt(_ stream: StressStream) -> StressStream {
    var stream = stream
    stream.lines = []
    var open = StressLine(number: 0, text: "", begins: [])
    for (p, piece) in stream.pieces.enumerated() {
      var at = 0
      for line in String(decoding: piece, as: UTF8.self)
        .split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      {
        open.begins.append((p, at))
        at += line.utf8.count + 1
        open.text += line.last == "\\" ? line.dropLast() : line
        if line.last == "\\" { continue }
        open.number = StressRun.number(open.text)
        stream.lines.append(open)
        open = StressLine(number: 0, text: "", begins: [])
      }
    }
    return stream
  }

  static func number(_ text: String) -> Int {
    let head = text.utf8.prefix { $0 != UInt8(ascii: " ") }
    guard let n = head.lastIndex(of: UInt8(ascii: "n")) else { return -1 }
    return head[head.index(after: n)...].reduce(0) { $0 * 10 + Int($1) - 48 }
  }

  func build() -> Pipeline {
    let filterDrops = filterDrops
    var filters: [PipelineGraph.FilterNode] = []
    if filterDrops > 0 {
      filters.append(
        .init(
          name: "drop", filter: NumberFilter(pauseMax: 300) { $0 >= 0 && $0 % filterDrops == 0 },
          rule: MatchRule(pattern: "s.*1", regex: nil)))
    }
    if hasTwins {
      filters.append(
        .init(
          name: "twin", filter: TwinFilter { $0 >= 0 && $0 % 11 == 0 },
          rule: MatchRule(pattern: "*", regex: nil)))
    }
    let graph = PipelineGraph(
      inputs: inputs.enumerated().map { .init(name: "in.\($0.offset)", input: $0.element) },
      filters: filters,
      outputs: sinks.enumerated().map { i, sink in
        let drops = sink.drops
        let processors: [PipelineGraph.Processor] =
          drops == 0
          ? [] : [.init(name: "p", filter: NumberFilter { $0 >= 0 && $0 % drops == 0 })]
        return .init(name: "out.\(i)", output: sink.output, rule: sink.rule, processors: processors)
      })
    let pipeline = Pipeline(graph, settings)
    self.pipeline = pipeline
    return pipeline
  }

  /// The lines of one stream that one output has to get, in order; a twin is not among them.
  func expected(_ stream: StressStream, _ sink: Sink) -> [StressLine] {
    guard sink.rule.takes(Array(stream.tag.utf8)) else { return [] }
    let isFiltered =
      filterDrops > 0
      && MatchRule.wildcard(
        Array("s.*1".utf8), Array(stream.tag.utf8))
    return stream.lines.filter { line in
      if line.number < 0 { return true }
      if isFiltered, line.number % filterDrops == 0 { return false }
      return sink.drops == 0 || line.number % sink.drops != 0
    }
  }
}

@Suite("A pipeline under stress", .serialized)
struct StressTests {
  /// Seeds of one run; `WEIR_TEST_SEED` repeats one.
  static let seeds: [UInt64] = {
    if let text = getenv("WEIR_TEST_SEED"), let seed = UInt64(String(cString: text)) {
      return [seed]
    }
    let count = getenv("WEIR_STRESS_RUNS").flatMap { Int(String(cString: $0)) } ?? 12
    return (0..<count).map { _ in UInt64.random(in: 1...1 << 40) }
  }()

  @Test(
    "loses nothing, repeats nothing, keeps the order of streams and leaves nothing behind",
    arguments: seeds)
  func conservation(seed: UInt64) throws {
    let run = StressRun(seed: seed)
    let pipeline = run.build()
    let idleBytes = pipeline.budget.usedBytes
    try pipeline.start()
    let done = DispatchSemaphore(value: 0)
    DispatchQueue(label: "stress.wait").async {
      pipeline.wait()
      done.signal()
    }
    // Slow is no fault, standing still is: a busy machine may take minutes.
    var lastReport = ""
    var deadline = DispatchTime.now() + .seconds(60)
    while done.wait(timeout: .now() + .milliseconds(20)) != .success {
      checkCommitted(run)
      guard DispatchTime.now() > deadline else { continue }
      let report = pipeline.report()
      if report == lastReport {
        Issue.record("seed \(seed) hangs: \(report)")
        return
      }
      lastReport = report
      deadline = .now() + .seconds(30)
    }
    for (i, sink) in run.sinks.enumerated() { check(run, sink, "seed \(seed), output \(i)", i) }
    for input in run.inputs {
      for (generation, end) in input.ends {
        #expect(generation.committed == end, "seed \(seed)")
      }
    }
    #expect(pipeline.ledger.openCount == 0, "seed \(seed)")
    #expect(pipeline.ring.occupancy.used == 0, "seed \(seed)")
    #expect(pipeline.outputBacklog.allSatisfy { $0.payloads == 0 }, "seed \(seed)")
    #expect(pipeline.outputBacklog.allSatisfy { $0.creditBytes == 0 }, "seed \(seed)")
    #expect(pipeline.budget.usedBytes == idleBytes, "seed \(seed)")
  }

  /// What is committed has come out of every output that gets it.
  private func checkCommitted(_ run: StressRun) {
    for input in run.inputs {
      var last: [Int: StressInput.Committed] = [:]  // the furthest committed chunk of each stream
      for chunk in input.chunks.withLock({ $0 })
      where chunk.generation.committed > chunk.position { last[chunk.source] = chunk }
      for (source, chunk) in last {
        let stream = input.sources[source]
        let past = Int(chunk.generation.committed - chunk.position)
        let end = chunk.at + min(past, chunk.length)
        for (i, sink) in run.sinks.enumerated() where !sink.refuses {
          let due = run.expected(stream, sink).last { line in
            line.text != ""
              && line.begins.contains { $0.piece == chunk.piece && $0.offset < end }
          }
          guard let due else { continue }
          let isThere = sink.output.got.withLock { $0.lines.contains(due.text) }
          #expect(isThere, "seed \(run.seed), output \(i): \(due.text.prefix(20)) is not out")
        }
      }
    }
  }

  private func check(_ run: StressRun, _ sink: StressRun.Sink, _ name: String, _ index: Int) {
    let got = sink.output.got.withLock { $0 }
    #expect(got.isOrdered, "\(name): payloads are out of order")
    #expect(got.overlaps == 0, "\(name): calls overlap")
    #expect(got.callsAfterClose == 0, "\(name): calls after close")
    var byStream: [Substring: [String]] = [:]
    var twins = 0
    for line in got.lines {
      if line.hasSuffix("#twin") {
        twins += 1
        continue
      }
      let head = line.prefix { $0 != " " }
      byStream[head.prefix(upTo: head.lastIndex(of: "n") ?? head.startIndex), default: []]
        .append(line)
    }
    var total = 0
    for stream in run.inputs.flatMap(\.sources) {
      let expected = run.expected(stream, sink)
      total += expected.count
      if run.hasTwins { total += expected.count { $0.number >= 0 && $0.number % 11 == 0 } }
      // Lines of nothing have no stream to tell them by, and no bytes to show.
      let texts = expected.map(\.text).filter { !$0.isEmpty }
      let lines = byStream[Substring(stream.name)] ?? []
      if !sink.refuses {
        #expect(lines == texts, "\(name), \(stream.name): \(lines.count) of \(texts.count)")
      } else {
        #expect(isSubsequence(lines, of: texts), "\(name), \(stream.name)")
      }
    }
    guard
      let stage = run.pipeline?.telemetry.all.first(where: {
        $0.kind == .output && $0.name == "out.\(index)"
      })
    else { return }
    #expect(stage.dropped(.noRoom) == 0, "\(name)")
    #expect(Int(stage.records.count + stage.dropped(.output)) == total, "\(name): counters")
  }

  private func isSubsequence(_ lines: [String], of all: [String]) -> Bool {
    var i = 0
    for line in all where i < lines.count && lines[i] == line { i += 1 }
    return i == lines.count
  }
}
