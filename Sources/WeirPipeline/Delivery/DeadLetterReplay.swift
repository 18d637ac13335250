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

  /// Failed requests after which a server counts as away.
  private static let failuresMax = 3

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
      results.append(try replay(output, setup, box, config.name))
    }
    return results
  }

  private func replay(
    _ output: any CarriedOutput, _ setup: CarriedSetup, _ box: SpoolSettings, _ name: String
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
    runner.post(.replay)
    // The event is in the queue before the first look.
    runner.queue.sync {}
    while runner.undelivered > 0, failures(counters) < DeadLetterReplay.failuresMax {
      usleep(5_000)
    }
    let isDone = runner.undelivered == 0
    if !isDone { runner.abandon() }
    runner.close(withinSeconds: 5, whileProgressing: 5)
    let again = counters.extra[OutputCounterNames.deadLetters]?.count ?? 0
    let text =
      before == 0
      ? "no dead letters" : "\(counters.records.count) stored, \(again) refused again"
    return Result(
      output: name,
      message: isDone ? text : "\(text); the server does not take the rest, which stays",
      isDone: isDone && again == 0)
  }

  private func failures(_ counters: StageCounters) -> UInt64 {
    counters.extra[OutputCounterNames.failedRequests]?.count ?? 0
  }

  private func ask(_ box: SpoolSettings, _ name: String) -> Result {
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
