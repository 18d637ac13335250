import Dispatch
import Glibc
import WeirDelivery
import WeirStage
import WeirTelemetry

/// Dead letters sent again, on the output's queue: what is refused again is a new letter.
extension CarriedRunner {
  /// Parcels in memory above which a replay waits.
  private static let parcelsMax = 4
  /// Seconds between looks for a request of `weir dlq replay`.
  private static let lookSeconds = 2

  /// The file in the folder of dead letters by which `weir dlq replay` asks a running Weir.
  static func requestFile(_ settings: SpoolSettings) -> String {
    "\(settings.directory)/replay.request"
  }

  /// Looks for a request now and then: it costs a system call, and no thread.
  func watchForReplays() {
    guard let settings = setup.deadLetters else { return }
    let path = CarriedRunner.requestFile(settings)
    let timer = DispatchSource.makeTimerSource(queue: queue)
    timer.schedule(
      deadline: .now() + .seconds(CarriedRunner.lookSeconds),
      repeating: .seconds(CarriedRunner.lookSeconds), leeway: .seconds(1))
    timer.setEventHandler { [weak self] in
      guard let self, unlink(path) == 0 else { return }
      Log.info("output \(counters.name): replaying the dead letters, as asked")
      post(.replay(isTold: true))
    }
    timer.activate()
    requestTimer = timer
  }

  /// All letters that there are now.
  func beginReplay(isTold: Bool) {
    if !replay.isOpen { replay = ReplayTally() }
    replay.isTold = replay.isTold || isTold
    replay.isOpen = true
    replaysLeft = storage.deadLetters?.spool.pending.entries ?? 0
    if replaysLeft == 0 { endReplayIfDone() }
  }

  /// One entry is through.
  func replayed(_ consignment: Consignment) {
    replay.stored += consignment.delivered
    replay.refused += consignment.buried
    replay.spooled += consignment.spooled
    replay.entries -= 1
    endReplayIfDone()
  }

  func endReplayIfDone() {
    if replaysLeft == 0, replay.entries == 0 { endReplay() }
  }

  /// Says what became of the letters, for who has asked; also when a stop ends the replay.
  func endReplay() {
    guard replay.isOpen else { return }
    replay.isOpen = false
    giveBackLeft()
    guard replay.isTold else { return }
    Log.info("output \(counters.name): the replay of the dead letters has ended: \(replayText)")
  }

  /// What became of the letters, in a few words.
  var replayText: String {
    let left = storage.deadLetters?.spool.pendingItems ?? 0
    return "\(replay.stored) stored, \(replay.refused) refused again"
      + (replay.spooled > 0 ? ", \(replay.spooled) wait in the spool" : "")
      + "; \(left == 0 ? "none are" : left == 1 ? "1 is" : "\(left) are") left"
  }

  /// Takes letters as long as memory is free.
  func replaySome() {
    defer { if replaysLeft == 0 { endReplayIfDone() } }
    guard let engine, let box = storage.deadLetters else {
      replaysLeft = 0
      return
    }
    while replaysLeft > 0, engine.parcelsInMemory < CarriedRunner.parcelsMax {
      replaysLeft -= 1
      guard let lease = box.spool.take() else {
        replaysLeft = 0
        return
      }
      guard let parcel = parcel(of: lease, in: box.spool) else {
        leftLeases.append((box.spool, lease))
        continue
      }
      replay.entries += 1
      engine.submit(parcel, at: Clock.monotonic())
    }
  }

  /// Not while a replay goes on: the oldest entry is what it takes next.
  func giveBackLeft() {
    for left in leftLeases { left.store.giveBack(left.lease) }
    leftLeases.removeAll()
  }

  private func parcel(of lease: SpoolLease, in store: Spool) -> Parcel? {
    guard let letters = DeadLetterBatch(lease.payload) else {
      Log.error("output \(counters.name): an entry of the dead letters is none, and stays")
      return nil
    }
    let payload = takePayload()
    do throws(BodyCutter.Failure) {
      try cutter?.encode(letters.items, into: payload)
    } catch {
      Log.error("output \(counters.name): dead letters cannot be sent: \(error.message)")
      recycle(payload)
      return nil
    }
    return Parcel(
      payload, of: Consignment(.deadLetters, lease, of: store), isWhole: true,
      attempts: 0, madeAt: letters.time)
  }
}

/// What became of dead letters that are sent again.
struct ReplayTally {
  /// It is under way.
  var isOpen = false
  /// The log is to say how it ended.
  var isTold = false
  /// Entries that are being sent.
  var entries = 0
  /// Records that a server stored, those that are dead letters anew, and those in the spool.
  var stored = 0
  var refused = 0
  var spooled = 0
}
