import CWeirSystem
import Glibc
import WeirConfig
import WeirPipeline
import WeirPluginHost
import WeirStage
import WeirTelemetry

/// The command: reads the words, does what they ask, answers with an exit status.
struct Program {
  private let words: [String]

  init(_ words: [String]) { self.words = words }

  /// 0 for success; 1 for a configuration or start-up failure.
  func run() -> Int32 {
    holdStandardDescriptors()
    do {
      return try perform(try Invocation.parse(words))
    } catch {
      complain("\(error)")
      return 1
    }
  }

  /// Fills descriptors 0 to 2 where the parent closed them, so that no file of ours becomes
  /// standard input or output. A closed output stays one that cannot be written: no record is
  /// swallowed.
  private func holdStandardDescriptors() {
    for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
      // The lowest free number is this one.
      _ = unsafe open("/dev/null", descriptor == 1 ? O_RDONLY : O_RDWR)
    }
  }

  private func perform(_ invocation: Invocation) throws -> Int32 {
    if let folder = invocation.workingDirectory, unsafe chdir(folder) != 0 {
      complain(unsafe "cannot change to \(folder): \(String(cString: strerror(errno)))")
      return 1
    }
    PluginHost.shared.install()
    switch invocation.action {
    case .help, .pluginHelp: complainAbout(PluginHost.shared.loadFolder())
    case .plugin(let rest): return runPluginCommand(rest)
    case .spool(let rest): return runSpoolCommand(rest)
    case .deadLetters(let rest):
      if rest.first == "replay" { return try replay(SpoolWords(rest.dropFirst())) }
      return runDeadLetterCommand(rest)
    case .run, .dryRun, .check, .version: break
    }
    if let status = CommandLineAnswers.print(invocation, PluginHost.shared.schemas) {
      return status
    }
    return try start(invocation)
  }

  // MARK: Configuration

  private func examine(_ options: CommandLineOptions) -> (
    configuration: Configuration, check: ConfigCheck
  ) {
    var failures: [PluginHostError] = []
    let loader = ConfigLoader(formats: PluginHost.shared.formats(&failures))
    complainAbout(failures)
    return ConfigCheck.examine(options, with: loader) {
      configuration, registry, problems in
      for problem in PluginHost.shared.load(configuration.pluginFiles) { problems.add(problem) }
      for problem in PluginHost.shared.loadMissing(for: configuration) { problems.add(problem) }
      registry = PluginHost.shared.schemas
    }
  }

  private func start(_ invocation: Invocation) throws -> Int32 {
    var (configuration, check) = examine(invocation.options)
    setLog(configuration.service, invocation)
    // What is built finds what tables cannot: an expression that does not compile, for one.
    var graph: PipelineGraph?
    if check.isSuccessful {
      var problems = check.problems
      graph = build(configuration, &problems)
      configuration.warnings = problems.warnings
      check = ConfigCheck(configuration, problems)
    }
    if let status = CommandLineAnswers.verdict(invocation.action, check) { return status }
    guard let graph, !graph.inputs.isEmpty, !graph.outputs.isEmpty else {
      complain(
        "nothing to run: a pipeline needs an input and an output; give a file with -c, or -i and -o"
      )
      return 1
    }
    return try Runner(graph, configuration, tellsNumbers: invocation.verbosity > 0).run()
  }

  /// The graph as far as it can be built; nil without parsers to build it with.
  private func build(
    _ configuration: Configuration, _ problems: inout ProblemList
  ) -> PipelineGraph? {
    do {
      let factory = try HostStageFactory(configuration, PluginHost.shared)
      return GraphBuilder(configuration, factory).build(&problems)
    } catch {
      problems.add(failure: error)
      return nil
    }
  }

  /// `weir dlq replay -c FILE [--output NAME]`.
  private func replay(_ words: SpoolWords?) throws -> Int32 {
    guard let words, words.isPlain, let file = words.configuration else {
      complain("usage: weir dlq replay -c FILE [--output NAME]")
      return 2
    }
    var options = CommandLineOptions()
    options.configFile = file
    let (configuration, check) = examine(options)
    guard check.isSuccessful else {
      return CommandLineAnswers.verdict(.run, check) ?? 1
    }
    signal(SIGPIPE, SIG_IGN)
    let results = try DeadLetterReplay(configuration, PluginHost.shared).run(only: words.output)
    if results.isEmpty {
      let names = configuration.outputs.map(\.name)
      if let output = words.output, !names.contains(output) {
        complain("\(file): there is no output \(output); it has \(names.joined(separator: ", "))")
      } else {
        complain("\(file): no output here keeps dead letters")
      }
      return 1
    }
    for result in results {
      CommandLineAnswers.put("\(result.output): \(result.message)\n", on: STDOUT_FILENO)
    }
    PluginHost.shared.finish()
    return results.allSatisfy(\.isDone) ? 0 : 1
  }

  private func setLog(_ service: ServiceConfig, _ invocation: Invocation) {
    var level = WeirTelemetry.LogLevel(rawValue: service.logLevel.rawValue) ?? .info
    if let word = unsafe getenv("FLB_LOG_LEVEL").map({ unsafe String(cString: $0) }),
      let named = WeirTelemetry.LogLevel(word: word)
    {
      level = named
    }
    if invocation.verbosity == 1 { level = .debug }
    if invocation.verbosity > 1 { level = .trace }
    if invocation.isQuiet { level = .off }
    Log.level = level
    guard let path = service.logFile else { return }
    let descriptor = unsafe weir_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
    if descriptor >= 0 {
      Log.redirect(to: descriptor)
    } else {
      complain(unsafe "cannot open log_file \(path): \(String(cString: strerror(errno)))")
    }
  }

  // MARK: Messages

  private func complainAbout(_ failures: [PluginHostError]) {
    for failure in failures { complain(failure.description) }
  }

  private func complain(_ message: String) {
    CommandLineAnswers.put("weir: \(message)\n", on: STDERR_FILENO)
  }
}
