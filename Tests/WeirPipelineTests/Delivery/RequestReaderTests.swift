import Testing
import WeirDelivery
import WeirStage
import WeirSystem

@testable import WeirPipeline

/// An output whose replies say what their status means.
private final class StatusOutput: CarriedOutput {
  var target: CarriedTarget { CarriedTarget() }
  func openLane(_ lane: LaneContext) -> any OutputLane { FakeOutput.Lane() }
  func start() throws {}
  func openReply(status: Int, contentType: String, itemCount: Int) -> any CarriedReply {
    StatusReply(status: status)
  }
  func close() {}
}

private final class StatusReply: CarriedReply {
  let status: Int
  init(status: Int) { self.status = status }
  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool { true }
  func finish(isComplete: Bool) -> ReplyVerdict {
    switch status {
    case 413: ReplyVerdict(.split, "413")
    case 401: ReplyVerdict(.denied, "401")
    default: ReplyVerdict(.retry, "\(status)")
    }
  }
}

@Suite("Replies on their way to the engine")
struct RequestReaderTests {
  private func outcome(_ status: Int?, _ failure: HTTPFailure?) -> DeliveryOutcome? {
    let ended = Locked<DeliveryOutcome?>(nil)
    let box = Box(ended)
    let reader = RequestReader(StatusOutput(), itemCount: 2) { outcome in
      box.value.withLock { $0 = outcome }
    }
    if let status { reader.begin(status: status, contentType: "text/plain") }
    reader.end(failure)
    return box.value.withLock { $0 }
  }

  private final class Box: Sendable {
    let value: Locked<DeliveryOutcome?>
    init(_ value: consuming Locked<DeliveryOutcome?>) { self.value = value }
  }

  @Test("a status that has arrived wins over the reset behind it", arguments: [413, 401])
  func statusWins(status: Int) {
    guard case .reply(let verdict) = outcome(status, .broken("Connection reset by peer")) else {
      Issue.record("the reset won over \(status)")
      return
    }
    #expect(verdict.kind == (status == 413 ? .split : .denied))
  }

  @Test("without a status, or with one that says try again, the failure is what is told")
  func failureWins() {
    for status in [nil, 503] {
      guard case .failure(let text) = outcome(status, .broken("Connection reset by peer")) else {
        Issue.record("\(status ?? 0)")
        continue
      }
      #expect(text.contains("reset"))
    }
  }
}
