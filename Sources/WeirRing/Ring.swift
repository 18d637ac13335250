import Glibc
import Synchronization
public import WeirSystem

/// The ring of slots between inputs and work lanes, in one mapping with a fixed budget.
///
/// The verbs are those of the LMAX Disruptor: an input *claims* a free slot, fills it and
/// *publishes* it, which gives it its sequence; work lanes take published slots in sequence order;
/// a slot is free again when its last reference is *released*. Claims are *gated*: without a free
/// slot an input does not read, and there is no queue behind the ring.
///
/// A sequence is given at publish and not at claim, because a quiet input keeps its slot for a
/// flush interval and must not hold up what a busy one has published meanwhile.
@safe public final class Ring: @unchecked Sendable {
  /// Slots in the ring.
  public let slotCount: Int
  /// Bytes of a slot's raw segment.
  public let slotBytes: Int
  /// The budget that the ring's memory counts against.
  public let budget: MemoryBudget
  private let slots: [Slot]
  private let mapping: UnsafeMutableRawPointer
  private let mappingBytes: Int
  private let state: Locked<State>
  private let observer = Locked<WakeSignal?>(nil)
  private let waiters = WakeList()
  private let claimRefusals = Atomic<Int>(0)

  private struct State {
    var free: [Int]
    var published: [Int]  // a circular queue of slot indexes; never more than slotCount
    var head: UInt64 = 0  // sequence of the next slot to take
    var tail: UInt64 = 0  // sequence of the next slot to publish
  }

  /// Makes the ring. Traps when the address space is refused: the host cannot run without.
  public init(slotCount: Int, slotBytes: Int, budget: MemoryBudget) {
    precondition(slotCount > 0 && slotBytes >= 4096, "a ring needs slots of at least a page")
    self.slotCount = slotCount
    self.slotBytes = slotBytes
    self.budget = budget
    let stride = (slotBytes + Slot.padBytes + 4095) & ~4095
    mappingBytes = stride * slotCount
    guard
      let base = unsafe mmap(
        nil, mappingBytes, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      unsafe base != MAP_FAILED
    else { preconditionFailure("the address space for the ring was refused") }
    unsafe mapping = base
    budget.force(mappingBytes)
    slots = (0..<slotCount).map {
      unsafe Slot(
        index: $0, base: (base + $0 * stride).assumingMemoryBound(to: UInt8.self),
        capacity: slotBytes)
    }
    state = Locked(
      State(
        free: Array((0..<slotCount).reversed()), published: Array(repeating: 0, count: slotCount)))
  }

  deinit {
    unsafe munmap(mapping, mappingBytes)
    budget.give(mappingBytes)
  }

  /// Called after each publish, by the publishing thread. Set once, before the first publish.
  public func observePublish(_ observer: @escaping @Sendable () -> Void) {
    self.observer.withLock { $0 = WakeSignal(observer) }
  }

  /// A free slot for the caller to fill, or nil when the ring is full.
  public func claim() -> Slot? {
    let index = state.withLock { $0.free.popLast() }
    guard let index else {
      claimRefusals.wrappingAdd(1, ordering: .relaxed)
      return nil
    }
    return slots[index]
  }

  /// Wakes once, on the releasing thread, when a slot is free; at once when one is already.
  public func whenFree(_ signal: WakeSignal) {
    let isFree = state.withLock { state -> Bool in
      // Under the lock of the free list: a slot that is freed from here on finds the waiter.
      if state.free.isEmpty { waiters.add(signal) }
      return !state.free.isEmpty
    }
    if isFree { signal.wake() }
  }

  /// Gives a claimed slot back unused.
  public func abandon(_ slot: Slot) {
    slot.clear(budget: budget)
    free(slot)
  }

  /// Hands a filled slot to the work lanes, with one reference, and returns its sequence.
  @discardableResult
  public func publish(_ slot: Slot) -> UInt64 {
    slot.references.store(1, ordering: .relaxed)
    let sequence = state.withLock { state in
      let sequence = state.tail
      slot.sequence = sequence
      state.published[Int(sequence % UInt64(slotCount))] = slot.index
      state.tail = sequence + 1
      return sequence
    }
    observer.withLock { $0 }?.wake()
    return sequence
  }

  /// Slots published so far: the sequence that the next one gets.
  public var publishedCount: UInt64 { state.withLock { $0.tail } }

  /// The next published slot in sequence order, left in place; nil when there is none.
  public func peek() -> Slot? {
    let index = state.withLock { state -> Int? in
      state.head == state.tail ? nil : state.published[Int(state.head % UInt64(slotCount))]
    }
    return index.map { slots[$0] }
  }

  /// Takes the slot that `peek` returned; its first reference is the caller's to release.
  public func advance() {
    state.withLock { state in
      precondition(state.head < state.tail, "advance beyond the last published slot")
      state.head += 1
    }
  }

  /// Adds a reference to a published slot.
  public func retain(_ slot: Slot) {
    slot.references.wrappingAdd(1, ordering: .relaxed)
  }

  /// Gives up a reference; the last one frees the slot and wakes those who wait to claim.
  public func release(_ slot: Slot) {
    // ORDERING: acquire-release, so that the next claimer sees no reader of the old bytes.
    let left = slot.references.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
    precondition(left >= 0, "a slot was released more often than retained")
    if left == 0 {
      slot.clear(budget: budget)
      free(slot)
    }
  }

  private func free(_ slot: Slot) {
    state.withLock { $0.free.append(slot.index) }
    waiters.wakeAll()
  }

  /// Slots that are not free, slots published and not yet taken, and refused claims so far.
  public var occupancy: (used: Int, waiting: Int, refusedClaims: Int) {
    let (free, waiting) = state.withLock { ($0.free.count, Int($0.tail - $0.head)) }
    return (slotCount - free, waiting, claimRefusals.load(ordering: .relaxed))
  }
}
