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

  /// Some server works, or is due for a try.
  var hasServer: Bool { nodes.contains { $0.isUp || isDue($0) } }

  /// The server for a request: a failing one that is due for a try (one request finds out), else
  /// one that works, in turn. What has failed before goes where it has not, and rather to one that
  /// works.
  func pickNode(for parcel: Parcel) -> Int? {
    let failed = parcel.failedNodes
    let isNew = failed.isEmpty && (parcel.attempts == 0 || parcel.isInSpool)
    if isNew, let due = dueNode(but: failed) { return due }
    return upNode(but: failed) ?? dueNode(but: failed) ?? upNode(but: []) ?? dueNode(but: [])
  }

  private func isDue(_ node: DeliveryNode) -> Bool {
    !node.isUp && !node.isProbing && node.retryAt <= now
  }

  private func dueNode(but failed: [Int]) -> Int? {
    nodes.indices.first { isDue(nodes[$0]) && !failed.contains($0) }
  }

  private func upNode(but failed: [Int]) -> Int? {
    for step in 0..<nodes.count {
      let index = (nextNode + step) % nodes.count
      if nodes[index].isUp, !failed.contains(index) {
        nextNode = index + 1
        return index
      }
    }
    return nil
  }

  /// A parcel has failed at a server: when it may go to another one at which it has not failed
  /// since its last try; nil when there is none, and this was a try.
  func turnElsewhere(of parcel: Parcel, after node: Int) -> Int64? {
    let isSecond = parcel.failedNodes.contains(node)
    if !isSecond { parcel.failedNodes.append(node) }
    let failed = parcel.failedNodes
    let turns = nodes.indices.filter { !failed.contains($0) }
      .map { nodes[$0].isUp ? now : max(now, nodes[$0].retryAt) }
    if isSecond || turns.isEmpty { parcel.failedNodes.removeAll() }
    return isSecond ? nil : turns.min()
  }

  var isFailing: Bool { !nodes.contains(where: \.isUp) }
}
