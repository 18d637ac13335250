import Glibc
import Testing

extension EndToEnd {
  /// The numbers that the engine tells about itself are held against the files, which know better.
  @Suite("counters")
  struct Counters {
    @Test(
      "what SIGUSR1 prints agrees with the files that were read and written",
      .enabled(if: Settings.runsEngine, .init(rawValue: Settings.engineMissing)))
    func agree() throws {
      let job = Job("counters")
      let pods = ["kept", "dropped", "parts"]
      let logs = pods.map { pod in
        let folder = job.tree.folder(pod: pod, uid: NodeTree.id(pod), container: "main")
        let log = RotatedLog(ContainerWriter(key: pod), folder: folder)
        job.tree.link(to: log.path, pod: pod, container: "main")
        return log
      }
      let engine = try job.start(configuration(job))
      for round in 1...2 {
        for log in logs { log.write(40_000 * round) }
        logs[2].writer.writeFirstPart(to: logs[2].descriptor)
        logs[2].writer.writeLine(to: logs[2].descriptor)
        let counts = [
          "kept": logs[0].writer.count, "parts": logs[2].writer.count,
        ]
        let checker = job.verdict(of: [job.output()], expecting: counts)
        #expect(checker.verdict(expecting: counts) == [], "\(engine.lastWords)")
        let report = try #require(self.report(of: engine, number: round), "\(engine.lastWords)")
        compare(report, job, logs)
      }
      #expect(engine.stop() == 0, "\(engine.lastWords)")
    }

    private func configuration(_ job: Job) -> String {
      job.section("SERVICE", ["flush 0.2", "grace 10"])
        + job.section("INPUT", job.tail(path: "\(job.tree.containers)/*.log", tag: "kube.*"))
        + job.section("FILTER", ["name grep", "match *", "exclude log ^dropped "])
        + job.section("OUTPUT", job.file("out.jsonl", match: "*"))
    }

    private func compare(_ report: [String: [String: Int]], _ job: Job, _ logs: [RotatedLog]) {
      let read = logs.reduce(0) { $0 + $1.writer.count }
      let bytes = logs.reduce(0) { $0 + (Files.size($1.path) ?? 0) }
      let dropped = logs[1].writer.count
      let written = Files.bytes(job.output()).count { $0 == 10 }
      let input = report["input tail.0"] ?? [:]
      let filter = report["filter grep.0"] ?? [:]
      let output = report["output file.0"] ?? [:]
      #expect(input["records"] == read)
      #expect(input["bytes"] == bytes)
      #expect(filter["dropped_filter"] == dropped)
      #expect(output["records"] == written)
      // Nothing is in flight: read = delivered + dropped.
      #expect(input["records"] == (output["records"] ?? 0) + (filter["dropped_filter"] ?? 0))
      let reasons = report.values.flatMap { $0.filter { $0.key.hasPrefix("dropped_") } }
      #expect(reasons.reduce(0) { $0 + $1.value } == dropped, "\(reasons)")
    }

    /// Asks for a report and reads it from standard error: the numbers of each stage by its name.
    private func report(of engine: Engine, number: Int) -> [String: [String: Int]]? {
      engine.signal(SIGUSR1)
      var text: [Substring] = []
      let isThere = Clock.wait(5) {
        text = Files.text(engine.errorPath).split(separator: "\n")
        return text.count { $0.contains("weir: flow: ") } >= number
      }
      guard isThere else { return nil }
      var stages: [String: [String: Int]] = [:]
      for line in text where line.hasPrefix("weir: ") {
        let parts = line.dropFirst(6).split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { continue }
        var numbers: [String: Int] = [:]
        for word in parts[1].split(separator: " ") {
          let pair = word.split(separator: "=")
          if pair.count == 2, let value = Int(pair[1]) { numbers[String(pair[0])] = value }
        }
        // Later reports replace earlier ones.
        stages[String(parts[0])] = numbers
      }
      return stages
    }
  }
}
