import Glibc
import Testing

extension EndToEnd {
  @Suite("rotation under load")
  struct Rotation {
    static let pods = ["red", "green", "blue"]

    @Test(
      "three logs at a rate, rotated by rename: every line once and in order",
      .enabled(if: Settings.runsEngine, .init(rawValue: Settings.engineMissing)),
      arguments: [false, true])
    func rotates(splitsLines: Bool) throws {
      let job = Job("rotation")
      let engine = try job.start()
      var plan = Flood.Plan()
      plan.manner.splitsLines = splitsLines
      let flood = Flood(job.tree, pods: Self.pods, plan)
      flood.start()
      let counts = flood.wait()
      let checker = job.verdict(of: [job.output()], expecting: counts)
      #expect(checker.verdict(expecting: counts) == [], "\(engine.lastWords)")
      #expect(flood.logs.allSatisfy { $0.rotations >= 2 })
      let peak = engine.memory(peak: true)
      #expect(peak <= 80 << 20, "peak memory is \(peak >> 20) MiB")
      #expect(engine.stop() == 0, "\(engine.lastWords)")
    }

    @Test(
      "stopped by SIGTERM across three rotations: every line once",
      .enabled(if: Settings.runsEngine, .init(rawValue: Settings.engineMissing)),
      arguments: [RotatedLog.Compression.everySecondTime, .always])
    func stops(compression: RotatedLog.Compression) throws {
      let job = Job("stop")
      var plan = Flood.Plan()
      plan.seconds = Settings.seconds + 12
      plan.manner.compression = compression
      plan.manner.splitsLines = compression == .always
      let first = try job.start(job.configuration(output: "1.jsonl"), name: "first")
      let flood = Flood(job.tree, pods: Self.pods, plan)
      flood.start()
      Clock.sleep(Settings.seconds / 3)
      #expect(first.stop() == 0, "\(first.lastWords)")
      let before = rotatedFiles(flood)
      let haveRotated = Clock.wait(plan.seconds) {
        zip(rotatedFiles(flood), before).allSatisfy { $0 - $1 >= 3 }
      }
      #expect(haveRotated)
      if Settings.isFull { Clock.sleep(4) }
      let second = try job.start(job.configuration(output: "2.jsonl"), name: "second")
      let counts = flood.wait()
      let outputs = [job.output("1.jsonl"), job.output("2.jsonl")]
      let checker = job.verdict(of: outputs, expecting: counts)
      #expect(
        checker.verdict(expecting: counts) == [], "\(first.lastWords)\n\(second.lastWords)")
      #expect(second.stop() == 0, "\(second.lastWords)")
    }

    @Test(
      "killed twice by kill -9: none missing, and what is repeated was in flight",
      .enabled(if: Settings.runsEngine, .init(rawValue: Settings.engineMissing)))
    func kills() throws {
      let job = Job("kill")
      let flood = Flood(job.tree, pods: Self.pods, Flood.Plan())
      flood.start()
      var outputs: [String] = []
      for run in 1...2 {
        let engine = try job.start(job.configuration(output: "\(run).jsonl"), name: "run\(run)")
        Clock.sleep(Settings.seconds / 4)
        engine.killHard()
        outputs.append(job.output("\(run).jsonl"))
        Clock.sleep(0.5)
      }
      let last = try job.start(job.configuration(output: "3.jsonl"), name: "run3")
      let counts = flood.wait()
      _ = job.settles(job.output("3.jsonl"))
      var checker = OutputChecker(allowsRepeats: true)
      for output in outputs { checker.read(output, isKilled: true) }
      checker.read(job.output("3.jsonl"))
      #expect(checker.verdict(expecting: counts) == [], "\(last.lastWords)")
      for (key, stream) in checker.streams {
        #expect(stream.stepsBack <= 2, "\(key) went back \(stream.stepsBack) times")
      }
      // Positions are stored each second; what is read in between is in flight.
      let repeated = checker.streams.values.reduce(0) { $0 + $1.repeatedBytes }
      print("kill -9: \(repeated >> 10) KiB repeated")
      #expect(repeated <= 2 * 2 * Settings.rate)
      #expect(last.stop() == 0, "\(last.lastWords)")
    }

    /// How many rotated files each log has, plain and compressed.
    private func rotatedFiles(_ flood: Flood) -> [Int] {
      flood.logs.map { log in
        Files.names(in: log.folder).filter { $0.hasPrefix("0.log.") && !$0.hasSuffix(".tmp") }.count
      }
    }
  }
}
