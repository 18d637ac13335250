import Synchronization
import WeirStage
import WeirSystem

/// The empty payloads of one output. Any thread.
///
/// A new one begins with what the last one used took: growing to the size of a steady stream's
/// batches step by step would copy each of its first batches several times.
final class PayloadPool: Sendable {
  /// Payloads that wait here at most; more are freed.
  static let countMax = 8
  private static let capacityMin = 16 << 10

  private let payloads = Locked<[Payload]>([])
  private let usualLength = Atomic<Int>(0)

  /// An empty payload.
  func take() -> Payload {
    if let payload = payloads.withLock({ $0.popLast() }) { return payload }
    let usual = usualLength.load(ordering: .relaxed)
    return Payload(capacity: max(Self.capacityMin, min(usual + usual / 8, Payload.keptBytes)))
  }

  /// Empties a payload and keeps it for the next batch.
  func give(_ payload: Payload) {
    if payload.length > 0 { usualLength.store(payload.length, ordering: .relaxed) }
    payload.reset()
    payloads.withLock { if $0.count < Self.countMax { $0.append(payload) } }
  }
}
