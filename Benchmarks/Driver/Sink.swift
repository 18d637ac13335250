import Glibc

/// A running `weir-faultserver --sink`: an Elasticsearch that takes every document unread.
struct Sink {
  let port: Int
  private let process: pid_t
  private let input: Int32
  private let output: Int32

  /// Starts the sink, which lies beside this program, on a port that it chooses.
  init(programs: String) throws(BenchError) {
    let program = "\(programs)/weir-faultserver"
    var toSink: [Int32] = [0, 0]
    var fromSink: [Int32] = [0, 0]
    guard pipe(&toSink) == 0, pipe(&fromSink) == 0 else { throw .system("a pipe", errno) }
    // Only what is handed over is inherited, or the sink's input would not end.
    for end in toSink + fromSink { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toSink[0], 0)
    posix_spawn_file_actions_adddup2(&actions, fromSink[1], 1)
    let words = [strdup(program), strdup("--sink"), nil]
    defer { for word in words { free(word) } }
    var process = pid_t()
    let result = posix_spawn(&process, program, &actions, nil, words, environ)
    close(toSink[0])
    close(fromSink[1])
    guard result == 0 else { throw .system("start \(program)", result) }
    self.process = process
    input = toSink[1]
    output = fromSink[0]
    // "port N control N"
    let told = Sink.line(output).split(separator: " ")
    guard told.count == 4, let port = Int(told[1]) else {
      throw .wrong("\(program) did not say its port")
    }
    self.port = port
  }

  /// Ends the sink; the documents that it has taken.
  func end() throws(BenchError) -> Int {
    close(input)
    // "items N stored N requests N wire N body N"
    let told = Sink.line(output).split(separator: " ")
    close(output)
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    guard told.count == 10, let count = Int(told[1]) else {
      throw .wrong("the sink did not say what it took")
    }
    return count
  }

  private static func line(_ descriptor: Int32) -> String {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while read(descriptor, &byte, 1) == 1, byte != 10 { bytes.append(byte) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
