import WeirSystem

/// Generations whose committed position moved and is not stored yet: what a checkpoint store
/// writes next. Any thread.
///
/// Nothing polls: the list wakes its owner when it stops being empty.
public final class DirtyList: Sendable {
  private let generations = Locked<[Generation]>([])
  private let wake: @Sendable () -> Void

  /// - Parameter wake: called, under the ledger's lock, when the list stops being empty.
  public init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

  func add(_ generation: Generation) {
    let isFirst = generations.withLock { list in
      list.append(generation)
      return list.count == 1
    }
    if isFirst { wake() }
  }

  /// The generations since the last call, each with the position it has now.
  public func take() -> [(Generation, UInt64)] {
    let taken = generations.withLock { list in
      let all = list
      list.removeAll(keepingCapacity: true)
      return all
    }
    return taken.map { ($0, $0.takeDirty()) }
  }
}
