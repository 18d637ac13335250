import Testing

@testable import WeirStage

@Suite("The rate gate")
struct RateGateTests {
  private let second: Int64 = 1_000_000_000

  @Test("lets a window through at once, stops, and goes on when the rate has fallen far enough")
  func window() {
    var gate = RateGate(RateLimit(bytesPerSecond: 1_000, windowSeconds: 2, resumeRatio: 0.75))
    #expect(gate.wait(at: 0, records: 0) == 0)
    gate.take(1_999)
    #expect(gate.wait(at: 0, records: 0) == 0)
    gate.take(1)
    let wait = gate.wait(at: 0, records: 0)
    // A quarter of the window's 2,000 bytes has to be earned: half a second.
    #expect(abs(wait - second / 2) < 1_000)
    #expect(gate.wait(at: second / 4, records: 0) > 0)
    #expect(gate.wait(at: wait, records: 0) == 0)
    #expect(gate.stopCount == 1)
  }

  @Test("counts records that were made since the last look")
  func records() {
    var gate = RateGate(RateLimit(recordsPerSecond: 10, resumeRatio: 1))
    #expect(gate.wait(at: 0, records: 5) == 0)
    #expect(gate.wait(at: 0, records: 9) == 0)
    #expect(gate.wait(at: 0, records: 30) > 2 * second - 1_000)
    #expect(gate.wait(at: 3 * second, records: 30) == 0)
  }

  @Test("holds the rate over time whatever the reads are", arguments: [7, 999, 4_096, 262_144])
  func exact(read: Int) {
    let rate = 100_000
    var gate = RateGate(RateLimit(bytesPerSecond: rate))
    var now: Int64 = 0
    var total = 0
    while now < 60 * second {
      let wait = gate.wait(at: now, records: 0)
      if wait > 0 {
        now += wait
        continue
      }
      gate.take(read)
      total += read
      now += 1_000
    }
    let allowed = rate * 61 + read
    #expect(total <= allowed)
    #expect(total >= rate * 58 - read)
  }

  @Test("a gate without limits never stops anybody")
  func open() {
    var gate = RateGate(RateLimit())
    gate.take(1 << 40)
    #expect(gate.wait(at: 0, records: 1 << 40) == 0)
  }
}
