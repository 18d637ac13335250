import Glibc
import Testing
import WeirStage
import WeirTestSupport

@testable import WeirPipeline

private let second: Int64 = 1_000_000_000

@Suite("The delivery engine")
struct DeliveryEngineTests {
  @Test("delivers every item once to a server that works, and finishes every consignment")
  func plain() throws {
    let world = try SimulatedWorld(servers: [{ _, items, _ in SimulatedServer.takesAll(items) }])
    for n in 0..<200 { world.submit(Array(n * 10..<n * 10 + 10), at: n.asInt64 * 1_000_000) }
    world.run()
    #expect(world.stored.count == 2000 && world.stored.values.allSatisfy { $0 == 1 })
    #expect(world.finished == 200)
    #expect(world.memoryBytes == 0)
    #expect(world.underWayPeak > 2, "the window grows")
    #expect(world.numbers[.delivered] == 2000)
  }

  @Test("sends only the refused items again, and buries exactly the dead ones with their reason")
  func itemByItem() throws {
    var busy = true
    let world = try SimulatedWorld(servers: [
      { now, items, _ in
        busy = now < 5 * second
        return SimulatedServer.each(items) { item in
          if item % 1000 == 7 { return .dead }
          return busy && item % 3 == 0 ? .retry : .done
        }
      }
    ])
    for n in 0..<100 { world.submit(Array(n * 100..<n * 100 + 100), at: n.asInt64 * 10_000_000) }
    world.run()
    #expect(Set(world.dead.keys) == Set((0..<10_000).filter { $0 % 1000 == 7 }))
    #expect(world.dead.values.allSatisfy { $0.status == 400 && $0.reason == "it is so" })
    #expect(world.stored.count == 10_000 - 10 && world.stored.values.allSatisfy { $0 == 1 })
    #expect(world.finished == 100 && world.memoryBytes == 0)
  }

  @Test("an outage without a spool pauses, probes with one request at a time, and loses nothing")
  func outage() throws {
    let world = try SimulatedWorld(servers: [
      { now, items, _ in
        now > second && now < 9 * second ? .failure("refused") : SimulatedServer.takesAll(items)
      }
    ])
    for n in 0..<300 { world.submit([n], at: n.asInt64 * 10_000_000) }
    world.run()
    #expect(world.stored.count == 300 && world.stored.values.allSatisfy { $0 == 1 })
    let probes = world.requests.filter { $0.at > 2 * second && $0.at < 9 * second }
    #expect(probes.count < 12, "\(probes.count) requests in 7 s of outage")
    #expect(world.finished == 300 && world.memoryBytes == 0)
  }

  @Test("the first success wakes everything that the outage put aside")
  func wokenBySuccess() throws {
    var policy = DeliveryPolicy()
    policy.fixedWindow = 8
    let world = try SimulatedWorld(
      policy: policy,
      servers: [
        { now, items, _ in
          now < 20 * second ? .failure("refused") : SimulatedServer.takesAll(items)
        }
      ])
    for n in 0..<8 { world.submit([n], at: 0) }
    world.run()
    #expect(world.stored.count == 8)
    let good = world.requests.map(\.at).filter { $0 >= 20 * second }
    let first = try #require(good.min())
    #expect(good.allSatisfy { $0 - first < second / 2 }, "\(good.map { $0 - first })")
  }

  @Test("with a spool an outage acknowledges everything, and what was spooled goes out in order")
  func spooledOutage() throws {
    var policy = DeliveryPolicy()
    policy.fixedWindow = 1
    let world = try SimulatedWorld(
      policy: policy,
      servers: [
        { now, items, _ in
          now > second && now < 9 * second ? .failure("refused") : SimulatedServer.takesAll(items)
        }
      ])
    world.hasSpool = true
    for n in 0..<800 { world.submit([n], at: n.asInt64 * 10_000_000, padding: 100) }
    world.run(until: 8 * second + 900_000_000)
    #expect(world.finished == 800, "acknowledged while the server is away")
    #expect(world.memoryBytes < 10_000)
    world.run()
    #expect(world.stored.count == 800 && world.stored.values.allSatisfy { $0 == 1 })
    #expect(world.storedOrder == world.storedOrder.sorted())
    #expect(world.entries.isEmpty && world.memoryBytes == 0)
  }

