import Glibc
import Testing

extension EndToEnd {
  /// kill -9 while lines are written, rotated and delivered.
  @Suite("kill -9 on the way to Elasticsearch")
  struct Crash {
    static let rate = Settings.isFull ? 10_000_000 : 4_000_000
    /// `CheckpointDatabase.intervalMs`.
    static let checkpointMilliseconds = 50
    static let seconds = Settings.isFull ? 60.0 : 9.0

    /// What a series of crashes leaves behind.
    private struct Result {
      var counts: [String: Int]
      var kills = 0
      var last: Engine
    }

    /// Writes and rotates while engines are killed each 2 s; the last one goes on.
    private func crash(_ job: Job, _ configuration: String) throws -> Result {
      var plan = Flood.Plan()
      plan.rate = Self.rate
      plan.seconds = Self.seconds
      plan.rotateBytes = 5 << 20
      plan.manner.splitsLines = true
      let flood = Flood(job.tree, pods: Outage.pods, plan)
      flood.start()
      let end = Clock.now() + Self.seconds - 1
      var kills = 0
      while Clock.now() < end {
        let engine = try job.start(configuration, name: "run\(kills)")
        // Not always at the same moment between two flushes.
        Clock.sleep(1.9 + Double(kills * 37 % 200) / 1000)
        #expect(engine.isRunning, "\(engine.lastWords)")
        engine.killHard()
        kills += 1
      }
      let last = try job.start(configuration, name: "last")
      let counts = flood.wait()
      #expect(flood.logs.allSatisfy { $0.rotations >= 1 })
      return Result(counts: counts, kills: kills, last: last)
    }

    @Test(
      "with generate_id every line is one document, not one more or less",
      .enabled(if: Settings.delivers, .init(rawValue: Settings.deliveryMissing)),
      arguments: [nil, "256M"])
    func withIds(spool: String?) throws {
      let job = Job("crash")
      let server = try FaultServer(in: job.scratch)
      let result = try crash(
        job, job.bulk(port: server.port, output: ["generate_id on"], spool: spool))
      let verdict = server.settledVerdict(expecting: result.counts)
      let stats = server.stats()
      #expect(verdict == [], "\(stats.summary)\n\(result.last.lastWords)")
      #expect(stats["stored"] == result.counts.values.reduce(0, +))
      #expect(stats.json["ids"].int == stats["stored"])
      print("kill -9 with ids: \(result.kills) times, \(stats["conflicts"]) sent once more")
      #expect(result.last.stop() == 0, "\(result.last.lastWords)")
    }

    @Test(
      "without ids nothing is missing, and what comes twice was in flight",
      .enabled(if: Settings.delivers, .init(rawValue: Settings.deliveryMissing)))
    func withoutIds() throws {
      let job = Job("crash")
      let server = try FaultServer(in: job.scratch)
      let result = try crash(job, job.bulk(port: server.port))
      let verdict = server.settledVerdict(expecting: result.counts, allowsRepeats: true)
      let stats = server.stats()
      #expect(verdict == [], "\(stats.summary)\n\(result.last.lastWords)")
      let bound = repeatsMax(stats)
      print(
        "kill -9 without ids: \(result.kills) times, \(stats["duplicate_bytes"] >> 10) KiB twice; "
          + "in flight were at most \(bound.text)")
      #expect(stats["duplicate_bytes"] <= result.kills * bound.bytes)
      #expect(result.last.stop() == 0, "\(result.last.lastWords)")
    }

    /// Bytes of lines that one kill can repeat, from what the server saw of the engine.
    private func repeatsMax(_ stats: FaultServer.Stats) -> (bytes: Int, text: String) {
      // Bodies hold names and times beside the lines' text.
      let share = Double(Self.rate) * Self.seconds / Double(max(1, stats["inflated_bytes"]))
      let body = Int(Double(stats["inflated_max"]) * min(1, share))
      // A body that is under way holds back the position of as many that overtook it.
      let bodies = 2 * stats["in_flight_max"]
      // An interval in which a position waits to be stored, and one in which it is written.
      let unstored = 2 * Self.rate * Self.checkpointMilliseconds / 1000
      // What the lanes had of lines when they were cut off: a batch each.
      let unsealed = 2 * (256 << 10)
      return (
        bodies * body + unstored + unsealed,
        "\(bodies) bodies of \(body >> 10) KiB, \(unstored >> 10) KiB with positions to be stored, "
          + "\(unsealed >> 10) KiB in batches"
      )
    }

    @Test(
      "killed during an outage: what was spooled comes once the server is back",
      .enabled(if: Settings.delivers, .init(rawValue: Settings.deliveryMissing)))
    func duringOutage() throws {
      let job = Job("crash")
      let server = try FaultServer(in: job.scratch)
      server.setFaults("refuse=1")
      let result = try crash(
        job, job.bulk(port: server.port, output: ["generate_id on"], spool: "1G"))
      #expect(server.stats()["stored"] == 0)
      server.setFaults()
      let verdict = server.settledVerdict(expecting: result.counts)
      let stats = server.stats()
      #expect(verdict == [], "\(stats.summary)\n\(result.last.lastWords)")
      #expect(stats["stored"] == result.counts.values.reduce(0, +))
      #expect(result.last.stop() == 0, "\(result.last.lastWords)")
    }
  }
}
