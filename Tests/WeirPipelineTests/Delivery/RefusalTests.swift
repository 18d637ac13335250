import Testing
import WeirStage

@testable import WeirPipeline

private let second: Int64 = 1_000_000_000

@Suite("Items that are refused")
struct RefusalTests {
  private func refusals(_ world: SimulatedWorld) -> [(items: Int, message: String)] {
    world.events.compactMap {
      if case .itemsRefused(_, let items, let message) = $0 { (items, message) } else { nil }
    }
  }

  @Test("for now are told of while it goes on, and that it is over once none is left")
  func told() throws {
    let world = try SimulatedWorld(servers: [
      { now, items, _ in
        SimulatedServer.each(items) { now < 20 * second && $0 % 2 == 0 ? .retry : .done }
      }
    ])
    for n in 0..<100 { world.submit([2 * n, 2 * n + 1], at: n.asInt64 * 100_000_000) }
    world.run()
    let told = refusals(world)
    #expect(told.allSatisfy { $0.message == "429 some_exception in some_exception: it is so" })
    #expect(told.reduce(0) { $0 + $1.items } >= 100)
    #expect(world.events.filter { $0 == .itemsTaken(node: 0) }.count == 1)
    #expect(world.events.last == .itemsTaken(node: 0))
    #expect(world.stored.count == 200)
  }

  @Test("without a word about an item say that, too")
  func silent() throws {
    let world = try SimulatedWorld(servers: [
      { now, items, _ in
        now < second
          ? .reply(ReplyVerdict(.items, outcomes: ItemOutcomes(itemCount: items.count)))
          : SimulatedServer.takesAll(items)
      }
    ])
    world.submit([1], at: 0)
    world.run()
    #expect(refusals(world).first?.message == "the reply does not say what became of them")
    #expect(world.stored == [1: 1])
  }

  @Test("too often become letters with the last status and index of each")
  func givenUp() throws {
    var policy = DeliveryPolicy()
    policy.retryLimit = 1
    for isAll in [false, true] {
      let world = try SimulatedWorld(
        policy: policy,
        servers: [
          { _, items, _ in
            SimulatedServer.each(items) { isAll || $0 % 2 == 0 ? .retry : .done }
          }
        ])
      world.submit(Array(0..<10), at: 0)
      world.run()
      #expect(world.dead.count == (isAll ? 10 : 5))
      for letter in world.dead.values {
        #expect(letter.status == 429 && letter.place == "some_exception")
        #expect(letter.type == "retry_limit" && letter.reason == "some_exception: it is so")
      }
      #expect(world.numbers[.givenUp] == world.dead.count && world.numbers[.retries] == 1)
      #expect(world.finished == 1 && world.memoryBytes == 0)
    }
  }

  @Test("as a whole become letters with the status of the reply", arguments: [413, 400, 503])
  func whole(status: Int) throws {
    var policy = DeliveryPolicy()
    policy.retryLimit = 1
    let kind: ReplyVerdict.Kind = status == 413 ? .split : status == 400 ? .dead : .retry
    let world = try SimulatedWorld(
      policy: policy,
      servers: [
        { _, _, _ in
          var verdict = ReplyVerdict(kind, "no")
          verdict.status = status
          return .reply(verdict)
        }
      ])
    world.submit([1, 2], at: 0)
    world.run()
    #expect(world.dead.count == 2 && world.dead.values.allSatisfy { $0.status == status })
    let type = status == 503 ? "retry_limit" : "request_refused"
    #expect(world.dead.values.allSatisfy { $0.type == type && $0.reason == "no" })
  }
}