  @Test("a day of outage in fast motion: the limit holds, what is shed is counted, probes are few")
  func longOutage() throws {
    let day = 24 * 3600 * second
    let world = try SimulatedWorld(servers: [
      { now, items, _ in now < day ? .failure("refused") : SimulatedServer.takesAll(items) }
    ])
    world.hasSpool = true
    world.spoolLimit = 200_000
    world.dropsOldest = true
    let count = 24 * 60
    for n in 0..<count { world.submit([n], at: n.asInt64 * 60 * second, padding: 1000) }
    world.run(until: day)
    #expect(world.spoolBytes <= 200_000)
    #expect(world.requests.count < 24 * 3600 / 14, "\(world.requests.count) requests in a day")
    #expect(world.memoryBytes < 200_000)
    world.run()
    #expect(world.stored.count + world.shed.count == count)
    #expect(Set(world.shed).isDisjoint(with: world.stored.keys))
    #expect(world.entries.isEmpty)
  }

  @Test("a full spool that blocks keeps what it could not take, and goes on when there is room")
  func fullSpool() throws {
    let world = try SimulatedWorld(servers: [
      { now, items, _ in
        now < 60 * second ? .failure("refused") : SimulatedServer.takesAll(items)
      }
    ])
    world.hasSpool = true
    world.spoolLimit = 5_000
    for n in 0..<40 { world.submit([n], at: n.asInt64 * 100_000_000, padding: 500) }
    world.run(until: 50 * second)
    #expect(world.finished == world.entries.count && world.finished < 40)
    world.run()
    #expect(world.stored.count == 40 && world.stored.values.allSatisfy { $0 == 1 })
    #expect(world.events.contains(.spoolFull))
    #expect(world.finished == 40 && world.entries.isEmpty && world.memoryBytes == 0)
  }

  @Test("where a failing server and an entry that cannot be read meet, it goes on by itself")
  func failedTake() throws {
    let world = try SimulatedWorld(servers: [
      { now, items, _ in
        now < 10 * second ? .failure("refused") : SimulatedServer.takesAll(items)
      }
    ])
    world.hasSpool = true
    world.takesThatFail = .max
    for n in 0..<20 { world.submit([n], at: n.asInt64 * 50_000_000) }
    world.run(until: 20 * second)
    #expect(world.entries.count == 20)
    let (wakes, begin) = (world.wakes, world.now)
    world.takesThatFail = 20
    world.run()
    #expect(world.stored.count == 20 && world.entries.isEmpty)
    let seconds = Int((world.now - begin) / second)
    #expect(world.wakes - wakes <= seconds + 30, "\(world.wakes - wakes) in \(seconds) s")
  }

  @Test("what can neither be stored at the end nor read again is counted as lost")
  func lostAtEnd() throws {
    func lost(_ isUnrepeatable: Bool, isOrdered: Bool, hasSpool: Bool) throws -> Int {
      var policy = DeliveryPolicy()
      policy.isOrdered = isOrdered
      let world = try SimulatedWorld(policy: policy, servers: [{ _, _, _ in .failure("refused") }])
      world.hasSpool = hasSpool
      world.isUnrepeatable = isUnrepeatable
      world.diskFails = true
      for n in 0..<20 { world.submit([2 * n, 2 * n + 1], at: n.asInt64 * 50_000_000) }
      world.run(until: 5 * second)
      world.engine?.beginDrain(at: world.now)
      world.abandon()
      world.run(until: 8 * second)
      world.engine?.leaveAll()
      #expect(world.engine?.parcelsInMemory == 0 && world.memoryBytes == 0)
      #expect(world.engine?.lostAtEnd == world.numbers[.lost] ?? 0)
      return world.numbers[.lost] ?? 0
    }
    for (isOrdered, hasSpool) in [(false, false), (false, true), (true, false), (true, true)] {
      #expect(try lost(true, isOrdered: isOrdered, hasSpool: hasSpool) == 40)
      #expect(try lost(false, isOrdered: isOrdered, hasSpool: hasSpool) == 0)
    }
  }

  @Test("a stop waits for a disk that gets on, within bounds, and not for one that does not")
  func patience() {
    /// The second at which a wait ends with so much left in each.
    func end(seconds: Int, most: Int, _ left: (Int) -> Int) -> Int? {
      var patience = Patience(seconds: seconds, most: most, at: 7)
      return (0..<100).first { !patience.lasts(left($0), at: $0.asInt64 * second + 7) }
    }
    #expect(end(seconds: 2, most: 10) { _ in 5 } == 2)
    #expect(end(seconds: 2, most: 10) { $0 == 0 ? 5 : 6 } == 2)
    #expect(end(seconds: 2, most: 10) { $0 < 4 ? 9 - $0 : 6 } == 5)
    #expect(end(seconds: 2, most: 10) { 500 - $0 } == 10)
    #expect(end(seconds: 2, most: 0) { 500 - $0 } == 2)
  }

