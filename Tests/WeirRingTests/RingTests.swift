import Dispatch
import Glibc
import Synchronization
import Testing
import WeirRing
import WeirSystem
import WeirTestSupport

final class Owner {}

private func chunk(_ length: Int) -> SlotChunk {
  SlotChunk(stream: Owner(), generation: nil, position: 0, offset: 0, length: length)
}

@Suite("The ring")
struct RingTests {
  @Test("refuses a claim when full, without losing the sequence, and grants it after a release")
  func fullRing() throws {
    let ring = Ring(slotCount: 2, slotBytes: 4096, budget: MemoryBudget(limitBytes: 1 << 20))
    let first = try #require(ring.claim())
    let second = try #require(ring.claim())
    #expect(ring.claim() == nil)
    #expect(ring.publish(first) == 0)
    #expect(ring.publish(second) == 1)
    #expect(ring.claim() == nil)
    let taken = try #require(ring.peek())
    ring.advance()
    #expect(taken.sequence == 0)
    ring.release(taken)
    let third = try #require(ring.claim())
    #expect(ring.publish(third) == 2)
    #expect(ring.occupancy.refusedClaims == 2)
  }

  @Test("wakes a waiting input when a slot is free, and at once when one is free already")
  func waiting() throws {
    let ring = Ring(slotCount: 1, slotBytes: 4096, budget: MemoryBudget(limitBytes: 1 << 20))
    let wakes = Atomic<Int>(0)
    ring.whenFree(WakeSignal { wakes.wrappingAdd(1, ordering: .relaxed) })
    #expect(wakes.load(ordering: .relaxed) == 1)
    let slot = try #require(ring.claim())
    ring.whenFree(WakeSignal { wakes.wrappingAdd(1, ordering: .relaxed) })
    #expect(wakes.load(ordering: .relaxed) == 1)
    ring.abandon(slot)
    #expect(wakes.load(ordering: .relaxed) == 2)
  }

  @Test("behaves like a model under random claims, publishes, takes and releases")
  func model() {
    let seed = UInt64.random(in: 1...1 << 40)
    var random = SeededGenerator(seed: seed)
    let ring = Ring(slotCount: 5, slotBytes: 4096, budget: MemoryBudget(limitBytes: 1 << 20))
    var claimed: [Slot] = []
    var published: [Int] = []  // slot indexes, oldest first
    var held: [(slot: Slot, references: Int)] = []
    var nextPublish: UInt64 = 0
    var nextTake: UInt64 = 0
    for step in 0..<20_000 {
      switch random.next() % 5 {
      case 0:
        let slot = ring.claim()
        let busy = claimed.count + published.count + held.count
        #expect((slot != nil) == (busy < 5), "seed \(seed), step \(step)")
        if let slot { claimed.append(slot) }
      case 1 where !claimed.isEmpty:
        let slot = claimed.remove(at: Int(random.next() % UInt64(claimed.count)))
        slot.chunks.append(chunk(1))
        slot.length = 1
        #expect(ring.publish(slot) == nextPublish, "seed \(seed), step \(step)")
        nextPublish += 1
        published.append(slot.index)
      case 2:
        let slot = ring.peek()
        #expect(slot?.index == published.first, "seed \(seed), step \(step)")
        if let slot {
          #expect(slot.sequence == nextTake, "seed \(seed), step \(step)")
          ring.advance()
          published.removeFirst()
          nextTake += 1
          held.append((slot, 1))
        }
      case 3 where !held.isEmpty:
        let i = Int(random.next() % UInt64(held.count))
        if held[i].references < 3 {
          ring.retain(held[i].slot)
          held[i].references += 1
        }
      case 4 where !held.isEmpty:
        let i = Int(random.next() % UInt64(held.count))
        ring.release(held[i].slot)
        held[i].references -= 1
        if held[i].references == 0 {
          #expect(held[i].slot.isEmpty && held[i].slot.length == 0, "seed \(seed), step \(step)")
          held.remove(at: i)
        }
      default: break
      }
      #expect(ring.occupancy.used == claimed.count + published.count + held.count)
    }
  }

  @Test("hands every slot from several producers to several takers exactly once, in order")
  func concurrent() {
    let ring = Ring(slotCount: 4, slotBytes: 4096, budget: MemoryBudget(limitBytes: 1 << 20))
    let perProducer = 2_000
    let taken = Locked<[UInt64]>([])
    let taking = Locked(())
    // Queues of their own, because a pool of two threads would never start the takers.
    let group = DispatchGroup()
    for worker in 0..<5 {
      DispatchQueue(label: "ring.test.\(worker)").async(group: group) {
        if worker < 3 {
          for _ in 0..<perProducer {
            var slot = ring.claim()
            while slot == nil {
              sched_yield()
              slot = ring.claim()
            }
            guard let slot else { return }
            slot.base[0] = UInt8(worker)
            slot.length = 1
            slot.chunks.append(chunk(1))
            ring.publish(slot)
          }
        } else {
          while taken.withLock({ $0.count }) < 3 * perProducer {
            let slot = taking.withLock { _ -> Slot? in
              guard let slot = ring.peek() else { return nil }
              ring.advance()
              taken.withLock { $0.append(slot.sequence) }
              return slot
            }
            if let slot { ring.release(slot) } else { sched_yield() }
          }
        }
      }
    }
    group.wait()
    #expect(taken.withLock { $0 } == (0..<UInt64(3 * perProducer)).map { $0 })
    #expect(ring.occupancy.used == 0)
  }

  @Test("takes a jumbo segment from the budget and gives it back with the slot")
  func jumbo() throws {
    let budget = MemoryBudget(limitBytes: 64 << 10)
    let ring = Ring(slotCount: 2, slotBytes: 4096, budget: budget)
    let before = budget.usedBytes
    let slot = try #require(ring.claim())
    #expect(!slot.attachJumbo(bytes: 1 << 20, budget: budget))
    #expect(slot.capacity == 4096)
    #expect(slot.attachJumbo(bytes: 32 << 10, budget: budget))
    #expect(slot.capacity == 32 << 10)
    slot.base[slot.capacity - 1 + Slot.padBytes] = 7
    slot.length = slot.capacity
    slot.chunks.append(chunk(slot.capacity))
    ring.publish(slot)
    let taken = try #require(ring.peek())
    ring.advance()
    ring.release(taken)
    #expect(budget.usedBytes == before)
    #expect(budget.refusalCount == 1)
    #expect(taken.capacity == 4096)
  }
}
