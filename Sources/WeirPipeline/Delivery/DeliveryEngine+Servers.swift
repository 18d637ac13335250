/// Which server is asked, which one pauses.
extension DeliveryEngine {
  func fail(_ index: Int, _ parcel: Parcel, _ message: String, isDenied: Bool = false) {
    ports.count(.failedRequests, 1)
    window.overloaded(sentAt: parcel.sentAt, now: now)
    let wasProbing = nodes[index].isProbing
    nodes[index].isProbing = false
    // What was sent before it began to fail tells nothing new.
    guard nodes[index].isUp || wasProbing || parcel.sentAt > nodes[index].failedAt else { return }
    nodes[index].failures += 1
    nodes[index].failedAt = now
    let pause = isStopping ? 200_000_000 : ports.random(in: policy.pause(nodes[index].failures))
    nodes[index].retryAt = now + pause
    ports.tell(
      isDenied
        ? .denied(node: index, message: message)
        : .failing(node: index, message: message, failures: nodes[index].failures))
  }

  func recover(_ index: Int) {
    nodes[index].isProbing = false
    guard !nodes[index].isUp else { return }
    nodes[index].failures = 0
    // The first success wakes what the outage put aside; what fails for ever keeps its pause.
    for parcel in delayed where parcel.attempts <= DeliveryEngine.wokenAttemptsMax {
      parcel.notBefore = now
    }
    resumeAt = .min
    ports.tell(.recovered(node: index))
  }

  /// The server for the next request: a failing one that is due for a try (one request finds out),
  /// else one that works, in turn.
  func pickNode() -> Int? {
    if let due = nodes.firstIndex(where: { !$0.isUp && !$0.isProbing && $0.retryAt <= now }) {
      return due
    }
    for step in 0..<nodes.count {
      let index = (nextNode + step) % nodes.count
      if nodes[index].isUp {
        nextNode = index + 1
        return index
      }
    }
    return nil
  }

  var isFailing: Bool { !nodes.contains(where: \.isUp) }
}