  @Test("goes to another server of the list while one fails, and comes back to it")
  func failover() throws {
    let world = try SimulatedWorld(servers: [
      { now, items, _ in
        now < 20 * second ? .failure("refused") : SimulatedServer.takesAll(items)
      },
      { _, items, _ in SimulatedServer.takesAll(items) },
    ])
    for n in 0..<1000 { world.submit([n], at: n.asInt64 * 50_000_000) }
    world.run()
    #expect(world.stored.count == 1000 && world.stored.values.allSatisfy { $0 == 1 })
    #expect(world.requests.contains { $0.node == 0 && $0.at > 21 * second })
    #expect(world.events.contains(.recovered(node: 0)))
  }

  @Test("an output whose items replace each other has one request under way, and keeps the order")
  func ordered() throws {
    var policy = DeliveryPolicy()
    policy.isOrdered = true
    let world = try SimulatedWorld(
      seed: 9, policy: policy,
      servers: [
        { now, items, world in
          if world.random.below(5) == 0 { return .failure("reset") }
          let isBusy = world.random.below(4) == 0
          return SimulatedServer.each(items) { _ in isBusy ? .retry : .done }
        }
      ])
    for n in 0..<300 { world.submit([n], at: n.asInt64 * 5_000_000) }
    world.run()
    #expect(world.underWayPeak == 1)
    #expect(world.storedOrder == Array(0..<300))
  }

  @Test("where order counts a half that the spool refuses waits before the other half")
  func refusedHalf() throws {
    var policy = DeliveryPolicy()
    policy.isOrdered = true
    policy.memoryBytesMax = 2 * Payload.overheadBytes + 4_000
    let world = try SimulatedWorld(
      policy: policy,
      servers: [
        { _, items, _ in
          items.count > 5
            ? .reply(ReplyVerdict(.split, "413")) : SimulatedServer.takesAll(items)
        }
      ])
    world.hasSpool = true
    world.diskFails = true
    // The others come while the first one is under way, and are too much for the memory.
    for n in 0..<5 { world.submit(Array(n * 10..<n * 10 + 10), at: n.asInt64, padding: 100) }
    world.run()
    #expect(world.storedOrder == Array(0..<50))
    #expect(world.finished == 5 && world.memoryBytes == 0)
  }

  @Test("retry_limit gives items up to the dead letters with the last answer")
  func retryLimit() throws {
    var policy = DeliveryPolicy()
    policy.retryLimit = 2
    let world = try SimulatedWorld(
      policy: policy, servers: [{ _, _, _ in .failure("connection refused") }])
    world.submit([1, 2, 3], at: 0)
    world.run()
    #expect(world.requests.count == 3)
    #expect(Set(world.dead.keys) == [1, 2, 3])
    #expect(world.dead[2]?.reason == "connection refused")
    #expect(world.numbers[.givenUp] == 3)
    #expect(world.finished == 1 && world.memoryBytes == 0)
  }

  @Test("a body that is too large is halved until it fits; an item that never fits is dead")
  func split() throws {
    let world = try SimulatedWorld(servers: [
      { _, items, _ in
        items.count > 7 || items.contains(50)
          ? .reply(ReplyVerdict(.split, "413 too large")) : SimulatedServer.takesAll(items)
      }
    ])
    world.submit(Array(0..<100), at: 0)
    world.run()
    #expect(world.stored.count == 99 && world.stored.values.allSatisfy { $0 == 1 })
    #expect(Set(world.dead.keys) == [50])
    #expect(world.finished == 1 && world.memoryBytes == 0)
  }

  @Test("a duplicate in the first request that carried it is told apart from all others")
  func strangeDuplicates() throws {
    func isStrange(mayRepeat: Bool, failsFirst: Bool, hasSpool: Bool = false) throws -> Int? {
      let world = try SimulatedWorld(servers: [
        { now, items, _ in
          if failsFirst && now < second { return .failure("reset") }
          return SimulatedServer.each(items) { $0 == 1 ? .duplicate : .done }
        }
      ])
      world.mayRepeat = mayRepeat
      world.hasSpool = hasSpool
      world.submit([0, 1, 2], at: 0)
      world.run()
      #expect(world.numbers[.duplicates] == 1 && world.numbers[.delivered] == 3)
      #expect(world.finished == 1 && world.dead.isEmpty)
      let told = world.events.contains(.strangeDuplicates(items: 1))
      #expect(told == (world.numbers[.firstAttemptDuplicates] != nil))
      return world.numbers[.firstAttemptDuplicates]
    }
    #expect(try isStrange(mayRepeat: false, failsFirst: false) == 1)
    #expect(try isStrange(mayRepeat: false, failsFirst: true) == nil)
    #expect(try isStrange(mayRepeat: true, failsFirst: false) == nil)
    #expect(try isStrange(mayRepeat: false, failsFirst: true, hasSpool: true) == nil)
  }

