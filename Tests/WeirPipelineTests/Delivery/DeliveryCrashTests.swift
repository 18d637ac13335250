import Testing
import WeirStage
import WeirTestSupport

@testable import WeirPipeline

private let second: Int64 = 1_000_000_000

@Suite("Crashes under the delivery engine")
struct DeliveryCrashTests {
  @Test("a crash repeats nothing of a stored entry but what was under way", arguments: 1...20)
  func restsAreStored(seed: UInt64) throws {
    let world = try SimulatedWorld(
      seed: seed,
      servers: [
        { now, items, world in
          if now < 10 * second { return .failure("refused") }
          switch world.random.below(12) {
          case 0 where items.count > 1: return .reply(ReplyVerdict(.split, "413"))
          case 1: return .reply(ReplyVerdict(.retry, "503"))
          default:
            return SimulatedServer.each(items) { _ in world.random.below(3) > 0 ? .done : .retry }
          }
        }
      ])
    world.hasSpool = true
    for n in 0..<100 { world.submit(Array(n * 50..<n * 50 + 50), at: n.asInt64 * 50_000_000) }
    world.run(until: 10 * second)
    #expect(world.spoolItems == 5000)
    var end = 10 * second
    var allowed: [Int: Int] = [:]
    for _ in 0..<5 {
      end += second + world.random.below(2_000_000_000).asInt64
      world.run(until: end)
      // The halves of a split body are two entries: while they are written theirs is there too.
      while world.isRewriting {
        end += 1_000_000
        world.run(until: end)
      }
      for item in world.itemsUnderWay { allowed[item, default: 1] += 1 }
      world.crash()
    }
    world.run()
    let repeated = world.stored.filter { $0.value > allowed[$0.key] ?? 1 }
    #expect(repeated.isEmpty, "seed \(seed)")
    #expect(world.stored.count == 5000 && world.entries.isEmpty && world.memoryBytes == 0)
    #expect(world.rewrites > 0)
  }

  @Test("a rest that the spool refuses waits in memory, is counted, and is delivered")
  func refusedRests() throws {
    let world = try SimulatedWorld(servers: [
      { now, items, world in
        if now < 10 * second { return .failure("refused") }
        return SimulatedServer.each(items) { item in
          now < 60 * second && item % 2 == 0 ? .retry : .done
        }
      }
    ])
    world.hasSpool = true
    for n in 0..<20 { world.submit(Array(n * 10..<n * 10 + 10), at: n.asInt64 * 50_000_000) }
    world.run(until: 10 * second)
    world.diskFails = true
    world.run()
    #expect(world.stored.count == 200 && world.stored.values.allSatisfy { $0 == 1 })
    #expect(world.numbers[.restsInMemory] ?? 0 >= 100 && world.rewrites == 0)
    #expect(world.entries.isEmpty && world.memoryBytes == 0)
  }

  @Test("a rest in the spool keeps its pause: a busy server is not asked more often for it")
  func pausedRests() throws {
    let world = try SimulatedWorld(servers: [
      { now, items, _ in
        if now < 10 * second { return .failure("refused") }
        return SimulatedServer.each(items) { _ in now < 100 * second ? .retry : .done }
      }
    ])
    world.hasSpool = true
    for n in 0..<10 { world.submit(Array(n * 10..<n * 10 + 10), at: n.asInt64 * 50_000_000) }
    world.run()
    #expect(world.stored.count == 100 && world.stored.values.allSatisfy { $0 == 1 })
    #expect(world.requests.count < 300, "\(world.requests.count) requests")
    #expect(world.rewrites == 0, "what nobody took stays where it is")
    #expect(world.entries.isEmpty && world.memoryBytes == 0)
  }

  @Test("a stop leaves rests where they are, and the next start delivers them once")
  func stopWithRests() throws {
    let world = try SimulatedWorld(servers: [
      { now, items, _ in
        if now < 10 * second { return .failure("refused") }
        return SimulatedServer.each(items) { now < 20 * second && $0 % 2 == 0 ? .retry : .done }
      }
    ])
    world.hasSpool = true
    for n in 0..<20 { world.submit(Array(n * 10..<n * 10 + 10), at: n.asInt64 * 50_000_000) }
    world.run(until: 12 * second)
    world.engine?.beginDrain(at: world.now)
    world.run(until: 13 * second)
    world.abandon()
    world.run(until: 14 * second)
    #expect(world.engine?.parcelsInMemory == 0 && world.memoryBytes == 0)
    world.crash()
    world.run()
    #expect(world.stored.count == 200 && world.stored.values.allSatisfy { $0 == 1 })
    #expect(world.entries.isEmpty && world.memoryBytes == 0)
  }

