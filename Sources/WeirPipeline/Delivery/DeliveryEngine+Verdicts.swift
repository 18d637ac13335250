import WeirStage

/// What a reply means for its parcel: items are done, dead, or go again.
extension DeliveryEngine {
  func judge(_ parcel: Parcel, _ node: Int, _ verdict: ReplyVerdict) {
    switch verdict.kind {
    case .items:
      settle(parcel, node, verdict)
    case .retry:
      fail(node, parcel, verdict.message)
      retryWhole(parcel, node, verdict.message, verdict.status)
    case .denied:
      fail(node, parcel, verdict.message, isDenied: true)
      retryWhole(parcel, node, verdict.message, verdict.status)
    case .split:
      recover(node)
      split(parcel, verdict.message, verdict.status)
    case .dead:
      recover(node)
      giveUp(parcel, verdict.message, type: "request_refused", status: verdict.status)
    }
  }

  private func settle(_ parcel: Parcel, _ node: Int, _ verdict: ReplyVerdict) {
    let outcomes = verdict.outcomes
    var again: [Int] = []
    var dead: [DeadItem] = []
    var storedBytes = 0
    var stored = 0
    for i in 0..<parcel.itemCount {
      switch i < outcomes.count ? outcomes[i] : .retry {
      case .done, .duplicate:
        stored += 1
        storedBytes += parcel.itemBytes(i)
      case .retry: again.append(i)
      case .dead: dead.append(DeadItem(item: i, status: 0, type: "", reason: "", place: ""))
      }
    }
    ports.count(.delivered, stored)
    ports.count(.deliveredBytes, storedBytes)
    parcel.consignment.delivered += stored
    countDuplicates(outcomes.count(of: .duplicate), of: parcel)
    let message = describe(&dead, outcomes)
    if again.isEmpty {
      window.succeeded()
    } else {
      window.overloaded(sentAt: parcel.sentAt, now: now)
    }
    recover(node)
    let goesOn = again.isEmpty || mayRetry(parcel.attempts + 1, again.count, message)
    noteRefusals(goesOn ? again.count : 0, node, message)
    // None of it was taken: it goes on as it is, in the spool too.
    if !again.isEmpty, again.count == parcel.itemCount, goesOn {
      parcel.isRefused = true
      tryAgain(parcel, parcel.attempts + 1)
      return keep(parcel)
    }
    if !dead.isEmpty { bury(dead, of: parcel) }
    if !goesOn { bury(givenUp(again, verdict), of: parcel) }
    let rest = again.isEmpty || !goesOn ? nil : self.rest(of: parcel, again)
    finishPart(of: parcel)
    if let rest { keep(rest) }
  }

  /// Items that a server has no room for are told of as long as it goes on, and that it is over.
  private func noteRefusals(_ items: Int, _ node: Int, _ message: String) {
    if items > 0 {
      isRefusing = true
      ports.tell(
        .itemsRefused(
          node: node, items: items,
          message: message.isEmpty ? "the reply does not say what became of them" : message))
    } else if isRefusing, !hasRefused {
      isRefusing = false
      ports.tell(.itemsTaken(node: node))
    }
  }

  /// Items whose retries are used up, with what the server said of each in the end.
  private func givenUp(_ items: [Int], _ verdict: ReplyVerdict) -> [DeadItem] {
    var dead = items.map {
      DeadItem(
        item: $0, status: verdict.status, type: "retry_limit",
        reason: "the reply does not say what became of it", place: "")
    }
    _ = describe(&dead, verdict.outcomes) { detail in
      DeadItem(
        item: detail.item, status: detail.status, type: "retry_limit",
        reason: "\(detail.type): \(detail.reason)", place: detail.place)
    }
    return dead
  }

  /// What the server had already: as good as stored, and no wonder after a retry or a restart. In
  /// the first request that ever carried an item it is one.
  private func countDuplicates(_ items: Int, of parcel: Parcel) {
    guard items > 0 else { return }
    ports.count(.duplicates, items)
    guard parcel.attempts == 0, parcel.failedNodes.isEmpty, !parcel.consignment.mayRepeat else {
      return
    }
    ports.count(.firstAttemptDuplicates, items)
    ports.tell(.strangeDuplicates(items: items))
  }

