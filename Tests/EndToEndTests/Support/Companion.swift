import CWeirSystem
import Glibc

/// A program that a test needs beside the engine: a server. It ends with the test, because its
/// standard input does.
final class Companion {
  let process: pid_t
  let outputPath: String
  private let input: Int32
  private var hasEnded = false

  /// Starts a command with its output in `folder/NAME.log`; nil when it could not be started.
  init?(_ command: [String], in folder: String, name: String) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return nil }
    // Only what is handed over is inherited, or the pipe would never end.
    _ = weir_fcntl(ends[0], F_SETFD, Int(FD_CLOEXEC))
    _ = weir_fcntl(ends[1], F_SETFD, Int(FD_CLOEXEC))
    outputPath = "\(folder)/\(name).log"
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let flags = O_WRONLY | O_CREAT | O_TRUNC
    posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
    posix_spawn_file_actions_addopen(&actions, 1, outputPath, flags, 0o644)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    let words = command.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var process = pid_t()
    let result = posix_spawnp(&process, command[0], &actions, nil, words, environ)
    close(ends[0])
    input = ends[1]
    self.process = process
    guard result == 0 else {
      hasEnded = true
      return nil
    }
  }

  deinit { end() }

  var output: String { Files.text(outputPath) }

  var isRunning: Bool {
    if hasEnded { return false }
    var status: Int32 = 0
    hasEnded = waitpid(process, &status, WNOHANG) == process
    return !hasEnded
  }

  func signal(_ number: Int32) { if isRunning { kill(process, number) } }

  /// Ends its input, then waits, then ends the process.
  func end() {
    guard fcntl(input, F_GETFD) >= 0 else { return }
    close(input)
    if !Clock.wait(20, until: { !self.isRunning }) {
      kill(process, SIGKILL)
      _ = Clock.wait(5, until: { !self.isRunning })
    }
  }
}
