import WeirSystem

/// A stretch of one generation that some outputs have not finished with; valid until its last
/// owner releases it.
public struct RangeID: Equatable, Sendable {
  let index: Int32
  /// Of inputs without positions: nothing to commit.
  public static let none = RangeID(index: -1)
  public var isNone: Bool { index < 0 }
  /// The form in which a batch's source carries it.
  public var packed: UInt32 { UInt32(bitPattern: index) }
  public init(packed: UInt32) { index = Int32(bitPattern: packed) }
  init(index: Int32) { self.index = index }
}

/// The ack ledger: per generation a queue of byte ranges, each with a count of owners; only the
/// finished prefix is committed, whatever order batches and outputs finish in. Any thread.
///
/// An owner is whoever still works on records of the range: the lane that processes the batch,
/// each payload that holds a record of it, a stream that carries an open fragment of it. Finished
/// ranges behind a hole are merged, so that a blocked output costs the streams of others nothing.
public final class Ledger: @unchecked Sendable {
  private struct Range {
    var owners: Int32 = 0
    var next: Int32 = -1  // in the generation's queue, or in the free list
    var previous: Int32 = -1  // in the generation's queue
    var chain: Int32 = -1  // first of the ranges released when this one finishes
    var chainNext: Int32 = -1
    var end: UInt64 = 0
    var mayRepeat = false
    // SAFETY: retained while the range is in its generation's queue; released as it leaves.
    var generation: Unmanaged<Generation>?
  }

  private struct State {
    var ranges: [Range] = []
    var free: Int32 = -1
    var open = 0
    var dirty: [Generation] = []
  }

  /// Ranges that may be open at once; more means that streams are not read.
  public static let openMax = 65_536
  private let state = Locked(State())

  public init() {
    state.withLock { $0.ranges.reserveCapacity(4_096) }
  }

  /// Ranges open now.
  public var openCount: Int { state.withLock { $0.open } }
  /// True when no further range should be begun.
  public var isFull: Bool { openCount >= Ledger.openMax }

  /// Begins a range at `end`, which `extend` moves, with one owner. Ranges of a generation are
  /// begun in order.
  public func begin(_ generation: Generation, end: UInt64) -> RangeID {
    state.withLock { state in
      let index: Int32
      if state.free >= 0 {
        index = state.free
        state.free = state.ranges[Int(index)].next
      } else {
        index = Int32(state.ranges.count)
        state.ranges.append(Range())
      }
      // SAFETY: the queue holds its generation until the range has left it.
      state.ranges[Int(index)] = Range(
        owners: 1, end: end, mayRepeat: end < generation.repeatsBefore,
        generation: Unmanaged.passRetained(generation))
      if generation.lastRange >= 0 {
        state.ranges[Int(generation.lastRange)].next = index
        state.ranges[Int(index)].previous = generation.lastRange
      } else {
        generation.firstRange = index
      }
      generation.lastRange = index
      state.open += 1
      return RangeID(index: index)
    }
  }

  /// Moves the end of a range that was just begun, once it is known how far the scan came.
  public func extend(_ range: RangeID, to end: UInt64) {
    guard !range.isNone else { return }
    state.withLock { $0.ranges[Int(range.index)].end = end }
  }

  /// Whether records of some owned ranges may have been delivered before this process began: they
  /// lie behind the stored position of a file that an earlier one has read.
  public func mayRepeat(_ ranges: [RangeID]) -> Bool {
    state.withLock { state in
      ranges.contains { !$0.isNone && state.ranges[Int($0.index)].mayRepeat }
    }
  }

  /// Adds an owner to each range of a list.
  public func retain(_ ranges: [RangeID]) {
    state.withLock { state in
      for range in ranges where !range.isNone { state.ranges[Int(range.index)].owners += 1 }
    }
  }

  /// Takes an owner away from each range of a list.
  public func release(_ ranges: [RangeID]) {
    state.withLock { state in
      for range in ranges where !range.isNone { release(range.index, &state) }
    }
  }

  /// Adds an owner.
  public func retain(_ range: RangeID) {
    guard !range.isNone else { return }
    state.withLock { $0.ranges[Int(range.index)].owners += 1 }
  }

  /// Takes an owner away; the last one finishes the range.
  public func release(_ range: RangeID) {
    guard !range.isNone else { return }
    state.withLock { release(range.index, &$0) }
  }

