import Glibc
import Testing

extension EndToEnd {
  /// An outage that lasts longer than the spool has room.
  @Suite("a full spool")
  struct SpoolLimit {
    static let limit = 1 << 20

    /// Writes while the server is away, then lets it come back.
    private func outage(
      _ job: Job, _ server: FaultServer, action: String
    ) throws -> (engine: Engine, counts: [String: Int], spoolMax: Int) {
      let engine = try job.start(
        job.bulk(
          port: server.port, output: ["storage.total_limit_action \(action)"],
          spool: "\(Self.limit)"))
      var plan = Flood.Plan()
      plan.rate = 6_000_000
      plan.seconds = Settings.isFull ? 20 : 8
      // Short lines compress least.
      plan.lengthMean = 30
      let flood = Flood(job.tree, pods: Outage.pods, plan)
      server.setFaults("refuse=1")
      flood.start()
      let end = Clock.now() + plan.seconds
      var spoolMax = 0
      while Clock.now() < end {
        spoolMax = max(spoolMax, Files.treeSize(job.storage))
        Clock.sleep(0.1)
      }
      let counts = flood.wait()
      server.setFaults()
      return (engine, counts, spoolMax)
    }

    @Test(
      "with `block` it reads no more, and loses nothing",
      .enabled(if: Settings.delivers, .init(rawValue: Settings.deliveryMissing)))
    func blocks() throws {
      let job = Job("full")
      let server = try FaultServer(in: job.scratch)
      let (engine, counts, spoolMax) = try outage(job, server, action: "block")
      let verdict = server.settledVerdict(expecting: counts)
      #expect(verdict == [], "\(server.stats().summary)\n\(engine.lastWords)")
      print("a full spool: at most \(spoolMax >> 10) KiB on disk of \(Self.limit >> 10)")
      #expect(spoolMax > Self.limit / 2)
      #expect(spoolMax <= Self.limit + 128 << 10)
      #expect(engine.memory(peak: true) <= Outage.memoryMax)
      #expect(engine.stop() == 0, "\(engine.lastWords)")
    }

    @Test(
      "with `drop_oldest` the oldest goes, and is counted",
      .enabled(if: Settings.delivers, .init(rawValue: Settings.deliveryMissing)))
    func dropsOldest() throws {
      let job = Job("full")
      let server = try FaultServer(in: job.scratch)
      let (engine, counts, spoolMax) = try outage(job, server, action: "drop_oldest")
      _ = server.settledVerdict(expecting: counts, quiet: 8)
      let stats = server.stats()
      engine.signal(SIGUSR1)
      _ = Clock.wait(5) { Files.text(engine.errorPath).contains("weir: flow: ") }
      let words = Files.text(engine.errorPath).split { $0 == " " || $0 == "\n" }
      #expect(engine.stop() == 0, "\(engine.lastWords)")
      let shed = words.last { $0.hasPrefix("spool_shed=") }.flatMap { Int($0.dropFirst(11)) }
      let total = counts.values.reduce(0, +)
      #expect(shed ?? 0 > 0)
      #expect(stats["distinct"] + (shed ?? 0) == total, "\(stats.summary)\n\(engine.lastWords)")
      #expect(stats["duplicates"] == 0)
      #expect(spoolMax <= Self.limit + 128 << 10)
      // What is newest is there.
      for (key, count) in counts { #expect(stats.stream(key)["highest"].int == count) }
    }
  }
}
