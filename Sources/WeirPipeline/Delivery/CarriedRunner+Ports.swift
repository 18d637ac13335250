import WeirDelivery
import WeirStage
import WeirTelemetry

/// What the engine decides, done. Called on the output's queue.
extension CarriedRunner: DeliveryPorts {
  func send(_ parcel: Parcel, to node: Int) {
    let body = HTTPBody(
      borrowing: UnsafeRawBufferPointer(start: parcel.body.base, count: parcel.body.length),
      keeping: parcel)
    let reader = RequestReader(output, itemCount: parcel.itemCount) { [weak self] outcome in
      self?.post(.replied(parcel, node: node, outcome))
    }
    do throws(HTTPRequestError) {
      transport?.send(try servers[node].request(body, of: owner), reader)
    } catch {
      post(.replied(parcel, node: node, .failure(error.description)))
    }
  }

  var spooledEntries: Int? { storage.spool?.pending.entries }

  func append(_ parcel: Parcel) {
    guard let spool = storage.spool else { return post(.appended(parcel, .failed("no spool"))) }
    CarriedStorage.append(parcel, isGzip: output.target.encoding == .gzip, to: spool) {
      [weak self] outcome in self?.post(.appended(parcel, outcome))
    }
    countStorage()
  }

  func rewrite(_ part: Parcel) {
    guard let spool = storage.spool, let lease = part.consignment.lease else {
      return post(.rewritten(part, nil, .failed("no spool")))
    }
    CarriedStorage.rewrite(part, of: lease, isGzip: output.target.encoding == .gzip, in: spool) {
      [weak self] outcome, entry in self?.post(.rewritten(part, entry, outcome))
    }
    countStorage()
  }

  var isFull: Bool { !gate.isOpen }

  func takeSpooled() -> Parcel? {
    guard let spool = storage.spool else { return nil }
    defer { countStorage() }
    guard let lease = spool.take() else { return nil }
    guard (lease.payload.encoding == 1) == (output.target.encoding == .gzip) else {
      return recoded(lease, from: spool)
    }
    let payload = takePayload()
    return CarriedStorage.parcel(of: lease, from: spool, in: payload)
  }

  func bury(_ burial: Burial) {
    if burial.isNew { counters.errors.add() }
    defer { burial.isNew = false }
    let parcel = burial.parcel
    let bytes: [[UInt8]]
    do throws(BodyCutter.Failure) {
      bytes = try cutter?.items(burial.items.map(\.item), of: parcel.body) ?? []
    } catch {
      parcel.consignment.mustStay = parcel.consignment.store != nil
      if parcel.consignment.store == nil {
        drop(burial.items, "their bytes cannot be read back: \(error.message)")
      }
      return post(.buried(burial, .ended(stored: 0)))
    }
    guard let box = storage.deadLetters else {
      drop(burial.items, setup.keepsRejected ? "no storage.path" : "storage.keep.rejected off")
      return post(.buried(burial, .ended(stored: 0)))
    }
    if burial.isNew, let first = burial.items.first {
      news.tellDead(first, count: burial.items.count, at: Clock.monotonic())
    }
    let letters = zip(burial.items, bytes).map { item, bytes in
      DeadLetter(
        item: bytes, status: item.status, type: item.type, reason: item.reason,
        index: item.place.isEmpty ? nil : item.place)
    }
    box.append(letters) { [weak self] result, left in
      self?.post(.lettersAppended(burial, result, left))
    }
  }

  /// The dead letters have answered: what the disk could not take waits, what is too large is lost.
  func lettersAppended(_ burial: Burial, _ result: SpoolAppendResult, _ left: [Int]) {
    countStorage()
    let stored = burial.items.count - left.count
    counters.extra[OutputCounterNames.deadLetters]?.add(stored)
    let items = left.map { burial.items[$0] }
    let outcome: BurialOutcome
    switch result {
    case .stored: outcome = .ended(stored: stored)
    case .failed(let message): outcome = .failed(items, message)
    case .full where replay.isOpen:
      // What is being sent again keeps its room; the replay ends with it, so that there is room.
      if burial.parcel.consignment.origin != .deadLetters {
        replaysLeft = 0
        giveBackLeft()
        endReplayIfDone()
      }
      outcome = .failed(items, "storage.rejected.limit is reached")
    case .full:
      drop(items, "larger than storage.rejected.limit")
      outcome = .ended(stored: stored)
    }
    engine?.buried(burial, outcome, at: Clock.monotonic())
  }

  private func drop(_ items: [DeadItem], _ why: String) {
    counters.drop(.output, records: items.count)
    news.tellDropped(items.first, count: items.count, why, at: Clock.monotonic())
  }