  @Test("a server that denies us keeps the data and is asked again")
  func denied() throws {
    let world = try SimulatedWorld(servers: [
      { now, items, _ in
        now < 30 * second
          ? .reply(ReplyVerdict(.denied, "401")) : SimulatedServer.takesAll(items)
      }
    ])
    world.submit([1], at: 0)
    world.run()
    #expect(world.stored == [1: 1] && world.dead.isEmpty)
    #expect(world.events.contains(.denied(node: 0, message: "401")))
  }

  @Test("the window halves on an overload once, whatever comes of requests sent before")
  func window() {
    var window = DeliveryWindow(DeliveryPolicy())
    for _ in 0..<400 { window.succeeded() }
    #expect(window.limit == 16)
    window.overloaded(sentAt: 10, now: 20)
    window.overloaded(sentAt: 15, now: 21)
    #expect(window.limit == 8)
    window.overloaded(sentAt: 25, now: 30)
    #expect(window.limit == 4)
    for _ in 0..<10 { window.overloaded(sentAt: .max, now: 31) }
    #expect(window.limit == 1)
  }

  @Test("a stop during an outage writes all of memory to the spool")
  func stopDuringOutage() throws {
    let world = try SimulatedWorld(servers: [{ _, _, _ in .failure("refused") }])
    world.hasSpool = true
    world.diskFails = true
    for n in 0..<50 { world.submit([n], at: n.asInt64 * 1_000_000) }
    world.run(until: second)
    #expect(world.finished == 0)
    world.diskFails = false
    let engine = try #require(world.engine)
    engine.beginDrain(at: world.now)
    world.run(until: 9 * second)
    #expect(engine.parcelsInMemory == 0)
    #expect(world.finished == 50 && world.spoolItems == 50 && world.memoryBytes == 0)
  }

  @Test(
    "whatever servers and disks do, each item is stored, dead, shed or still held: none is lost",
    arguments: (0..<40).map { _ in UInt64.random(in: 1...1 << 40) })
  func conservation(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var policy = DeliveryPolicy()
    policy.isOrdered = random.below(6) == 0
    policy.fixedWindow = random.below(3) == 0 ? 1 + random.below(4) : nil
    policy.memoryBytesMax = 1 << (10 + random.below(8))
    policy.retryLimit = random.below(5) == 0 ? 3 : nil
    let calm = 40 * second
    let mischief = 2 + random.below(8)
    func server(_ now: Int64, _ items: [Int], _ world: SimulatedWorld) -> DeliveryOutcome {
      if now > calm || world.random.below(mischief) == 0 { return SimulatedServer.takesAll(items) }
      switch world.random.below(7) {
      case 0: return .failure("reset")
      case 1: return .reply(ReplyVerdict(.retry, "503"))
      case 2: return .reply(ReplyVerdict(.denied, "401"))
      case 3 where items.count > 1: return .reply(ReplyVerdict(.split, "413"))
      case 4: return SimulatedServer.each(items) { $0 % 97 == 0 ? .dead : .done }
      default:
        let part = 1 + world.random.below(4)
        return SimulatedServer.each(items) { $0 % 4 < part ? .retry : .done }
      }
    }
    let world = try SimulatedWorld(
      seed: seed, policy: policy,
      servers: Array(repeating: server, count: 1 + random.below(3)))
    world.hasSpool = random.below(2) == 0
    world.spoolLimit = random.below(3) == 0 ? 20_000 : .max
    world.dropsOldest = random.below(2) == 0
    var next = 0
    for n in 0..<120 {
      let count = 1 + random.below(40)
      world.submit(
        Array(next..<next + count), at: n.asInt64 * 200_000_000, padding: random.below(60))
      next += count
    }
    for step in 1...10 {
      world.diskFails = world.random.below(4) == 0
      world.lettersFail = world.random.below(3) == 0
      world.run(until: step.asInt64 * 5 * second)
    }
    world.diskFails = false
    world.lettersFail = false
    world.run()
    let all = Set(world.stored.keys).union(world.dead.keys).union(world.shed)
    #expect(all.count == next, "seed \(seed): \(next - all.count) of \(next) lost")
    #expect(world.stored.values.allSatisfy { $0 == 1 }, "seed \(seed)")
    #expect(world.finished == 120, "seed \(seed): \(world.finished) finished")
    #expect(world.entries.isEmpty && world.memoryBytes == 0, "seed \(seed)")
    #expect(world.engine?.parcelsInMemory == 0, "seed \(seed)")
  }
}
