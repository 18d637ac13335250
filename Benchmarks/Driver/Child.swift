import Glibc

/// What a finished process used.
struct Usage {
  /// User and system time, in seconds.
  var cpu: Double
  /// From the start to the end, in seconds.
  var wall: Double
  /// The largest resident set, in bytes.
  var peakBytes: Int
  /// The exit status; 128 + N for one that signal N ended.
  var status: Int32
}

/// One process that is run to its end and measured through wait4(2).
struct Child {
  let executable: String
  var arguments: [String] = []
  /// Added to the driver's own environment.
  var environment: [String: String] = [:]
  /// The working directory.
  let folder: String
  /// Where its standard output and its standard error go, below `folder`.
  var outputName = "stdout.txt"
  var errorName = "stderr.txt"
  /// After this long it is killed, which its status shows.
  var secondsMax: Double = 600

  func run() throws(BenchError) -> Usage {
    let begin = monotonicSeconds()
    let process = try spawn()
    var usage = rusage()
    var status: Int32 = 0
    while true {
      let ended = wait4(process, &status, WNOHANG, &usage)
      if ended == process { break }
      guard ended == 0 || errno == EINTR else { throw .system("wait4", errno) }
      if monotonicSeconds() - begin > secondsMax { kill(process, SIGKILL) }
      usleep(500)
    }
    let signal = status & 0x7F
    return Usage(
      cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime),
      wall: monotonicSeconds() - begin,
      peakBytes: usage.ru_maxrss * 1024,
      status: signal == 0 ? (status >> 8) & 0xFF : 128 + signal)
  }

  private func spawn() throws(BenchError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let flags = O_WRONLY | O_CREAT | O_TRUNC
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, "\(folder)/\(outputName)", flags, 0o644)
    posix_spawn_file_actions_addopen(&actions, 2, "\(folder)/\(errorName)", flags, 0o644)
    var process = pid_t()
    // The shell changes the folder and becomes the executable: the process stays the same one.
    let shell = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", folder]
    let words = strings(shell + [executable] + arguments)
    let variables = strings(fullEnvironment())
    defer { for text in words + variables { free(text) } }
    let result = posix_spawn(&process, shell[0], &actions, nil, words, variables)
    guard result == 0 else { throw .system("start \(executable)", result) }
    return process
  }

  private func fullEnvironment() -> [String] {
    var all: [String] = []
    var entry = environ
    while let variable = entry.pointee {
      let text = String(cString: variable)
      let name = text.prefix { $0 != "=" }
      if environment[String(name)] == nil { all.append(text) }
      entry += 1
    }
    return all + environment.map { "\($0.key)=\($0.value)" }
  }

  /// A vector as posix_spawn takes it: copies, ended by nil. The caller frees them.
  private func strings(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
    texts.map { strdup($0) } + [nil]
  }

  private func seconds(_ time: timeval) -> Double {
    Double(time.tv_sec) + Double(time.tv_usec) * 1e-6
  }
}

func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
