import CWeirSystem
import Glibc
import WeirConfig

/// What the command answers without starting a pipeline.
enum CommandLineAnswers {
  /// The version of Weir.
  static let version = "0.1.0"

  /// Prints the version or a help text; nil when the invocation asks for neither.
  static func print(_ invocation: Invocation, _ registry: SchemaRegistry) -> Int32? {
    switch invocation.action {
    case .version:
      fputs("Weir v\(version)\nRuns configurations of Fluent Bit v5.1\n", stdout)
      return 0
    case .help(let json):
      fputs(json ? HelpText.generalJSON(registry) : HelpText.general(registry), stdout)
      return 0
    case .pluginHelp(let kind, let name, let json):
      let text =
        json
        ? HelpText.pluginJSON(kind, name, registry) : HelpText.plugin(kind, name, registry)
      guard let text else {
        fputs("weir: there is no \(kind.rawValue) \(name)\n", stderr)
        return 1
      }
      fputs(text, stdout)
      return 0
    case .run, .dryRun, .check, .plugin: return nil
    }
  }

  /// Prints the verdict of `weir check` (to standard output) or `-D` (to standard error), and says
  /// the exit status; nil when the pipeline is to run. A failed check never lets it run.
  static func verdict(_ action: Invocation.Action, _ check: ConfigCheck) -> Int32? {
    if action == .check {
      fputs(check.text, stdout)
      return check.isSuccessful ? 0 : 1
    }
    for problem in check.problems.all { fputs("\(problem)\n", stderr) }
    if !check.isSuccessful { return 1 }
    guard action == .dryRun else { return nil }
    fputs("configuration test is successful\n", stderr)
    return 0
  }

  /// Goes into the background, in the same folder; to be called before any other thread exists.
  static func detach() -> Bool { daemon(1, 0) == 0 }
}
