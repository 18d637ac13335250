import Glibc
import Testing

extension EndToEnd {
  /// Replies that a healthy server never gives.
  @Suite("replies of Elasticsearch")
  struct Replies {
    /// Runs a job while a fault holds for some seconds; the verdict afterwards.
    private func deliver(_ fault: String, output: [String] = []) throws -> FaultServer.Stats {
      let job = Job("replies")
      let server = try FaultServer(in: job.scratch)
      server.setFaults(fault)
      let engine = try job.start(job.bulk(port: server.port, output: output))
      var plan = Flood.Plan()
      plan.rate = 2_000_000
      plan.seconds = 4
      let flood = Flood(job.tree, pods: ["red", "green"], plan)
      flood.start()
      let counts = flood.wait()
      server.setFaults()
      let verdict = server.settledVerdict(expecting: counts)
      let stats = server.stats()
      #expect(verdict == [], "\(fault): \(stats.summary)\n\(engine.lastWords)")
      #expect(stats["stored"] == counts.values.reduce(0, +))
      #expect(engine.stop() == 0, "\(fault): \(engine.lastWords)")
      return stats
    }

    @Test(
      "a request that failed is sent again, and nothing is stored twice",
      .enabled(if: Settings.delivers, .init(rawValue: Settings.deliveryMissing)),
      arguments: [
        "every=3&html=1", "every=3&not_bulk=1", "every=3&empty=1", "every=3&status=502",
        "every=2&status=429", "every=3&reset_request=1",
      ])
    func requests(fault: String) throws {
      let stats = try deliver(fault)
      #expect(stats["failed_requests"] + stats["resets"] > 0, "\(stats.summary)")
    }

    @Test(
      "an odd reply is read for what it says",
      .enabled(if: Settings.delivers, .init(rawValue: Settings.deliveryMissing)),
      arguments: [
        "chunked=1", "hint=1", "odd=1&chunked=1", "pad=8000000", "delay_ms=300",
        "read_rate=500000",
      ])
    func forms(fault: String) throws { _ = try deliver(fault) }

    @Test(
      "items that were refused for now are sent again, and only those",
      .enabled(if: Settings.delivers, .init(rawValue: Settings.deliveryMissing)),
      arguments: [
        "throttle_every=7&odd=1", "throttle_every=2&pad=8000000", "block_every=5",
        "block_every=1", "throttle_every=3&chunked=1&every=2",
      ])
    func items(fault: String) throws {
      let stats = try deliver(fault)
      let refused = stats["throttled"] + stats["blocked"]
      #expect(refused > 0)
      #expect(stats["items"] == stats["stored"] + refused, "\(stats.summary)")
    }

    @Test(
      "a reply that was lost costs no second document when there are ids",
      .enabled(if: Settings.delivers, .init(rawValue: Settings.deliveryMissing)),
      arguments: [
        "every=3&reset_reply=1", "every=3&half_reply=1", "every=3&short_items=1",
        "every=3&wrong_type=1",
      ])
    func lostReplies(fault: String) throws { _ = try deliver(fault, output: ["generate_id on"]) }

    @Test(
      "a body that is too large is split until it is not",
      .enabled(if: Settings.delivers, .init(rawValue: Settings.deliveryMissing)))
    func tooLarge() throws {
      let stats = try deliver("max_body=1500")
      #expect(stats["too_large"] > 0, "\(stats.summary)")
    }
  }
}
