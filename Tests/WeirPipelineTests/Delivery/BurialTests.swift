import Testing
import WeirStage

@testable import WeirPipeline

private let second: Int64 = 1_000_000_000

@Suite("Dead items whose disk is full")
struct BurialTests {
  /// Each tenth item is refused for good.
  private func world(isOrdered: Bool = false) throws -> SimulatedWorld {
    var policy = DeliveryPolicy()
    policy.isOrdered = isOrdered
    return try SimulatedWorld(
      policy: policy,
      servers: [{ _, items, _ in SimulatedServer.each(items) { $0 % 10 == 0 ? .dead : .done } }])
  }

  @Test(
    "wait unacknowledged, are tried again now and then, and none is lost",
    arguments: [false, true])
  func wait(isOrdered: Bool) throws {
    let world = try world(isOrdered: isOrdered)
    world.lettersFail = true
    for n in 0..<20 { world.submit(Array(n * 10..<n * 10 + 10), at: n.asInt64 * 50_000_000) }
    world.run(until: 60 * second)
    #expect(world.finished == 0 && world.memoryBytes > 0)
    #expect(world.burials < 40, "\(world.burials) tries in a minute")
    let failures = world.events.filter { if case .lettersFailed = $0 { true } else { false } }
    #expect(!failures.isEmpty && !world.events.contains(.lettersWork))
    world.lettersFail = false
    world.run()
    #expect(Set(world.dead.keys) == Set((0..<20).map { $0 * 10 }))
    #expect(world.stored.count == 180 && world.stored.values.allSatisfy { $0 == 1 })
    #expect(world.finished == 20 && world.memoryBytes == 0)
    #expect(world.engine?.parcelsInMemory == 0)
    #expect(world.events.filter { $0 == .lettersWork }.count == 1)
  }

  @Test("hold up what is sent before memory is full of them")
  func bounded() throws {
    let world = try world()
    world.lettersFail = true
    for n in 0..<500 { world.submit(Array(n * 10..<n * 10 + 10), at: n.asInt64 * 10_000_000) }
    world.run(until: 60 * second)
    #expect(world.requests.count <= DeliveryEngine.delayedMax + DeliveryPolicy().windowMax)
    world.lettersFail = false
    world.run()
    #expect(world.dead.count == 500 && world.finished == 500 && world.memoryBytes == 0)
  }

  @Test("are left to the next start at a stop, or counted as lost without a position")
  func stop() throws {
    for (isOrdered, isUnrepeatable) in [(false, false), (false, true), (true, false), (true, true)]
    {
      let world = try world(isOrdered: isOrdered)
      world.lettersFail = true
      world.isUnrepeatable = isUnrepeatable
      world.submit(Array(0..<10), at: 0)
      world.run(until: 5 * second)
      world.engine?.beginDrain(at: world.now)
      world.run(until: 6 * second)
      world.abandon()
      world.run(until: 8 * second)
      world.engine?.leaveAll()
      #expect(world.engine?.parcelsInMemory == 0 && world.memoryBytes == 0)
      #expect(world.finished == 0)
      #expect(world.engine?.lostAtEnd == (isUnrepeatable ? 1 : 0))
      #expect(world.numbers[.lost] ?? 0 == (isUnrepeatable ? 1 : 0))
      guard !isUnrepeatable else { continue }
      world.crash()
      world.lettersFail = false
      world.run()
      #expect(world.finished == 1 && Set(world.dead.keys) == [0])
    }
  }

  @Test("an entry of the spool whose dead items cannot be stored stays in the spool")
  func spooled() throws {
    var isAway = true
    let world = try SimulatedWorld(servers: [
      { _, items, _ in
        isAway ? .failure("refused") : SimulatedServer.each(items) { $0 == 3 ? .dead : .done }
      }
    ])
    world.hasSpool = true
    world.lettersFail = true
    world.submit(Array(0..<5), at: 0)
    world.run(until: 5 * second)
    isAway = false
    world.run(until: 60 * second)
    #expect(world.spoolItems == 5 && world.stored.count == 4)
    world.lettersFail = false
    world.run()
    #expect(world.entries.isEmpty && Set(world.dead.keys) == [3])
  }
}
