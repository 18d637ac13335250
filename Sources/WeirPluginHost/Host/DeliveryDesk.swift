import CWeirPlugin
import Dispatch
import Glibc
import WeirSystem

/// Where deferred answers of an output arrive, and calls to wake it. Any thread.
final class DeliveryDesk: @unchecked Sendable {
  private struct State {
    var ticket: UInt64 = 0
    var isOpen = false
    var answer: Int32?
  }
  private let state = Locked(State())
  private let signal = DispatchSemaphore(value: 0)

  /// Makes the ticket of the next delivery; older ones are void.
  func open() -> UInt64 {
    state.withLock { state in
      state.ticket += 1
      state.isOpen = true
      state.answer = nil
      return state.ticket
    }
  }

  /// Takes the answer to a ticket; false when nobody waits for it.
  func answer(_ ticket: UInt64, _ result: Int32) -> Bool {
    let isTaken = state.withLock { state in
      guard state.isOpen, state.ticket == ticket, state.answer == nil else { return false }
      state.answer = result
      return true
    }
    if isTaken { signal.signal() }
    return isTaken
  }

  /// Waits for the answer; nil when it does not come in time.
  func wait(seconds: Int) -> Int32? {
    let deadline = DispatchTime.now() + .seconds(seconds)
    while true {
      let answer = state.withLock { state -> Int32? in
        if state.answer != nil { state.isOpen = false }
        return state.answer
      }
      if let answer { return answer }
      if signal.wait(timeout: deadline) == .timedOut {
        state.withLock { $0.isOpen = false }
        return nil
      }
    }
  }

  /// Ends a pause early.
  func wake() { signal.signal() }

  /// Pauses until `wake`, or so many milliseconds.
  func pause(milliseconds: Int) { _ = signal.wait(timeout: .now() + .milliseconds(milliseconds)) }
}