  /// Fills in what the server said of items; returns what it said first of one to retry.
  private func describe(
    _ dead: inout [DeadItem], _ outcomes: ItemOutcomes,
    _ make: (ItemDetail) -> DeadItem = DeadItem.init
  ) -> String {
    var message = ""
    var next = 0
    for index in 0..<outcomes.detailCount {
      let detail = outcomes.detail(at: index)
      if message.isEmpty, outcomes[detail.item] == .retry {
        message = "\(detail.status) \(detail.type) in \(detail.place): \(detail.reason)"
      }
      while next < dead.count, dead[next].item < detail.item { next += 1 }
      guard next < dead.count, dead[next].item == detail.item else { continue }
      dead[next] = make(detail)
    }
    return message
  }

  /// A new parcel with the items that the server had no room for, and its pause; nil when it cannot
  /// be made.
  private func rest(of parcel: Parcel, _ items: [Int]) -> Parcel? {
    guard let rest = ports.cut(parcel, keeping: items) else {
      ports.count(.lost, items.count)
      return nil
    }
    rest.consignment.openParts += 1
    rest.isRefused = true
    tryAgain(rest, parcel.attempts + 1)
    return rest
  }

  /// A request has failed as a whole at a server: the next try goes to another one, at once if that
  /// works, and counts for `retry_limit` only when it has failed at all of them.
  func retryWhole(_ parcel: Parcel, _ node: Int, _ message: String, _ status: Int = 0) {
    if let turn = turnElsewhere(of: parcel, after: node) {
      ports.count(.retries, 1)
      parcel.notBefore = turn
      if policy.isOrdered || turn <= now { putBack(parcel) } else { delay(parcel) }
      return
    }
    guard mayRetry(parcel.attempts + 1, parcel.itemCount, message) else {
      return giveUp(parcel, message, type: "retry_limit", status: status)
    }
    tryAgain(parcel, parcel.attempts + 1)
    // The next try is another parcel's: one that fails for ever must not hold up all others.
    if policy.isOrdered { putBack(parcel) } else { delay(parcel) }
  }

  /// Whether there may be one more try; counts and tells if there may not.
  private func mayRetry(_ attempts: Int, _ items: Int, _ message: String) -> Bool {
    guard let limit = policy.retryLimit, attempts > limit else { return true }
    ports.count(.givenUp, items)
    ports.tell(.givenUp(items: items, message: message))
    return false
  }

  /// Counts one more try, and sets the pause before it.
  private func tryAgain(_ parcel: Parcel, _ attempts: Int) {
    parcel.attempts = attempts
    ports.count(.retries, 1)
    parcel.notBefore = now + ports.random(in: policy.pause(attempts))
  }

  /// Puts a parcel aside until its own pause is over.
  func delay(_ parcel: Parcel) {
    delayed.append(parcel)
    waitingBytes += parcel.body.footprint
  }

  func putBack(_ parcel: Parcel) {
    waitingBytes += parcel.body.footprint
    if policy.isOrdered { again.prepend(parcel) } else { again.append(parcel) }
  }

  private func split(_ parcel: Parcel, _ message: String, _ status: Int) {
    guard parcel.itemCount > 1 else {
      return giveUp(parcel, message, type: "request_refused", status: status)
    }
    ports.count(.splitRequests, 1)
    let half = parcel.itemCount / 2
    let halves = [Array(0..<half), Array(half..<parcel.itemCount)]
    var parts: [Parcel] = []
    for items in policy.isOrdered ? halves.reversed() : halves {
      guard let part = ports.cut(parcel, keeping: items) else {
        ports.count(.lost, items.count)
        continue
      }
      part.attempts = parcel.attempts
      part.failedNodes = parcel.failedNodes
      part.isRefused = parcel.isRefused
      part.notBefore = now
      part.consignment.openParts += 1
      parts.append(part)
    }
    finishPart(of: parcel)
    for part in parts {
      if isRewritten(part) { keep(part) } else { putBack(part) }
    }
  }

  private func giveUp(_ parcel: Parcel, _ message: String, type: String, status: Int) {
    bury(
      (0..<parcel.itemCount).map {
        DeadItem(item: $0, status: status, type: type, reason: message, place: "")
      }, of: parcel)
    finishPart(of: parcel)
  }

  /// The parcel's memory, and the credit for it, go back with its last use.
  func finishPart(of parcel: Parcel) {
    release(parcel)
    closePart(of: parcel.consignment)
  }

  func release(_ parcel: Parcel) {
    parcel.uses -= 1
    if parcel.uses == 0 { ports.discard(parcel) }
  }

  func closePart(of consignment: Consignment) {
    consignment.openParts -= 1
    if consignment.openParts == 0 {
      if consignment.origin == .spool { spoolRefusedUntil = .min }
      ports.finish(consignment)
    }
  }
}
