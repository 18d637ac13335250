/// What is written to the spool instead of waiting in memory.
extension DeliveryEngine {
  /// Writes to the spool what would otherwise hold up the streams.
  func spoolWhatMustWait() {
    guard let entries = ports.spooledEntries else { return }
    let mustGo = isAbandoned || (isStopping && isFailing)
    // What lies there already comes again at the next start.
    if mustGo { leaveInSpool() }
    guard now >= spoolRefusedUntil || isAbandoned else { return }
    let isLate = mustGo || isFailing || waitingBytes > policy.memoryBytesMax
    if policy.isOrdered {
      if isLate || entries > 0 { spoolOldest() }
      return
    }
    if isLate {
      for parcel in again.removeAll(where: { !$0.isInSpool }) { append(parcel) }
      let parcels = delayed.filter { !$0.isInSpool }
      delayed.removeAll { !$0.isInSpool }
      for parcel in parcels { append(parcel) }
    }
    guard isLate || entries > 0 || appending > 0 else { return }
    while let parcel = fresh.popFirst() { append(parcel) }
  }

  /// Where order counts: one at a time, the oldest first, and none while an older one that is
  /// nowhere else is on its way. After a crash such a one is read again, behind the spool.
  private func spoolOldest() {
    guard appending == 0, burying == 0, unburied.isEmpty, lanesInFlight == 0 else { return }
    if let index = delayed.firstIndex(where: { !staysInPlace($0) }) {
      let parcel = delayed.remove(at: index)
      // It keeps its pause, and nothing overtakes it.
      resumeAt = max(resumeAt, parcel.notBefore)
      append(parcel)
    } else if let parcel = again.removeFirst(where: { !staysInPlace($0) }) ?? fresh.popFirst() {
      append(parcel)
    }
  }

  /// Whether a parcel is a stored entry, or a part of one that comes again whole after a crash.
  private func staysInPlace(_ parcel: Parcel) -> Bool {
    policy.isOrdered ? parcel.consignment.lease != nil : parcel.isInSpool
  }

  private func leaveInSpool() {
    let parcels = again.removeAll(where: staysInPlace) + delayed.filter(staysInPlace)
    delayed.removeAll(where: staysInPlace)
    for parcel in parcels {
      waitingBytes -= parcel.body.footprint
      ports.discard(parcel)
    }
  }

  private func append(_ parcel: Parcel) {
    waitingBytes -= parcel.body.footprint
    appending += 1
    ports.append(parcel)
  }

  func refused(_ parcel: Parcel, for nanoseconds: Int64) {
    spoolRefusedUntil = now + nanoseconds
    // At the end it stays unacknowledged, and is read again where it has a position.
    if isAbandoned {
      leave(parcel)
      if policy.isOrdered { discardLater() }
    } else if policy.isOrdered {
      // Everything else that is in memory only is younger: the later half of the same body too.
      waitingBytes += parcel.body.footprint
      for later in takeTried().reversed() { fresh.prepend(later) }
      fresh.prepend(parcel)
    } else {
      putBack(parcel)
    }
  }

  /// Nothing that is younger than a refused parcel may be stored: it would go out before it.
  func discardLater() {
    hasDiscarded = true
    leaveAll()
  }

  /// Gives up all that waits in memory only.
  func leaveAll() {
    for parcel in takeTried() + fresh.removeAll(where: { _ in true }) {
      waitingBytes -= parcel.body.footprint
      leave(parcel)
    }
    leaveUnburied()
  }

  /// Lets go of a parcel that is not finished: what has a position is read again at the next start,
  /// anything else is lost.
  func leave(_ parcel: Parcel) {
    if parcel.consignment.isUnrepeatable {
      lostAtEnd += parcel.itemCount
      ports.count(.lost, parcel.itemCount)
    }
    ports.discard(parcel)
  }

  /// Takes out what was tried before and is in memory only, in order. Where order counts, one that
  /// has a pause goes before all others, and only one can have it.
  private func takeTried() -> [Parcel] {
    let paused = delayed.filter { !staysInPlace($0) }
    delayed.removeAll { !staysInPlace($0) }
    return paused + again.removeAll { !staysInPlace($0) }
  }

  /// Drops what waits longest of inputs that would rather lose records than wait
  /// (`storage.type memrb`), until they have room again.
  func dropOldest() {
    while let parcel = takeDroppable() {
      waitingBytes -= parcel.body.footprint
      ports.count(.dropped, parcel.itemCount)
      ports.count(.droppedBytes, Int(parcel.body.recordOffsets.last ?? 0))
      ports.tell(.dropped(items: parcel.itemCount))
      finishPart(of: parcel)
    }
  }

  private func takeDroppable() -> Parcel? {
    let isFull = ports.isFull
    func isDroppable(_ parcel: Parcel) -> Bool {
      guard let share = parcel.body.share, share.dropsOldest else { return false }
      return isFull || !share.isOpen
    }
    if let parcel = again.removeFirst(where: isDroppable) { return parcel }
    if let index = delayed.firstIndex(where: isDroppable) { return delayed.remove(at: index) }
    return fresh.removeFirst(where: isDroppable)
  }

  // MARK: Rests

  /// Whether a part of an entry takes the entry's place on the disk. Where order counts it does
  /// not: behind younger entries it would overwrite them, and the whole entry, which is where it
  /// was, repeats nothing that matters, as the same items under the same ids.
  func isRewritten(_ part: Parcel) -> Bool {
    part.consignment.origin == .spool && !part.isWhole && !policy.isOrdered
  }

  /// Puts a part aside until its pause is over; one of an entry is written at once, so that a crash
  /// repeats nothing that was stored of the entry.
  func keep(_ part: Parcel) {
    guard isRewritten(part) else { return delay(part) }
    guard now >= spoolRefusedUntil else {
      ports.count(.restsInMemory, part.itemCount)
      return delay(part)
    }
    appending += 1
    ports.rewrite(part)
  }

  /// The writing of a part has ended.
  /// - Parameter entry: what it is now; nil when it was not stored.
  func rewritten(_ part: Parcel, _ entry: Consignment?, _ outcome: SpoolOutcome, at time: Int64) {
    now = time
    appending -= 1
    if let entry {
      let parcel = Parcel(part, as: entry)
      closePart(of: part.consignment)
      // A stop leaves it where it is.
      if isStopping { ports.discard(parcel) } else { delay(parcel) }
    } else {
      ports.count(.restsInMemory, part.itemCount)
      if case .failed(let message) = outcome {
        ports.tell(.spoolFailed(message: message))
        spoolRefusedUntil = now + DeliveryEngine.failedPause
      }
      if isAbandoned { ports.discard(part) } else { delay(part) }
    }
    pump()
  }
}
