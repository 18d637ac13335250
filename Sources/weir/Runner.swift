import CWeirSystem
import Dispatch
import Glibc
import WeirConfig
import WeirPipeline
import WeirPluginHost
import WeirTelemetry

/// Runs one pipeline from start to graceful stop, and answers signals meanwhile.
final class Runner {
  private let pipeline: Pipeline
  private let service: ServiceConfig
  private let tellsNumbers: Bool
  private let signals = DispatchQueue(label: "weir.signals")
  private var sources: [any DispatchSourceSignal] = []

  init(_ graph: PipelineGraph, _ configuration: Configuration, tellsNumbers: Bool) {
    // Every thread that allocates would get an arena of its own: two are enough for the few that
    // do, and the peak stays low.
    mallopt(M_ARENA_MAX, 2)
    pipeline = Pipeline(graph, PipelineSettings(configuration))
    service = configuration.service
    self.tellsNumbers = tellsNumbers
  }

  /// Blocks until the pipeline has stopped.
  /// - Returns: the exit status.
  /// - Throws: what a stage throws when it cannot start.
  func run() throws -> Int32 {
    // Threads do not survive the fork; the pipeline has started none yet.
    if service.daemon, !CommandLineAnswers.detach() {
      Log.error("cannot go to the background: \(String(cString: strerror(errno)))")
      return 1
    }
    signal(SIGPIPE, SIG_IGN)
    watchSignals()
    try pipeline.start()
    Log.info("Weir v\(CommandLineAnswers.version) runs with \(pipeline.settings.lanes) work lanes")
    pipeline.wait()
    if tellsNumbers { tell() }
    PluginHost.shared.finish()
    return 0
  }

  private func watchSignals() {
    for number in [SIGINT, SIGTERM, SIGQUIT] {
      watch(number) { [pipeline] in pipeline.stop("signal \(number)") }
    }
    for number in [SIGUSR1, SIGCONT] { watch(number) { [self] in tell() } }
    watch(SIGHUP) {
      Log.error("SIGHUP: reloading is not available; restart to load a changed configuration")
    }
  }

  private func watch(_ number: Int32, _ action: @escaping @Sendable () -> Void) {
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: signals)
    source.setEventHandler(handler: action)
    source.resume()
    sources.append(source)
  }

  private func tell() {
    CommandLineAnswers.put(pipeline.report() + PluginHost.shared.report(), on: STDERR_FILENO)
  }
}

// SAFETY: the signal handlers only read what is constant and call the pipeline's thread-safe parts.
extension Runner: @unchecked Sendable {}
