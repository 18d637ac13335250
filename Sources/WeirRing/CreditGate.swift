import Synchronization
public import WeirSystem

/// A bound on bytes under way, that stops who brings more of them and nobody else. Any thread.
///
/// Credit is taken when bytes are read, and comes back when somebody has finished with them. A gate
/// without credit is closed; whoever waits for it is woken when it opens. Outputs have one each
/// (what is under way to them), and so has an input with a share of its own.
public final class CreditGate: Sendable {
  /// Bytes that may be under way; one read, and the payloads of what was read, may overshoot.
  public let limitBytes: Int
  /// Whoever brings more does not wait for it: the oldest of what is under way is dropped instead.
  public let dropsOldest: Bool
  private let used = Atomic<Int>(0)
  private let waiters = WakeList()
  private let closings = Atomic<Int>(0)

  /// An open gate.
  public init(limitBytes: Int, dropsOldest: Bool = false) {
    self.limitBytes = limitBytes
    self.dropsOldest = dropsOldest
  }

  /// Bytes under way.
  public var usedBytes: Int { used.load(ordering: .relaxed) }
  /// True when more may be read.
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
    if new < limitBytes { waiters.wakeAll() }
  }

  /// Wakes once when the gate is open; at once when it is already. Level-triggered: a wait begun
  /// after the gate opened is not lost.
  public func whenOpen(_ signal: WakeSignal) {
    waiters.add(signal)
    if isOpen { waiters.wakeAll() }
  }
}
