import Glibc
import Testing

extension EndToEnd {
  @Suite("start and stop")
  struct Life {
    @Test(
      "a SIGTERM ends the engine whenever it comes",
      .enabled(if: Settings.runsEngine, .init(rawValue: Settings.engineMissing)))
    func earlySignal() throws {
      let job = Job("early")
      for round in 0..<40 {
        let engine = try job.start(name: "round\(round)")
        Clock.sleep(Double(round) * 0.002)
        engine.signal(SIGTERM)
        let status = engine.exitStatus(within: 15)
        // Before the engine watches for signals the kernel's answer is as good as its own.
        #expect(status == 0 || status == 128 + SIGTERM, "after \(round * 2) ms")
        try #require(status != nil, "\(engine.lastWords)")
      }
    }
  }
}
