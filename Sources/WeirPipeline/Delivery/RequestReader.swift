import WeirDelivery
import WeirStage

/// Hands one request's reply from the transport to the output, and its verdict to the runner.
/// Lives on the transport's thread.
final class RequestReader: HTTPReplyReader, @unchecked Sendable {
  // SAFETY: unchecked because of the variables: the transport's calls never overlap.
  private let output: any CarriedOutput
  private let itemCount: Int
  private let done: @Sendable (DeliveryOutcome) -> Void
  private var reply: (any CarriedReply)?
  private var isSatisfied = false
  private var status = 0

  /// `done` is called exactly once, on the transport's thread.
  init(
    _ output: any CarriedOutput, itemCount: Int,
    _ done: @escaping @Sendable (DeliveryOutcome) -> Void
  ) {
    self.output = output
    self.itemCount = itemCount
    self.done = done
  }

  func begin(status: Int, contentType: String) {
    self.status = status
    reply = output.openReply(status: status, contentType: contentType, itemCount: itemCount)
  }

  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let reply else { return false }
    if !reply.receive(bytes) { isSatisfied = true }
    return !isSatisfied
  }

  func end(_ failure: HTTPFailure?) {
    guard let reply else {
      done(failure == .cancelled ? .cancelled : .failure(failure?.description ?? "no answer"))
      return
    }
    self.reply = nil
    var verdict = reply.finish(isComplete: failure == nil)
    verdict.status = status
    // What a reply says before it breaks off counts: those items are stored.
    if let failure, !isSatisfied, verdict.kind == .retry {
      done(failure == .cancelled ? .cancelled : .failure(failure.description))
    } else {
      done(.reply(verdict))
    }
  }
}
