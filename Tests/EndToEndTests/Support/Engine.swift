import CWeirSystem
import Glibc

/// A running `weir -c FILE`, with its output in files.
final class Engine {
  let process: pid_t
  let outputPath: String
  let errorPath: String
  private var status: Int32?

  /// Why the engine could not be started.
  struct StartError: Error, CustomStringConvertible {
    let description: String
  }

  /// Starts the engine over a configuration text, which is written to `folder` under `name`.
  ///
  /// Standard input is the file `input`, else empty. Standard output goes to `NAME.out`, or to the
  /// descriptor `output`, which stays the caller's; standard error goes to `NAME.err`. `asNobody`
  /// gives up root's rights, which no permission holds back.
  init(
    _ configuration: String, in folder: String, name: String = "weir", arguments: [String] = [],
    input: String? = nil, output: Int32? = nil, asNobody: Bool = false, isYAML: Bool = false
  ) throws(StartError) {
    let file = "\(folder)/\(name).\(isYAML ? "yaml" : "conf")"
    outputPath = "\(folder)/\(name).out"
    errorPath = "\(folder)/\(name).err"
    guard Files.write(configuration, to: file) else {
      throw StartError(description: "\(file) cannot be written")
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let flags = O_WRONLY | O_CREAT | O_TRUNC
    posix_spawn_file_actions_addopen(&actions, 0, input ?? "/dev/null", O_RDONLY, 0)
    if let output {
      posix_spawn_file_actions_adddup2(&actions, output, 1)
    } else {
      posix_spawn_file_actions_addopen(&actions, 1, outputPath, flags, 0o644)
    }
    posix_spawn_file_actions_addopen(&actions, 2, errorPath, flags, 0o644)
    let drop = asNobody && geteuid() == 0
    let nobody = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    let command = (drop ? nobody : []) + [Settings.executable] + arguments + ["-c", file]
    let words = command.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var process = pid_t()
    let result = posix_spawn(&process, command[0], &actions, nil, words, environ)
    guard result == 0 else {
      let reason = String(cString: strerror(result))
      throw StartError(description: "\(Settings.executable) cannot be started: \(reason)")
    }
    self.process = process
  }

  deinit {
    if isRunning {
      kill(process, SIGKILL)
      _ = exitStatus(within: 10)
    }
  }

  var isRunning: Bool {
    if status != nil { return false }
    var raw: Int32 = 0
    if waitpid(process, &raw, WNOHANG) == process { status = raw }
    return status == nil
  }

  func signal(_ number: Int32) { if isRunning { kill(process, number) } }

  /// Waits for the end; the exit status, 128 + N after signal N, nil when it still runs.
  func exitStatus(within seconds: Double) -> Int32? {
    guard Clock.wait(seconds, until: { !self.isRunning }), let status else { return nil }
    let signal = status & 0x7F
    return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
  }

  /// Sends SIGTERM and waits for the end, which should be status 0 within the grace period.
  func stop(within seconds: Double = 15) -> Int32? {
    signal(SIGTERM)
    return exitStatus(within: seconds)
  }

  /// Ends it by kill -9.
  func killHard() {
    signal(SIGKILL)
    _ = exitStatus(within: 10)
  }

  /// The resident memory in bytes, 0 when it does not run; `peak` asks for the highest so far.
  func memory(peak: Bool = false) -> Int {
    let name = peak ? "VmHWM:" : "VmRSS:"
    for line in Files.text("/proc/\(process)/status").split(separator: "\n")
    where line.hasPrefix(name) {
      let words = line.split { $0 == " " || $0 == "\t" }
      if words.count > 1, let kibibytes = Int(words[1]) { return kibibytes * 1024 }
    }
    return 0
  }

  /// What it wrote to standard error, for the message of a test that failed: the last lines.
  var lastWords: String {
    Files.text(errorPath).split(separator: "\n").suffix(20).joined(separator: "\n")
  }
}
