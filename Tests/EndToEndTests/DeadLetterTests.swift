import Glibc
import Testing

extension EndToEnd {
  /// Documents that are refused for good.
  @Suite("dead letters")
  struct DeadLetters {
    @Test(
      "every thousandth document is refused: exactly those are dead letters, and replay sends them",
      .enabled(if: Settings.delivers, .init(rawValue: Settings.deliveryMissing)),
      arguments: [[], ["generate_id on"]], [nil, "256M"])
    func everyThousandth(output: [String], spool: String?) throws {
      let job = Job("letters")
      let server = try FaultServer(in: job.scratch)
      server.setFaults("reject_every=1000")
      let engine = try job.start(job.bulk(port: server.port, output: output, spool: spool))
      var plan = Flood.Plan()
      plan.rate = 4_000_000
      plan.seconds = 3
      plan.lengthMean = 200
      let flood = Flood(job.tree, pods: ["red", "green"], plan)
      flood.start()
      let counts = flood.wait()
      let refused = counts.mapValues { $0 / 1000 }
      let kept = counts.values.reduce(0, +) - refused.values.reduce(0, +)
      #expect(Clock.wait(60) { server.stats()["stored"] >= kept })
      let stats = server.stats()
      #expect(stats["distinct"] == kept, "\(stats.summary)\n\(engine.lastWords)")
      #expect(stats["duplicates"] == 0)
      #expect(stats["conflicts"] == 0)
      #expect(stats["rejected"] == refused.values.reduce(0, +))
      #expect(stats["rejected_again"] == 0)
      #expect(engine.stop() == 0, "\(engine.lastWords)")
      let box = DeadLetterBox(job)
      let letters = box.letters()
      for (key, count) in refused {
        let expected = (0..<count).map { ($0 + 1) * 1000 }
        #expect(box.numbers(letters, of: key) == expected, "\(box.list())")
      }
      #expect(letters.allSatisfy { $0["type"].string == "mapper_parsing_exception" })
      #expect(letters.allSatisfy { $0["status"].int == 400 && $0["index"].string == "logs" })
      #expect(letters.allSatisfy { $0["reason"].string?.contains("number") == true })

      server.setFaults()
      let replayed = box.replay()
      #expect(replayed.status == 0, "\(replayed.text)")
      #expect(server.settledVerdict(expecting: counts) == [], "\(replayed.text)")
      #expect(server.stats()["conflicts"] == 0)
      #expect(box.letters().isEmpty)
    }

    @Test(
      "a replay that is refused again leaves the letters where they are",
      .enabled(if: Settings.delivers, .init(rawValue: Settings.deliveryMissing)))
    func refusedAgain() throws {
      let job = Job("letters")
      let server = try FaultServer(in: job.scratch)
      server.setFaults("reject_every=100")
      let engine = try job.start(job.bulk(port: server.port))
      var plan = Flood.Plan()
      plan.rate = 1_000_000
      plan.seconds = 1
      let flood = Flood(job.tree, pods: ["red"], plan)
      flood.start()
      let counts = flood.wait()
      let total = counts.values.reduce(0, +)
      #expect(Clock.wait(30) { server.stats()["items"] >= total })
      #expect(engine.stop() == 0, "\(engine.lastWords)")
      let box = DeadLetterBox(job)
      let before = box.numbers(box.letters(), of: "red")
      #expect(before.count == total / 100)
      _ = box.replay()
      #expect(box.numbers(box.letters(), of: "red") == before)
    }
  }
}