  func cut(_ parcel: Parcel, keeping items: [Int]) -> Parcel? {
    let payload = takePayload()
    do throws(BodyCutter.Failure) {
      try cutter?.cut(parcel.body, keeping: items, into: payload)
    } catch {
      Log.error("output \(counters.name): a body cannot be cut: \(error.message)")
      recycle(payload)
      return nil
    }
    payload.trim()
    payload.creditBytes = payload.footprint
    gate.take(payload.footprint)
    return Parcel(
      payload, of: parcel.consignment, isWhole: false, attempts: 0, madeAt: parcel.madeAt)
  }

  func discard(_ parcel: Parcel) { reclaim(parcel) }

  func finish(_ consignment: Consignment) {
    if let lease = consignment.lease, let store = consignment.store {
      if consignment.mustStay { leftLeases.append((store, lease)) } else { store.finish(lease) }
    }
    if consignment.origin == .deadLetters { replayed(consignment) }
    finished(consignment)
  }

  func wake(at time: Int64) { schedule(at: time) }

  func random(in range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range) }

  func tell(_ event: DeliveryEvent) { news.tell(event, at: Clock.monotonic()) }

  func count(_ number: DeliveryNumber, _ value: Int) {
    switch number {
    case .requests: extra(OutputCounterNames.requests, value)
    case .failedRequests:
      extra(OutputCounterNames.failedRequests, value)
      counters.errors.add(value)
    case .splitRequests: extra(OutputCounterNames.splitRequests, value)
    case .delivered: counters.records.add(value)
    case .deliveredBytes: counters.bytes.add(value)
    case .duplicates: extra(OutputCounterNames.duplicates, value)
    case .firstAttemptDuplicates: extra(OutputCounterNames.firstAttemptDuplicates, value)
    case .retries: counters.retries.add(value)
    case .givenUp: counters.retriesFailed.add(value)
    case .spooled: extra(OutputCounterNames.spooled, value)
    case .restsInMemory: extra(OutputCounterNames.restsInMemory, value)
    case .dropped: counters.drop(.backpressure, records: value)
    case .droppedBytes: counters.drop(.backpressure, records: 0, bytes: value)
    case .lost: counters.drop(.output, records: value)
    }
  }

  private func extra(_ name: String, _ value: Int) { counters.extra[name]?.add(value) }

  /// What spool and dead letters lost on the way is counted where users look.
  func countStorage() {
    if let spool = storage.spool {
      let before = storage.counted
      storage.counted = spool.counters
      count(spool.settings, storage.counted, since: before, isLetters: false)
    }
    if let spool = storage.deadLetters?.spool {
      let before = storage.countedLetters
      storage.countedLetters = spool.counters
      count(spool.settings, storage.countedLetters, since: before, isLetters: true)
    }
  }

  private func count(
    _ settings: SpoolSettings, _ now: SpoolCounters, since before: SpoolCounters, isLetters: Bool
  ) {
    let shed = now.dropped.items - before.dropped.items
    if shed > 0 {
      extra(isLetters ? OutputCounterNames.lettersShed : OutputCounterNames.spoolShed, shed)
      tell(
        .shed(
          items: shed, folder: settings.directory,
          option: isLetters ? "storage.rejected.limit" : "storage.total_limit_size"))
      counters.drop(
        isLetters ? .rejectedLimit : .backpressure, records: shed,
        bytes: now.dropped.bytes - before.dropped.bytes)
    }
    let damaged = now.quarantined.entries - before.quarantined.entries
    if damaged > 0 {
      extra(OutputCounterNames.spoolQuarantined, damaged)
      Log.error(
        "output \(counters.name): \(damaged) entries are damaged and lie in "
          + "\(settings.directory)/quarantine")
    }
  }

  /// An entry that was compressed otherwise than this configuration wants it.
  private func recoded(_ lease: SpoolLease, from spool: Spool) -> Parcel? {
    let encoded = CarriedStorage.parcel(of: lease, from: spool, in: takePayload())
    let payload = takePayload()
    do {
      let old = try BodyCutter(lease.payload.encoding == 1 ? .gzip : .identity)
      let all = Array(0..<encoded.itemCount)
      try cutter?.encode(try old.items(all, of: encoded.body), into: payload)
    } catch {
      Log.error("output \(counters.name): an entry of the spool cannot be read: \(error)")
      recycle(encoded.body)
      recycle(payload)
      leftLeases.append((spool, lease))
      return nil
    }
    recycle(encoded.body)
    return Parcel(
      payload, of: encoded.consignment, isWhole: true, attempts: encoded.attempts,
      madeAt: encoded.madeAt)
  }
}