  /// Passes one ownership of `range` on to `later`: it is released when `later` finishes. For
  /// fragments that were carried into a record of a later range.
  public func chain(_ range: RangeID, behind later: RangeID) {
    guard !range.isNone else { return }
    if later.isNone || later == range { return release(range) }
    state.withLock { state in
      // The link belongs to an extra node, because a range may be carried by several groups.
      let link = node(&state)
      state.ranges[Int(link)].end = UInt64(range.index)
      state.ranges[Int(link)].chainNext = state.ranges[Int(later.index)].chain
      state.ranges[Int(later.index)].chain = link
    }
  }

  private func node(_ state: inout State) -> Int32 {
    if state.free >= 0 {
      let index = state.free
      state.free = state.ranges[Int(index)].next
      state.ranges[Int(index)] = Range()
      return index
    }
    state.ranges.append(Range())
    return Int32(state.ranges.count - 1)
  }

  private func release(_ index: Int32, _ state: inout State) {
    var pending = index
    var links: [Int32] = []  // allocates only when fragments were carried
    while true {
      state.ranges[Int(pending)].owners -= 1
      let owners = state.ranges[Int(pending)].owners
      precondition(owners >= 0, "a range was released more often than owned")
      if owners == 0 {
        var link = state.ranges[Int(pending)].chain
        state.ranges[Int(pending)].chain = -1
        while link >= 0 {
          let next = state.ranges[Int(link)].chainNext
          links.append(Int32(state.ranges[Int(link)].end))
          state.ranges[Int(link)].next = state.free
          state.free = link
          link = next
        }
        advance(pending, &state)
      }
      guard let next = links.popLast() else { return }
      pending = next
    }
  }

  /// Commits the finished prefix of the generation that the range is of.
  private func advance(_ index: Int32, _ state: inout State) {
    guard let reference = state.ranges[Int(index)].generation else { return }
    let generation = reference.takeUnretainedValue()
    var first = generation.firstRange
    var position: UInt64?
    while first >= 0, state.ranges[Int(first)].owners == 0 {
      position = state.ranges[Int(first)].end
      let next = state.ranges[Int(first)].next
      state.ranges[Int(first)].generation = nil
      state.ranges[Int(first)].next = state.free
      state.free = first
      state.open -= 1
      first = next
      // Balances the retain of `begin`; the next range of the queue still holds another.
      if next >= 0 {
        state.ranges[Int(next)].previous = -1
        reference.release()
      }
    }
    generation.firstRange = first
    if let position {
      if generation.commit(position) {
        if let list = generation.dirtyList {
          list.add(generation)
        } else {
          state.dirty.append(generation)
        }
      }
      if first < 0 {
        generation.lastRange = -1
        reference.release()
      }
    } else {
      merge(index, generation, &state)
    }
  }

  /// Joins a finished range behind a hole with finished neighbours.
  private func merge(_ index: Int32, _ generation: Generation, _ state: inout State) {
    let next = state.ranges[Int(index)].next
    if next >= 0, state.ranges[Int(next)].owners == 0 {
      absorb(next, into: index, generation, &state)
    }
    let previous = state.ranges[Int(index)].previous
    if previous >= 0, state.ranges[Int(previous)].owners == 0 {
      absorb(index, into: previous, generation, &state)
    }
  }

  private func absorb(
    _ index: Int32, into kept: Int32, _ generation: Generation, _ state: inout State
  ) {
    let after = state.ranges[Int(index)].next
    state.ranges[Int(kept)].end = state.ranges[Int(index)].end
    state.ranges[Int(kept)].next = after
    if after >= 0 { state.ranges[Int(after)].previous = kept } else { generation.lastRange = kept }
    state.ranges[Int(index)].generation?.release()
    state.ranges[Int(index)].generation = nil
    state.ranges[Int(index)].next = state.free
    state.free = index
    state.open -= 1
  }

  /// Generations without a `DirtyList` whose committed position moved since the last call, with
  /// that position.
  public func takeDirty() -> [(Generation, UInt64)] {
    let generations = state.withLock { state -> [Generation] in
      let dirty = state.dirty
      state.dirty.removeAll(keepingCapacity: true)
      return dirty
    }
    return generations.map { ($0, $0.takeDirty()) }
  }
}
