import Dispatch
import WeirSystem

/// Asks once for a call on a lane, from whatever thread, without allocating anything per request.
///
/// `arm` belongs to the lane; the signal that it hands out may be given by any thread and leads to
/// one call of the action on the lane, which disarms first.
final class LaneWake: @unchecked Sendable {
  private var isArmed = false
  private let action: () -> Void
  /// What others call; one closure for the life of the wake.
  private var signal: @Sendable () -> Void = {}

  /// `action` runs on `queue`.
  init(on queue: DispatchQueue, _ action: @escaping () -> Void) {
    self.action = action
    let work = RepeatedWork(on: queue) { [weak self] in self?.fire() }
    // Keeps the work and not the wake: a gate may hold the signal when the input is gone.
    signal = { work.submit(keeping: work) }
  }

  private func fire() {
    isArmed = false
    action()
  }

  /// Hands the signal to `request`, unless an earlier request is still open.
  func arm(_ request: (@escaping @Sendable () -> Void) -> Void) {
    guard !isArmed else { return }
    isArmed = true
    request(signal)
  }
}
