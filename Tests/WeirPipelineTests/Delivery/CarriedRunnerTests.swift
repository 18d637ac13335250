import Glibc
import Testing
import WeirDelivery
import WeirStage
import WeirTelemetry

@testable import WeirPipeline

@Suite("An output over HTTP and its dead letters")
struct CarriedRunnerTests {
  @Test("letters that are shed are counted while it runs, as dropped for a reason of their own")
  func shed() throws {
    let bench = CarriedBench { String(repeating: "d", count: $0.count) }
    bench.letters.limitBytes = 64 << 10
    let runner = try bench.runner()
    let items = (0..<10).map { "\($0)" + String(repeating: "x", count: 2_000) }
    for _ in 0..<20 { bench.submit(items, to: runner) }
    #expect(bench.wait { bench.number(OutputCounterNames.deadLetters) == 200 })
    #expect(bench.wait { runner.undelivered == 0 })
    let shed = bench.number(OutputCounterNames.lettersShed)
    #expect(shed > 100 && shed < 200)
    #expect(bench.counters.dropped(.rejectedLimit) == UInt64(shed))
    let left = runner.queue.sync { runner.storage.deadLetters?.spool.pendingItems }
    #expect(left == 200 - shed)
    runner.close(withinSeconds: 2, whileProgressing: 2)
    #expect(bench.number(OutputCounterNames.lettersShed) == shed)
  }

  @Test("letters whose folder is gone wait with their records unacknowledged, and are stored later")
  func folderGone() throws {
    let bench = CarriedBench { String($0.map { $0.hasPrefix("bad") ? "d" : "o" }) }
    let runner = try bench.runner()
    let away = bench.letters.directory + "-away"
    #expect(rename(bench.letters.directory, away) == 0)
    bench.submit(["good", "bad"], to: runner)
    #expect(bench.wait { runner.queue.sync { runner.engine?.unburied.count == 1 } })
    #expect(runner.undelivered == 1 && bench.counters.records.count == 1)
    #expect(bench.counters.dropped(.output) == 0)
    #expect(rename(away, bench.letters.directory) == 0)
    #expect(bench.wait { runner.undelivered == 0 })
    #expect(bench.number(OutputCounterNames.deadLetters) == 1)
    runner.close(withinSeconds: 2, whileProgressing: 2)
    #expect(bench.counters.dropped(.output) == 0 && runner.leftAtStop.payloads == 0)
  }

  @Test("a stop leaves such records where they are, and says so")
  func folderGoneAtStop() throws {
    let bench = CarriedBench { String(repeating: "d", count: $0.count) }
    let runner = try bench.runner()
    #expect(rename(bench.letters.directory, bench.letters.directory + "-away") == 0)
    bench.submit(["bad"], to: runner)
    #expect(bench.wait { runner.queue.sync { runner.engine?.unburied.count == 1 } })
    runner.beginDrain()
    runner.abandon()
    runner.close(withinSeconds: 2, whileProgressing: 2)
    #expect(runner.leftAtStop.payloads == 1 && runner.leftAtStop.lost == 0)
    #expect(bench.counters.dropped(.output) == 0)
  }

  @Test("without a folder for letters, what is refused is dropped and counted")
  func noFolder() throws {
    let bench = CarriedBench { String(repeating: "d", count: $0.count) }
    var setup = bench.setup
    setup.deadLetters = nil
    setup.keepsRejected = false
    let runner = CarriedRunner(
      index: 0, output: LetterOutput(), setup: setup, gate: OutputGate(limitBytes: 1 << 30),
      counters: bench.counters, ledger: Ledger())
    try runner.start()
    bench.submit(["a", "b"], to: runner)
    #expect(bench.wait { runner.undelivered == 0 })
    #expect(bench.counters.dropped(.output) == 2)
    runner.close(withinSeconds: 2, whileProgressing: 2)
  }

