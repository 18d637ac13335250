import Glibc
public import WeirConfig
import WeirDelivery
public import WeirPluginHost
import WeirStage
import WeirTelemetry

/// `weir dlq replay`: sends the dead letters of a configuration's outputs again, by itself where no
/// Weir runs with them, else by asking the one that does.
public struct DeadLetterReplay {
  /// What became of one output's letters.
  public struct Result: Sendable {
    /// The output's name.
    public var output: String
    /// One line for people.
    public var message: String
    /// False when letters stay that were to go.
    public var isDone: Bool
  }

  /// Failed requests per server after which it counts as away.
  private static let failuresMax = 3
  /// Seconds without a single letter taken or refused after which it is given up.
  private static let silenceSeconds: Int64 = 30

  private let configuration: Configuration
  private let plugins: PluginHost

  /// Takes a checked configuration, with the plugins that it needs loaded.
  public init(_ configuration: Configuration, _ plugins: PluginHost) {
    self.configuration = configuration
    self.plugins = plugins
  }

  /// Replays the letters of each output over HTTP, or of the one of this name.
  /// - Throws: `ConfigProblem` for what is wrong with an output.
  public func run(only name: String?) throws -> [Result] {
    let factory = try HostStageFactory(configuration, plugins)
    var results: [Result] = []
    for config in configuration.outputs where name == nil || config.name == name {
      guard case .carried(let output, let setup) = try factory.output(config, retryLimit: nil),
        let box = setup.deadLetters
      else { continue }
      results.append(try DeadLetterReplay.replay(output, setup, box, config.name))
    }
    return results
  }

  /// Replays the letters of one output; gives up after so many seconds without any progress.
  static func replay(
    _ output: any CarriedOutput, _ setup: CarriedSetup, _ box: SpoolSettings, _ name: String,
    silenceSeconds: Int64 = DeadLetterReplay.silenceSeconds
  ) throws -> Result {
    var setup = setup
    setup.spool = nil
    let counters = StageCounters(kind: .output, name: name, extra: OutputCounterNames.all)
    let runner = CarriedRunner(
      index: 0, output: output, setup: setup, gate: OutputGate(limitBytes: 1 << 30),
      counters: counters, ledger: Ledger())
    do {
      try runner.start()
    } catch SpoolError.inUse {
      return ask(box, name)
    }
    let before = runner.storage.deadLetters?.spool.pending.entries ?? 0
    runner.post(.replay(isTold: false))
    // The event is in the queue before the first look.
    runner.queue.sync {}
    let why = wait(for: runner, silenceSeconds)
    if why != nil { runner.abandon() }
    runner.close(withinSeconds: 5, whileProgressing: 5)
    let (text, trouble) = runner.queue.sync { (runner.replayText, runner.news.lastTrouble) }
    let left = runner.queue.sync { runner.storage.deadLetters?.spool.pendingItems ?? 0 }
    if before == 0 { return Result(output: name, message: "no dead letters", isDone: true) }
    let reasons = [why ?? "", left > 0 ? trouble : ""].filter { !$0.isEmpty }
    return Result(
      output: name, message: ([text] + reasons).joined(separator: ": "), isDone: left == 0)
  }

  /// Waits until all letters are through, as long as some are; returns why it gave up.
  private static func wait(for runner: CarriedRunner, _ silenceSeconds: Int64) -> String? {
    var seen = 0
    var failuresThen: UInt64 = 0
    var seenAt = Clock.monotonic()
    let most = UInt64(DeadLetterReplay.failuresMax * max(1, runner.servers.count))
    while runner.undelivered > 0 {
      let (through, failures) = numbers(of: runner.counters)
      if through > seen {
        (seen, failuresThen) = (through, failures)
        seenAt = Clock.monotonic()
      }
      if failures - failuresThen >= most {
        return "the server is away"
      }
      if Clock.monotonic() - seenAt > silenceSeconds * 1_000_000_000 {
        return "none was taken or refused for good in \(silenceSeconds) s"
      }
      usleep(5_000)
    }
    return nil
  }

  /// Letters that are stored, or letters anew; requests that failed as a whole.
  private static func numbers(of counters: StageCounters) -> (through: Int, failures: UInt64) {
    let again = counters.extra[OutputCounterNames.deadLetters]?.count ?? 0
    let failed = counters.extra[OutputCounterNames.failedRequests]?.count ?? 0
    return (Int(clamping: counters.records.count + again), failed)
  }

  private static func ask(_ box: SpoolSettings, _ name: String) -> Result {
    let path = CarriedRunner.requestFile(box)
    let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else {
      return Result(
        output: name, message: "cannot write \(path): \(String(cString: strerror(errno)))",
        isDone: false)
    }
    close(file)
    return Result(
      output: name, message: "asked the Weir that runs to replay; its log tells the result",
      isDone: true)
  }
}
