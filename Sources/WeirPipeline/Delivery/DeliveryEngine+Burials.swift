/// Dead items on their way to the dead letters. What these cannot take for now waits here, its
/// parcel unacknowledged; a disk that stays full in the end holds up the streams.
extension DeliveryEngine {
  /// Bytes of reasons that wait for the dead letters, above which nothing more is sent.
  static let unburiedBytesMax = 4 << 20

  /// So much waits for the dead letters that nothing is sent that could add to it.
  var isHeldByLetters: Bool {
    unburied.count >= DeliveryEngine.delayedMax
      || unburiedBytes >= DeliveryEngine.unburiedBytesMax
  }

  func bury(_ items: [DeadItem], of parcel: Parcel) {
    parcel.consignment.openParts += 1
    parcel.uses += 1
    let burial = Burial(items, of: parcel)
    if buryAgainAt == .min || isAbandoned { start(burial) } else { put(aside: burial) }
  }

  /// The dead letters have taken items, or have lost and counted them, or could not take all.
  func buried(_ burial: Burial, _ outcome: BurialOutcome, at time: Int64) {
    now = time
    burying -= 1
    switch outcome {
    case .ended(let stored):
      burial.parcel.consignment.buried += stored
      if stored > 0, buryAgainAt > .min {
        buryAgainAt = .min
        ports.tell(.lettersWork)
      }
      finishPart(of: burial.parcel)
    case .failed(let left, let message):
      burial.parcel.consignment.buried += burial.items.count - left.count
      burial.items = left
      buryAgainAt = now + DeliveryEngine.failedPause
      ports.tell(.lettersFailed(items: left.count, message: message))
      keep(burial)
    }
    pump()
  }

  /// Tries what waits: one burial finds out whether the disk works again.
  func buryWaiting() {
    if isAbandoned || buryAgainAt == .min {
      while !unburied.isEmpty { start(takeUnburied()) }
    } else if !unburied.isEmpty, burying == 0, now >= buryAgainAt {
      start(takeUnburied())
    }
  }

  private func start(_ burial: Burial) {
    burying += 1
    ports.bury(burial)
  }

  private func keep(_ burial: Burial) {
    let consignment = burial.parcel.consignment
    if consignment.origin == .deadLetters {
      // It lies there as it was.
      consignment.mustStay = true
      finishPart(of: burial.parcel)
    } else if isAbandoned {
      leave(burial)
      if policy.isOrdered { discardLater() }
    } else {
      put(aside: burial)
    }
  }

  private func put(aside burial: Burial) {
    unburied.append(burial)
    unburiedBytes += burial.reasonBytes
  }

  private func takeUnburied() -> Burial {
    let burial = unburied.removeFirst()
    unburiedBytes -= burial.reasonBytes
    return burial
  }

  /// Lets go of what still waits: see `leave`.
  func leaveUnburied() {
    while !unburied.isEmpty { leave(takeUnburied()) }
  }

  /// Its consignment stays unfinished: it comes again from its spool or file, or is lost.
  private func leave(_ burial: Burial) {
    if burial.parcel.consignment.isUnrepeatable {
      lostAtEnd += burial.items.count
      ports.count(.lost, burial.items.count)
    }
    release(burial.parcel)
  }
}
