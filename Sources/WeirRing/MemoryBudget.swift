import Synchronization

/// One ceiling for everything that holds log data: ring, jumbo segments, carried fragments,
/// payloads. Any thread.
public final class MemoryBudget: Sendable {
  /// The ceiling, in bytes.
  public let limitBytes: Int
  private let used = Atomic<Int>(0)
  private let peak = Atomic<Int>(0)
  private let refusals = Atomic<Int>(0)

  public init(limitBytes: Int) { self.limitBytes = limitBytes }

  /// Bytes taken now.
  public var usedBytes: Int { used.load(ordering: .relaxed) }
  /// The most bytes that were taken at once.
  public var peakBytes: Int { peak.load(ordering: .relaxed) }
  /// How often a taker was refused.
  public var refusalCount: Int { refusals.load(ordering: .relaxed) }

  /// Takes bytes if they fit under the ceiling.
  public func take(_ bytes: Int) -> Bool {
    let now = used.wrappingAdd(bytes, ordering: .relaxed).newValue
    if now > limitBytes {
      used.wrappingSubtract(bytes, ordering: .relaxed)
      refusals.wrappingAdd(1, ordering: .relaxed)
      return false
    }
    notePeak(now)
    return true
  }

  /// Takes bytes even beyond the ceiling: for the reserve that lets published slots finish.
  public func force(_ bytes: Int) {
    notePeak(used.wrappingAdd(bytes, ordering: .relaxed).newValue)
  }

  /// Gives bytes back.
  public func give(_ bytes: Int) {
    let left = used.wrappingSubtract(bytes, ordering: .relaxed).newValue
    precondition(left >= 0, "more memory given back than was taken")
  }

  private func notePeak(_ now: Int) {
    if now > peak.load(ordering: .relaxed) { peak.store(now, ordering: .relaxed) }
  }
}