  @Test(
    "where items replace each other none comes back behind a newer one, whatever happens",
    arguments: (0..<100).map { _ in UInt64.random(in: 1...1 << 40) })
  func order(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var policy = DeliveryPolicy()
    policy.isOrdered = true
    policy.memoryBytesMax = 1_000 + random.below(6) * (Payload.overheadBytes + 1_000)
    let calm = 60 * second
    let mischief = 2 + random.below(6)
    let splits = random.below(2) * 2
    func server(_ now: Int64, _ items: [Int], _ world: SimulatedWorld) -> DeliveryOutcome {
      if now > calm || world.random.below(mischief) == 0 { return SimulatedServer.takesAll(items) }
      switch world.random.below(8) {
      case 0: return .failure("reset")
      case 1: return .reply(ReplyVerdict(.denied, "401"))
      case 2...2 + splits where items.count > 1: return .reply(ReplyVerdict(.split, "413"))
      case 5: return SimulatedServer.each(items) { $0 % 97 == 0 ? .dead : .done }
      case 6: return SimulatedServer.takesAll(items)
      default:
        let part = 1 + world.random.below(5)
        return SimulatedServer.each(items) { ($0 + part) % 5 < part ? .retry : .done }
      }
    }
    let world = try SimulatedWorld(
      seed: seed, policy: policy, servers: Array(repeating: server, count: 1 + random.below(2)))
    world.latency = 20_000_000 << random.below(6).asInt64
    world.hasSpool = random.below(5) > 0
    world.spoolLimit = random.below(2) == 0 ? 2_000 + random.below(10_000) : .max
    world.dropsOldest = random.below(3) == 0
    let submitted = submitRepeated(150, to: world, &random)
    for step in 1...30 {
      world.diskFails = world.random.below(4) == 0
      world.lettersFail = world.random.below(4) == 0
      world.run(until: step.asInt64 * 2 * second)
      switch world.random.below(4) {
      case 0: world.crash()
      case 1 where world.random.below(2) == 0:
        world.engine?.beginDrain(at: world.now)
        world.run(until: step.asInt64 * 2 * second + second / 2)
        world.abandon()
        world.run(until: step.asInt64 * 2 * second + second)
        world.crash()
      default: break
      }
    }
    world.diskFails = false
    world.lettersFail = false
    world.run()
    let gone = Set(world.dead.keys).union(world.shed)
    expectOrder(of: world, submitted, without: gone, seed)
    let all = gone.union(world.stored.keys)
    #expect(all.isSuperset(of: (0..<150).map { $0 * 1000 + 20 }), "seed \(seed): items are lost")
    #expect(world.entries.isEmpty && world.memoryBytes == 0, "seed \(seed)")
    #expect(world.engine?.parcelsInMemory == 0, "seed \(seed)")
  }

  /// Submits bodies in which keys repeat: item 1000 n + 100 i + k is place i of key k in body n.
  /// - Returns: what each body holds of each key, by 1000 n + k, in order.
  private func submitRepeated(
    _ bodies: Int, to world: SimulatedWorld, _ random: inout SeededGenerator
  ) -> [Int: [Int]] {
    var submitted: [Int: [Int]] = [:]
    for n in 0..<bodies {
      var items: [Int] = []
      for place in 0..<1 + random.below(3) {
        items += (0..<20).filter { _ in random.below(3) == 0 }.map { n * 1000 + place * 100 + $0 }
      }
      items.append(n * 1000 + 20)
      for item in items { submitted[item / 1000 * 1000 + item % 100, default: []].append(item) }
      world.submit(items, at: n.asInt64 * 200_000_000, padding: random.below(60))
    }
    return submitted
  }

  /// No body's item is behind a newer body's of the same key, and the last of a key in a body,
  /// which a crash may repeat, but then to its end, was stored last.
  private func expectOrder(
    of world: SimulatedWorld, _ submitted: [Int: [Int]], without gone: Set<Int>, _ seed: UInt64
  ) {
    var newest: [Int: Int] = [:]
    var fallen: [Int] = []
    var last: [Int: Int] = [:]
    for item in world.storedOrder {
      let before = newest[item % 100] ?? -1
      if item / 1000 < before { fallen.append(item) }
      newest[item % 100] = max(before, item / 1000)
      last[item / 1000 * 1000 + item % 100] = item
    }
    #expect(fallen.isEmpty, "seed \(seed): behind newer ones")
    for (key, items) in submitted {
      guard let final = items.last, !gone.contains(final) else { continue }
      #expect(last[key] == final, "seed \(seed): left behind by \(last[key] ?? -1)")
    }
  }
}
