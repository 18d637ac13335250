import Dispatch
import WeirSystem

/// Asks once for a call on a lane, from whatever thread, without allocating anything per request.
///
/// `arm` belongs to the lane; the signal that it hands out may be given by any thread and leads to
/// one call of the action on the lane, which disarms first.
final class LaneWake: @unchecked Sendable {
  private var isArmed = false
  private let action: () -> Void
  /// What others call; one for the life of the wake.
  private var signal = WakeSignal {}

  /// `action` runs on `queue`.
  init(on queue: DispatchQueue, _ action: @escaping () -> Void) {
    self.action = action
    let work = RepeatedWork(on: queue) { [weak self] in self?.fire() }
    // Keeps the work and not the wake: a gate may hold the signal when the input is gone.
    signal = WakeSignal { work.submit(keeping: work) }
  }

  private func fire() {
    isArmed = false
    action()
  }

  /// The signal to hand to whoever is waited for; nil while an earlier one is still out.
  func arm() -> WakeSignal? {
    if isArmed { return nil }
    isArmed = true
    return signal
  }
}