  @Test("a stop counts what went to the spool, and nothing of it as left")
  func spooledAtStop() throws {
    let bench = CarriedBench { _ in nil }
    var setup = bench.setup
    setup.spool = SpoolSettings(directory: bench.folder + "/spool")
    let runner = CarriedRunner(
      index: 0, output: LetterOutput(), setup: setup, gate: OutputGate(limitBytes: 1 << 30),
      counters: bench.counters, ledger: Ledger())
    try runner.start()
    for n in 0..<5 { bench.submit(["\(n)", "\(n)"], to: runner) }
    #expect(bench.wait { bench.number(OutputCounterNames.requests) > 0 })
    runner.beginDrain()
    runner.abandon()
    runner.close(withinSeconds: 2, whileProgressing: 2)
    let left = runner.leftAtStop
    #expect(left.spooled == 10 && left.payloads == 0 && left.lost == 0)
    #expect(bench.number(OutputCounterNames.spooled) == 10)
  }

  // MARK: Replays

  /// A bench with so many letters, stored by a run before; then the server answers so.
  private func lettered(
    _ count: Int, then answer: @escaping LetterTransport.Answer
  ) throws -> CarriedBench {
    let bench = CarriedBench { String(repeating: "d", count: $0.count) }
    let runner = try bench.runner()
    for n in 0..<count { bench.submit(["item \(n)"], to: runner) }
    #expect(bench.wait { bench.number(OutputCounterNames.deadLetters) == count })
    runner.beginDrain()
    runner.close(withinSeconds: 2, whileProgressing: 2)
    bench.transport.become(answer)
    return bench
  }

  private func replay(_ bench: CarriedBench) throws -> DeadLetterReplay.Result {
    try DeadLetterReplay.replay(
      LetterOutput(), bench.setup, bench.letters, "es.0", silenceSeconds: 1)
  }

  @Test("a replay of letters that are taken leaves none")
  func replayed() throws {
    let bench = try lettered(7) { String(repeating: "o", count: $0.count) }
    let result = try replay(bench)
    #expect(result.isDone && result.message == "7 stored, 0 refused again; none are left")
    #expect(try replay(bench).message == "no dead letters")
  }

  @Test("a replay of which some are refused again says how many are left")
  func refusedAgain() throws {
    let bench = try lettered(7) { String($0.map { $0.hasSuffix("3") ? "d" : "o" }) }
    let result = try replay(bench)
    #expect(!result.isDone && result.message == "6 stored, 1 refused again; 1 is left")
  }

  @Test("a replay ends when the server takes nothing for now, with the reason; the letters stay")
  func busy() throws {
    let bench = try lettered(7) { String(repeating: "r", count: $0.count) }
    let result = try replay(bench)
    #expect(!result.isDone)
    #expect(
      result.message == "0 stored, 0 refused again; 7 are left: "
        + "none was taken or refused for good in 1 s: 429 logs in logs: logs")
    bench.transport.become { String(repeating: "o", count: $0.count) }
    #expect(try replay(bench).message == "7 stored, 0 refused again; none are left")
  }

  @Test("a replay ends when the server does not answer; the letters stay")
  func hanging() throws {
    let bench = try lettered(3) { _ in nil }
    let result = try replay(bench)
    #expect(!result.isDone)
    #expect(result.message.contains("3 are left: none was taken or refused for good in 1 s"))
  }

  @Test("a replay by a Weir that runs is summed up")
  func running() throws {
    let bench = try lettered(9) { String($0.map { $0.hasSuffix("3") ? "d" : "o" }) }
    let runner = try bench.runner()
    bench.submit(["item fresh"], to: runner)
    #expect(close(open(CarriedRunner.requestFile(bench.letters), O_CREAT | O_WRONLY, 0o600)) == 0)
    #expect(
      bench.wait { runner.queue.sync { runner.replay.isTold && !runner.replay.isOpen } })
    let text = runner.queue.sync { runner.replayText }
    #expect(text == "8 stored, 1 refused again; 1 is left")
    // The next one finds that letter again.
    runner.queue.sync { runner.replay = ReplayTally() }
    bench.transport.become { String(repeating: "o", count: $0.count) }
    runner.post(.replay(isTold: true))
    #expect(
      bench.wait { runner.queue.sync { runner.replay.isTold && !runner.replay.isOpen } })
    #expect(runner.queue.sync { runner.replayText } == "1 stored, 0 refused again; none are left")
    runner.close(withinSeconds: 2, whileProgressing: 2)
  }
}
