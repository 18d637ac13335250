import Testing
import WeirRing
import WeirStage

@testable import WeirPipeline

private let second: Int64 = 1_000_000_000

@Suite("Inputs that would rather lose records than wait")
struct DroppingTests {
  /// A server that comes back after ten seconds.
  private func world() throws -> SimulatedWorld {
    try SimulatedWorld(servers: [
      { now, items, _ in
        now < 10 * second ? .failure("refused") : SimulatedServer.takesAll(items)
      }
    ])
  }

  /// 200 bodies of ten items within two seconds; those with even numbers count against the share.
  private func fill(_ world: SimulatedWorld, _ share: CreditGate) {
    for n in 0..<200 {
      let payload = Payload()
      for item in n * 10..<n * 10 + 10 {
        Array("\(item) \n".utf8).withUnsafeBytes { payload.append($0) }
        payload.recordOffsets.append(UInt32(payload.length))
      }
      if n % 2 == 0 { payload.take(of: share) }
      world.submit(payload, at: n.asInt64 * 10_000_000)
    }
  }

  private func judge(_ world: SimulatedWorld, _ share: CreditGate) {
    let missing = (0..<2000).filter { world.stored[$0] == nil }
    #expect(missing.allSatisfy { $0 / 10 % 2 == 0 }, "others wait")
    #expect(missing.count == world.numbers[.dropped] && missing.count > 500)
    #expect(world.stored.values.allSatisfy { $0 == 1 })
    // 300 items of the share were the last ones.
    #expect(missing.allSatisfy { $0 < 1600 }, "the newest stay")
    #expect(world.events.contains { if case .dropped = $0 { true } else { false } })
    #expect(world.finished == 200 && world.memoryBytes == 0 && share.usedBytes == 0)
  }

  @Test("at mem_buf_limit the oldest is dropped and counted, and nothing of another input")
  func share() throws {
    let world = try world()
    let share = CreditGate(limitBytes: 25 * Payload.overheadBytes, dropsOldest: true)
    fill(world, share)
    world.run()
    judge(world, share)
  }

  @Test("without mem_buf_limit the credit of the output is the bound")
  func credit() throws {
    let world = try world()
    // The bodies of the others, and some.
    world.creditBytes = 8_000
    let share = CreditGate(limitBytes: .max, dropsOldest: true)
    fill(world, share)
    world.run()
    judge(world, share)
  }

  @Test("an input that waits loses nothing, however little it may have")
  func waits() throws {
    let world = try world()
    world.creditBytes = 100
    let share = CreditGate(limitBytes: 1)
    fill(world, share)
    world.run()
    #expect(world.stored.count == 2000 && world.numbers[.dropped] == nil)
  }
}
