import Testing
import WeirStage

@testable import WeirPipeline

private let second: Int64 = 1_000_000_000

@Suite("Several servers and few retries")
struct FailoverTests {
  private func policy(_ limit: Int?, isOrdered: Bool = false) -> DeliveryPolicy {
    var policy = DeliveryPolicy()
    policy.retryLimit = limit
    policy.isOrdered = isOrdered
    return policy
  }

  @Test(
    "while one server works nothing is given up, however few retries there are",
    arguments: [0, 1, 2], [false, true])
  func oneIsDead(limit: Int, isOrdered: Bool) throws {
    for seed in UInt64(1)...8 {
      let world = try SimulatedWorld(
        seed: seed, policy: policy(limit, isOrdered: isOrdered),
        servers: [
          { _, _, _ in .failure("refused") },
          { _, items, _ in SimulatedServer.takesAll(items) },
          { _, _, _ in .reply(ReplyVerdict(.retry, "503")) },
        ])
      for n in 0..<300 { world.submit([n], at: n.asInt64 * 40_000_000) }
      world.run()
      #expect(world.dead.isEmpty, "seed \(seed): \(world.dead.count) given up")
      #expect(world.stored.count == 300 && world.finished == 300)
      #expect(world.requests.contains { $0.node == 0 && $0.at > 5 * second }, "it is tried again")
    }
  }

  @Test("a failed request goes to the other server at once")
  func atOnce() throws {
    let world = try SimulatedWorld(
      policy: policy(1),
      servers: [
        { _, _, _ in .failure("refused") },
        { _, items, _ in SimulatedServer.takesAll(items) },
      ])
    world.submit([1], at: 0)
    world.run(until: 100_000_000)
    #expect(world.requests.map(\.node) == [0, 1] && world.stored == [1: 1])
  }

  @Test("with all servers down a try is one at each of them, and tries end")
  func allDown() throws {
    for (limit, isOrdered) in [(0, false), (1, false), (2, false), (1, true)] {
      let refuses: SimulatedWorld.Server = { _, _, _ in .failure("refused") }
      let world = try SimulatedWorld(
        policy: policy(limit, isOrdered: isOrdered), servers: [refuses, refuses])
      world.submit([1], at: 0)
      world.run()
      #expect(world.requests.map(\.node).filter { $0 == 0 }.count == limit + 1)
      #expect(world.requests.count == 2 * (limit + 1) && Set(world.dead.keys) == [1])
      #expect(world.finished == 1 && world.memoryBytes == 0)
    }
  }

  @Test("a duplicate at the second server is no wonder")
  func duplicate() throws {
    let world = try SimulatedWorld(servers: [
      { _, _, _ in .failure("reset") },
      { _, items, _ in SimulatedServer.each(items) { _ in .duplicate } },
    ])
    world.submit([1], at: 0)
    world.run()
    #expect(world.numbers[.duplicates] == 1 && world.numbers[.firstAttemptDuplicates] == nil)
  }
}
