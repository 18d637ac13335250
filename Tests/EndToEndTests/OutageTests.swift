import Glibc
import Testing

extension EndToEnd {
  /// A server that is away, or says no for a while.
  @Suite("an outage of Elasticsearch")
  struct Outage {
    static let seconds = Settings.isFull ? 8.0 : 3.0
    static let rate = Settings.isFull ? Settings.rate : Settings.rate / 3
    static let pods = ["red", "green", "blue"]
    static let memoryMax = 96 << 20

    @Test(
      "with a spool nothing is lost or repeated, and the other output goes on",
      .enabled(if: Settings.delivers, .init(rawValue: Settings.deliveryMissing)),
      arguments: ["refuse=1", "status=503", "throttle_every=3"])
    func spooled(fault: String) throws {
      let job = Job("outage")
      let server = try FaultServer(in: job.scratch)
      let second = job.section("OUTPUT", ["name stdout", "match *", "format json_lines"])
      let engine = try job.start(job.bulk(port: server.port, spool: "1G", more: second))
      var plan = Flood.Plan()
      plan.rate = Self.rate
      plan.seconds = 2 * Self.seconds + 5
      let flood = Flood(job.tree, pods: Self.pods, plan)
      flood.start()
      Clock.sleep(2)
      let calm = Gauge(engine.outputPath, flood, engine, seconds: Self.seconds)
      server.setFaults(fault)
      let outage = Gauge(engine.outputPath, flood, engine, seconds: Self.seconds)
      server.setFaults()
      let counts = flood.wait()
      let verdict = server.settledVerdict(expecting: counts)
      #expect(verdict == [], "\(server.stats().summary)\n\(engine.lastWords)")
      let peak = engine.memory(peak: true)
      #expect(peak <= Self.memoryMax, "peak memory is \(peak >> 20) MiB")
      #expect(outage.share >= 0.9 * calm.share)
      #expect(engine.stop() == 0, "\(engine.lastWords)")
      var checker = OutputChecker()
      checker.read(engine.outputPath)
      #expect(checker.verdict(expecting: counts) == [])
      let other = Int(100 * outage.share / calm.share)
      print(
        "outage \(fault): the other output at \(other) %, memory \(calm.memory >> 20) MiB before, "
          + "\(outage.memory >> 20) MiB meanwhile, \(peak >> 20) MiB at most")
    }

    @Test(
      "with `block` nothing is lost or repeated, and what goes elsewhere goes on",
      .enabled(if: Settings.delivers, .init(rawValue: Settings.deliveryMissing)),
      arguments: ["refuse=1", "status=503", "throttle_every=3"])
    func blocked(fault: String) throws {
      let job = Job("block")
      let server = try FaultServer(in: job.scratch)
      let engine = try job.start(twoWays(job, server))
      var plan = Flood.Plan()
      plan.rate = 4_000_000
      plan.seconds = 2 * Self.seconds + 5
      let away = Flood(job.tree, pods: ["away"], plan)
      let free = Flood(job.tree, pods: ["free"], plan)
      away.start()
      free.start()
      Clock.sleep(2)
      let calm = Gauge(engine.outputPath, free, engine, seconds: Self.seconds)
      server.setFaults(fault)
      let outage = Gauge(engine.outputPath, free, engine, seconds: Self.seconds)
      server.setFaults()
      let counts = away.wait()
      let verdict = server.settledVerdict(expecting: counts)
      #expect(verdict == [], "\(server.stats().summary)\n\(engine.lastWords)")
      let peak = engine.memory(peak: true)
      #expect(peak <= Self.memoryMax, "peak memory is \(peak >> 20) MiB")
      #expect(outage.share >= 0.9 * calm.share)
      let freeCounts = free.wait()
      _ = job.settles(engine.outputPath)
      #expect(engine.stop() == 0, "\(engine.lastWords)")
      var checker = OutputChecker()
      checker.read(engine.outputPath)
      #expect(checker.verdict(expecting: freeCounts) == [])
    }

    private func twoWays(_ job: Job, _ server: FaultServer) -> String {
      let logs = job.tree.containers
      return job.section("SERVICE", ["flush 0.2", "grace 10"])
        + job.section(
          "INPUT", job.tail(path: "\(logs)/away*.log", tag: "away.*", database: "away.db"))
        + job.section(
          "INPUT", job.tail(path: "\(logs)/free*.log", tag: "free.*", database: "free.db"))
        + job.section("OUTPUT", job.elasticsearch(port: server.port, match: "away.*"))
        + job.section("OUTPUT", ["name stdout", "match free.*", "format json_lines"])
    }

    @Test(
      "stopped during an outage and started after it: nothing is lost or repeated",
      .enabled(if: Settings.delivers, .init(rawValue: Settings.deliveryMissing)),
      arguments: ["refuse=1", "status=503"], [nil, "256M"])
    func stopped(fault: String, spool: String?) throws {
      let job = Job("stopped")
      let server = try FaultServer(in: job.scratch)
      let configuration = job.bulk(port: server.port, spool: spool, service: ["grace 2"])
      let first = try job.start(configuration, name: "first")
      var plan = Flood.Plan()
      plan.rate = 4_000_000
      plan.seconds = 6
      let flood = Flood(job.tree, pods: Self.pods, plan)
      flood.start()
      Clock.sleep(2)
      server.setFaults(fault)
      Clock.sleep(2)
      #expect(first.stop() == 0, "\(first.lastWords)")
      let counts = flood.wait()
      server.setFaults()
      let second = try job.start(configuration, name: "second")
      let verdict = server.settledVerdict(expecting: counts)
      #expect(verdict == [], "\(server.stats().summary)\n\(second.lastWords)")
      #expect(second.stop() == 0, "\(second.lastWords)")
    }

    @Test(
      "401 is said loudly, keeps the data and mends itself",
      .enabled(if: Settings.delivers, .init(rawValue: Settings.deliveryMissing)),
      arguments: [401, 403])
    func denied(status: Int) throws {
      let job = Job("denied")
      let server = try FaultServer(in: job.scratch)
      server.setFaults("status=\(status)")
      let engine = try job.start(job.bulk(port: server.port))
      var plan = Flood.Plan()
      plan.rate = 1_000_000
      plan.seconds = 3
      let flood = Flood(job.tree, pods: ["a"], plan)
      flood.start()
      let counts = flood.wait()
      #expect(Clock.wait(10) { Files.text(engine.errorPath).contains("\(status)") })
      let probes = server.stats()["requests"]
      #expect(Clock.wait(30) { server.stats()["requests"] > probes }, "it goes on probing")
      server.setFaults()
      #expect(server.settledVerdict(expecting: counts) == [], "\(engine.lastWords)")
      #expect(engine.stop() == 0, "\(engine.lastWords)")
    }
  }
}
