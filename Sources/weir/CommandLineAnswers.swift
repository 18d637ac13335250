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
      put("Weir v\(version)\nRuns configurations of Fluent Bit v5.1\n", on: STDOUT_FILENO)
      return 0
    case .help(let json):
      put(json ? HelpText.generalJSON(registry) : HelpText.general(registry), on: STDOUT_FILENO)
      return 0
    case .pluginHelp(let kind, let name, let json):
      let text =
        json
        ? HelpText.pluginJSON(kind, name, registry) : HelpText.plugin(kind, name, registry)
      guard let text else {
        put("weir: there is no \(kind.rawValue) \(name)\n", on: STDERR_FILENO)
        return 1
      }
      put(text, on: STDOUT_FILENO)
      return 0
    case .run, .dryRun, .check, .plugin, .spool, .deadLetters: return nil
    }
  }

  /// Prints the verdict of `weir check` (to standard output) or `-D` (to standard error), and says
  /// the exit status; nil when the pipeline is to run. A failed check never lets it run.
  static func verdict(_ action: Invocation.Action, _ check: ConfigCheck) -> Int32? {
    if action == .check {
      put(check.text, on: STDOUT_FILENO)
      return check.isSuccessful ? 0 : 1
    }
    let said = check.problems.all + check.startWarnings
    for problem in said { put("\(problem)\n", on: STDERR_FILENO) }
    if !check.isSuccessful { return 1 }
    guard action == .dryRun else { return nil }
    put("configuration test is successful\n", on: STDERR_FILENO)
    return 0
  }

  /// Writes a text to a descriptor, all of it unless the reader is gone.
  static func put(_ text: String, on descriptor: Int32) {
    put(Array(text.utf8), on: descriptor)
  }

  /// Writes bytes to a descriptor, all of them unless the reader is gone.
  static func put(_ bytes: [UInt8], on descriptor: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return }
      rest = rest.dropFirst(count)
    }
  }

  /// Goes into the background, in the same folder; to be called before any other thread exists.
  static func detach() -> Bool { daemon(1, 0) == 0 }
}
