import WeirStage

/// What a reply means for its parcel: items are done, dead, or go again.
extension DeliveryEngine {
  func judge(_ parcel: Parcel, _ node: Int, _ verdict: ReplyVerdict) {
    switch verdict.kind {
    case .items:
      settle(parcel, node, verdict.outcomes)
    case .retry:
      fail(node, parcel, verdict.message)
      retryWhole(parcel, verdict.message)
    case .denied:
      fail(node, parcel, verdict.message, isDenied: true)
      retryWhole(parcel, verdict.message)
    case .split:
      recover(node)
      split(parcel, verdict.message)
    case .dead:
      recover(node)
      giveUp(parcel, verdict.message, type: "request_refused")
    }
  }

  private func settle(_ parcel: Parcel, _ node: Int, _ outcomes: ItemOutcomes) {
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
    countDuplicates(outcomes.count(of: .duplicate), of: parcel)
    let message = describe(&dead, outcomes)
    if again.isEmpty {
      window.succeeded()
    } else {
      window.overloaded(sentAt: parcel.sentAt, now: now)
    }
    recover(node)
    // None of it was taken: it goes on as it is, in the spool too.
    if !again.isEmpty, again.count == parcel.itemCount {
      if mayRetry(parcel, message) { keep(parcel) }
      return
    }
    if !dead.isEmpty { bury(dead, of: parcel) }
    let rest = again.isEmpty ? nil : self.rest(of: parcel, again, message)
    finishPart(of: parcel)
    if let rest { keep(rest) }
  }

  /// What the server had already: as good as stored, and no wonder after a retry or a restart. In
  /// the first request that ever carried an item it is one.
  private func countDuplicates(_ items: Int, of parcel: Parcel) {
    guard items > 0 else { return }
    ports.count(.duplicates, items)
    guard parcel.attempts == 0, !parcel.consignment.mayRepeat else { return }
    ports.count(.firstAttemptDuplicates, items)
    ports.tell(.strangeDuplicates(items: items))
  }

  /// Fills in what the server said of dead items; returns what it said first of one to retry.
  private func describe(_ dead: inout [DeadItem], _ outcomes: ItemOutcomes) -> String {
    var message = ""
    var next = 0
    for index in 0..<outcomes.detailCount {
      let detail = outcomes.detail(at: index)
      if outcomes[detail.item] == .retry {
        if message.isEmpty {
          message = "\(detail.status) \(detail.type) in \(detail.place): \(detail.reason)"
        }
        continue
      }
      while next < dead.count, dead[next].item < detail.item { next += 1 }
      guard next < dead.count, dead[next].item == detail.item else { continue }
      dead[next] = DeadItem(
        item: detail.item, status: detail.status, type: detail.type, reason: detail.reason,
        place: detail.place)
    }
    return message
  }

  /// A new parcel with the items that the server had no room for, and its pause; nil when they are
  /// given up.
  private func rest(of parcel: Parcel, _ items: [Int], _ message: String) -> Parcel? {
    let attempts = parcel.attempts + 1
    if let limit = policy.retryLimit, attempts > limit {
      ports.count(.givenUp, items.count)
      ports.tell(.givenUp(items: items.count, message: message))
      bury(
        items.map {
          DeadItem(item: $0, status: 0, type: "retry_limit", reason: message, place: "")
        }, of: parcel)
      return nil
    }
    guard let rest = ports.cut(parcel, keeping: items) else {
      ports.count(.lost, items.count)
      return nil
    }
    rest.consignment.openParts += 1
    rest.attempts = attempts
    rest.notBefore = now + ports.random(in: policy.pause(attempts))
    ports.count(.retries, 1)
    return rest
  }

  func retryWhole(_ parcel: Parcel, _ message: String) {
    guard mayRetry(parcel, message) else { return }
    // The next try is another parcel's: one that fails for ever must not hold up all others.
    if policy.isOrdered { putBack(parcel) } else { delay(parcel) }
  }

  /// Counts one more try of a whole parcel, and sets its pause; false when it is given up instead.
  private func mayRetry(_ parcel: Parcel, _ message: String) -> Bool {
    parcel.attempts += 1
    if let limit = policy.retryLimit, parcel.attempts > limit {
      ports.count(.givenUp, parcel.itemCount)
      ports.tell(.givenUp(items: parcel.itemCount, message: message))
      giveUp(parcel, message, type: "retry_limit")
      return false
    }
    ports.count(.retries, 1)
    parcel.notBefore = now + ports.random(in: policy.pause(parcel.attempts))
    return true
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

  private func split(_ parcel: Parcel, _ message: String) {
    guard parcel.itemCount > 1 else {
      return giveUp(parcel, message, type: "request_refused")
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
      part.notBefore = now
      part.consignment.openParts += 1
      parts.append(part)
    }
    finishPart(of: parcel)
    for part in parts {
      if isRewritten(part) { keep(part) } else { putBack(part) }
    }
  }

  private func giveUp(_ parcel: Parcel, _ message: String, type: String) {
    bury(
      (0..<parcel.itemCount).map {
        DeadItem(item: $0, status: 0, type: type, reason: message, place: "")
      }, of: parcel)
    finishPart(of: parcel)
  }

  private func bury(_ items: [DeadItem], of parcel: Parcel) {
    parcel.consignment.openParts += 1
    parcel.uses += 1
    burying += 1
    ports.bury(items, of: parcel)
  }

  /// The parcel's memory, and the credit for it, go back with its last use.
  func finishPart(of parcel: Parcel) {
    parcel.uses -= 1
    if parcel.uses == 0 { ports.discard(parcel) }
    closePart(of: parcel.consignment)
  }

  func closePart(of consignment: Consignment) {
    consignment.openParts -= 1
    if consignment.openParts == 0 {
      if consignment.origin == .spool { spoolRefusedUntil = .min }
      ports.finish(consignment)
    }
  }
}
