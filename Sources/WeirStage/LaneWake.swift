import Dispatch

/// Asks once for a call on a lane, from whatever thread, without allocating anything per request.
///
/// `arm` belongs to the lane; `signal` may be called by any thread and leads to one call of the
/// action on the lane, which disarms first.
final class LaneWake: @unchecked Sendable {
  private let queue: DispatchQueue
  private var item = DispatchWorkItem {}
  private var isArmed = false
  /// What others call; one closure for the life of the wake.
  private(set) var signal: @Sendable () -> Void = {}

  /// `action` runs on `queue`.
  init(on queue: DispatchQueue, _ action: @escaping () -> Void) {
    self.queue = queue
    item = DispatchWorkItem { [unowned self] in
      isArmed = false
      action()
    }
    // The signal keeps the wake: a gate may hold it when the input is gone.
    signal = { [self] in queue.async(execute: item) }
  }

  /// Hands `signal` to `request`, unless an earlier request is still open.
  func arm(_ request: (@escaping @Sendable () -> Void) -> Void) {
    guard !isArmed else { return }
    isArmed = true
    request(signal)
  }
}
