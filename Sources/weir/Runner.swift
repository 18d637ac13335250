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
  private var source: (any DispatchSourceRead)?
  private static let watched = [SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGCONT, SIGHUP]

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
      Log.error(unsafe "cannot go to the background: \(String(cString: strerror(errno)))")
      return 1
    }
    signal(SIGPIPE, SIG_IGN)
    // From here on signals wait; they are answered once there is something to stop or to report.
    let waiting = unsafe weir_signal_descriptor(Self.watched, Int32(Self.watched.count))
    guard waiting >= 0 else {
      Log.error(unsafe "cannot watch signals: \(String(cString: strerror(errno)))")
      return 1
    }
    try pipeline.start()
    watchSignals(waiting)
    Log.info("Weir v\(CommandLineAnswers.version) runs with \(pipeline.settings.lanes) work lanes")
    pipeline.wait()
    if tellsNumbers { tell() }
    PluginHost.shared.finish()
    return 0
  }

  private func watchSignals(_ descriptor: Int32) {
    let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: signals)
    source.setEventHandler { [self] in
      while case let number = weir_next_signal(descriptor), number > 0 { answer(number) }
    }
    source.resume()
    self.source = source
  }

  private func answer(_ number: Int32) {
    switch number {
    case SIGUSR1, SIGCONT: tell()
    case SIGHUP:
      Log.error("SIGHUP: reloading is not available; restart to load a changed configuration")
    default: pipeline.stop("signal \(number)")
    }
  }

  private func tell() {
    CommandLineAnswers.put(pipeline.report() + PluginHost.shared.report(), on: STDERR_FILENO)
  }
}

// SAFETY: the signal handlers only read what is constant and call the pipeline's thread-safe parts.
extension Runner: @unchecked Sendable {}
