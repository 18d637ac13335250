import Synchronization
import WeirSystem

/// The credit of one output: how many bytes may be under way to it.
///
/// A stream that can reach an output takes credit before its bytes are read; what a payload takes
/// beyond that is taken when it is made. The credit comes back when the output has finished with
/// it. A closed gate stops exactly the streams that reach the
/// output, at the place where reading begins, and no other. Any thread.
public final class OutputGate: Sendable {
  /// Credit that a chunk takes beside its bytes: the ledger's ranges are shared by all outputs, and
  /// a blocked one must not fill them with many short chunks before its gate closes.
  public static let chunkBytes = 512

  /// Bytes that may be under way; one read, and the payloads of what was read, may overshoot.
  public let limitBytes: Int
  private let used = Atomic<Int>(0)
  private let waiters = Locked<[@Sendable () -> Void]>([])
  private let closings = Atomic<Int>(0)

  public init(limitBytes: Int) { self.limitBytes = limitBytes }

  /// Bytes under way.
  public var usedBytes: Int { used.load(ordering: .relaxed) }
  /// True when streams that reach the output may be read.
  public var isOpen: Bool { usedBytes < limitBytes }
  /// How often the gate has closed.
  public var closedCount: Int { closings.load(ordering: .relaxed) }

  /// Takes credit for bytes just read.
  public func take(_ bytes: Int) {
    let (old, new) = used.wrappingAdd(bytes, ordering: .relaxed)
    if old < limitBytes && new >= limitBytes { closings.wrappingAdd(1, ordering: .relaxed) }
  }

  /// Gives credit back; a gate that opens again wakes everybody who waits for it.
  public func give(_ bytes: Int) {
    guard bytes > 0 else { return }
    // ORDERING: acquire-release, so that a waiter added before the gate opened is seen here.
    let (_, new) = used.wrappingSubtract(bytes, ordering: .acquiringAndReleasing)
    precondition(new >= 0, "more credit given back than was taken")
    if new < limitBytes { wakeAll() }
  }

  /// Calls `wake` once when the gate is open; at once when it is already. Level-triggered: a wait
  /// begun after the gate opened is not lost.
  public func whenOpen(_ wake: @escaping @Sendable () -> Void) {
    waiters.withLock { $0.append(wake) }
    if isOpen { wakeAll() }
  }

  private func wakeAll() {
    // One at a time, so that the list keeps its memory; whoever waits anew meanwhile is not due.
    var due = waiters.withLock { $0.count }
    while due > 0, let wake = waiters.withLock({ $0.popLast() }) {
      wake()
      due -= 1
    }
  }
}
