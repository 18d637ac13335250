/// A call that others make when work may go on. An object rather than a closure: keeping it in a
/// list and handing it around allocates nothing. Any thread.
public final class WakeSignal: Sendable {
  private let action: @Sendable () -> Void

  /// `action` may run on any thread, and has to be quick.
  public init(_ action: @escaping @Sendable () -> Void) { self.action = action }

  /// Makes the call.
  public func wake() { action() }
}

/// Who waits for something, each to be woken once. Any thread.
public final class WakeList: Sendable {
  private let waiters = Locked<[WakeSignal]>([])

  /// An empty list.
  public init() {}

  /// Adds a waiter.
  public func add(_ signal: WakeSignal) { waiters.withLock { $0.append(signal) } }

  /// Wakes everybody who is on the list now; whoever comes meanwhile waits for the next time.
  public func wakeAll() {
    // One at a time, so that the list keeps its memory.
    var due = waiters.withLock { $0.count }
    while due > 0, let signal = waiters.withLock({ $0.popLast() }) {
      signal.wake()
      due -= 1
    }
  }
}
