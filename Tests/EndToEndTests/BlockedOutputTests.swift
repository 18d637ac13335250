import CWeirSystem
import Dispatch
import Glibc
import Testing

extension EndToEnd {
  @Suite("a blocked output")
  struct BlockedOutput {
    @Test(
      "memory stays, nothing is lost, and the output of other tags goes on",
      .enabled(if: Settings.runsEngine, .init(rawValue: Settings.engineMissing)))
    func blocks() throws {
      let blockedSeconds = Settings.isFull ? 10.0 : 6.0
      let job = Job("blocked")
      let pipe = try #require(OutputPipe(to: job.output("blocked.jsonl")))
      let engine = try job.start(configuration(job), output: pipe.writeEnd)
      var plan = Flood.Plan()
      plan.rate = Settings.rate / 4
      plan.seconds = 2 * blockedSeconds + 4
      let stuck = Flood(job.tree, pods: ["stuck"], plan)
      let free = Flood(job.tree, pods: ["free"], plan)
      stuck.start()
      free.start()
      Clock.sleep(2)
      let calm = sample(job, free, engine, seconds: blockedSeconds)
      pipe.pause()
      let blocked = sample(job, free, engine, seconds: blockedSeconds)
      pipe.resume()
      let counts = stuck.wait().merging(free.wait()) { $0 + $1 }
      _ = job.settles(job.output("free.jsonl"))
      _ = job.settles(job.output("blocked.jsonl"))
      #expect(engine.stop() == 0, "\(engine.lastWords)")
      pipe.finish()
      var checker = OutputChecker()
      checker.read(job.output("free.jsonl"))
      checker.read(job.output("blocked.jsonl"))
      #expect(checker.verdict(expecting: counts) == [], "\(engine.lastWords)")
      print(
        "blocked: the other output at \(Int(100 * blocked.share / calm.share)) %, memory "
          + "\(calm.memory >> 20) MiB before, \(blocked.memoryEarly >> 20) to "
          + "\(blocked.memory >> 20) MiB while blocked")
      #expect(blocked.share >= 0.95 * calm.share)
      // What a blocked output may hold is taken within moments; after that nothing is added.
      #expect(blocked.memory <= blocked.memoryEarly + 4 << 20)
      #expect(blocked.memory <= 80 << 20)
    }

    private func configuration(_ job: Job) -> String {
      let logs = job.tree.containers
      return job.section("SERVICE", ["flush 0.2", "grace 10"])
        + job.section(
          "INPUT", job.tail(path: "\(logs)/stuck*.log", tag: "stuck.*", database: "stuck.db"))
        + job.section(
          "INPUT", job.tail(path: "\(logs)/free*.log", tag: "free.*", database: "free.db"))
        + job.section("OUTPUT", ["name stdout", "match stuck.*", "format json_lines"])
        + job.section("OUTPUT", job.file("free.jsonl", match: "free.*"))
    }

    private struct Sample {
      /// Bytes that came out over bytes that went in.
      var share = 0.0
      /// The highest resident memory in the first third of the time, and in all of it.
      var memoryEarly = 0
      var memory = 0
    }

    private func sample(
      _ job: Job, _ flood: Flood, _ engine: Engine, seconds: Double
    ) -> Sample {
      let output = job.output("free.jsonl")
      let begin = (out: Files.size(output) ?? 0, in: flood.bytes, at: Clock.now())
      var sample = Sample()
      while Clock.now() - begin.at < seconds {
        sample.memory = max(sample.memory, engine.memory())
        if Clock.now() - begin.at < seconds / 3 { sample.memoryEarly = sample.memory }
        Clock.sleep(0.05)
      }
      let came = (Files.size(output) ?? 0) - begin.out
      sample.share = Double(came) / Double(max(1, flood.bytes - begin.in))
      return sample
    }
  }
}

/// A pipe whose reader writes to a file, and can be told to stop reading for a while.
final class OutputPipe: @unchecked Sendable {
  let writeEnd: Int32
  private let readEnd: Int32
  private let file: Int32
  private let gate = DispatchSemaphore(value: 1)
  private let done = DispatchGroup()

  init?(to path: String) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return nil }
    readEnd = ends[0]
    writeEnd = ends[1]
    // Only what is handed over is inherited, or the pipe would never end.
    _ = weir_fcntl(readEnd, F_SETFD, Int(FD_CLOEXEC))
    _ = weir_fcntl(writeEnd, F_SETFD, Int(FD_CLOEXEC))
    file = weir_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    done.enter()
    DispatchQueue(label: "pipe").async { self.copy() }
  }

  private func copy() {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      gate.wait()
      let count = read(readEnd, &chunk, chunk.count)
      gate.signal()
      if count <= 0 { break }
      _ = chunk.withUnsafeBytes { Files.writeAll(file, .init(rebasing: $0[0..<count])) }
    }
    done.leave()
  }

  /// Stops reading; what comes fills the pipe and then blocks its writer.
  func pause() { gate.wait() }

  func resume() { gate.signal() }

  /// Waits until the writer has ended and everything is in the file.
  func finish() {
    close(writeEnd)
    done.wait()
    close(readEnd)
    close(file)
  }
}
