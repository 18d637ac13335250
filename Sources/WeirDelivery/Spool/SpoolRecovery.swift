import Glibc

/// Opening: finds out what a directory holds. Always comes to its end.
struct SpoolRecovery {
  private let files: any SpoolFiles
  private let store: SpoolStore
  /// The segment to go on with, and where.
  private(set) var active: (segment: Segment, descriptor: Int32)?
  /// Number of the next new segment.
  private(set) var nextID: UInt64 = 1

  init(_ store: SpoolStore) {
    self.store = store
    files = store.files
  }

  /// Reads the directory into the store.
  /// - Parameter rollBytes: a last segment of this size is not written to again.
  mutating func run(rollBytes: Int) throws(SpoolError) {
    guard let names = files.list(store.directory) else {
      throw .unusable("cannot list the spool \(store.directory)")
    }
    var ids: [UInt64] = []
    var journals: [UInt64] = []
    for name in names {
      if let id = SegmentName.id(name, SegmentName.segmentSuffix) {
        ids.append(id)
      } else if let id = SegmentName.id(name, SegmentName.journalSuffix) {
        journals.append(id)
      } else if name != SpoolLock.name && name != Quarantine.name {
        leaveAlone(name, "it is no file of a spool")
      }
    }
    ids.sort()
    nextID = max(ids.last ?? 0, journals.max() ?? 0) + 1
    for id in ids { open(id, isLast: id == ids.last, rollBytes) }
    let known = Set(ids)
    for id in journals where !known.contains(id) { _ = files.remove(store.journalPath(id)) }
    store.count { $0.counters.recovered = $0.pending }
  }

  private func leaveAlone(_ name: String, _ why: String) {
    store.count { $0.counters.foreignFiles += 1 }
    store.tell("\(store.directory)/\(name) is left alone: \(why)")
  }

  private mutating func open(_ id: UInt64, isLast: Bool, _ rollBytes: Int) {
    let path = store.path(id)
    var flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK
    var descriptor = files.open(path, flags)
    if descriptor < 0 {
      flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK
      descriptor = files.open(path, flags)
    }
    guard descriptor >= 0 else {
      leaveAlone(SegmentName.segment(id), files.text(Int(descriptor)))
      return
    }
    let scan = SegmentScan.scan(files, descriptor, id: id, journal: store.journalPath(id))
    var keepsOpen = false
    switch scan.kind {
    case .foreign(let why): leaveAlone(SegmentName.segment(id), why)
    case .empty: discard(id)
    case .ruined:
      if let damage = scan.damage.first { count(damage, id, descriptor) }
      store.count { $0.counters.damagedHeaders += 1 }
      discard(id)
    case .segment:
      keepsOpen = adopt(scan, id, descriptor, isLast: isLast, rollBytes)
    }
    if !keepsOpen { files.close(descriptor) }
  }

  private func discard(_ id: UInt64) {
    _ = files.remove(store.path(id))
    _ = files.remove(store.journalPath(id))
  }

  /// Takes a segment into the store.
  /// - Returns: true when it is the one to go on with: its descriptor stays open.
  private mutating func adopt(
    _ scan: SegmentScan, _ id: UInt64, _ descriptor: Int32, isLast: Bool, _ rollBytes: Int
  ) -> Bool {
    if scan.isHeaderDamaged {
      store.count { $0.counters.damagedHeaders += 1 }
      store.tell("\(store.path(id)) has a damaged header; its entries are read all the same")
    }
    var segment = Segment(id: id, salt: scan.salt, bytes: scan.fileBytes)
    var marks: [UInt32] = []
    for damage in scan.damage {
      segment.damage.insert(damage.range.lowerBound)
      if damage.isKnown { continue }
      count(damage, id, descriptor)
      if damage.isTail, !scan.hasReadErrors,
        files.truncate(descriptor, to: damage.range.lowerBound) == 0
      {
        segment.bytes = damage.range.lowerBound
        store.count { $0.counters.cutBytes += damage.range.count }
      } else if !scan.hasReadErrors {
        marks.append(DoneJournal.damageFlag | UInt32(truncatingIfNeeded: damage.range.lowerBound))
      }
    }
    segment.count = scan.count
    segment.done = scan.done
    segment.live = scan.live
    let isClean =
      scan.damage.isEmpty && !scan.isHeaderDamaged && !scan.hasStrayMarks
      && scan.damagedMarks == 0
    segment.isActive =
      isLast && isClean && segment.bytes < rollBytes && scan.live.entries > 0
      && segment.count < SpoolFormat.entriesMax && isWritable(descriptor)
    store.begin(segment)
    store.count { $0.pending += scan.live }
    guard let place = store.position(id) else { return false }
    if !marks.isEmpty { store.note(marks, place) }
    if segment.isActive { active = (segment, descriptor) }
    store.removeIfDone(place)
    return segment.isActive
  }

  private func isWritable(_ descriptor: Int32) -> Bool {
    fcntl(descriptor, F_GETFL) & O_ACCMODE == O_RDWR
  }

  private func count(_ damage: SegmentScan.Damage, _ id: UInt64, _ descriptor: Int32) {
    let kept = store.quarantine.keep(descriptor, damage.range, segment: id)
    var amount = damage.lost
    amount.bytes = damage.range.count
    store.count {
      $0.counters.quarantined += amount
      $0.counters.quarantinedAtOpen += amount
      $0.counters.quarantineLostBytes += damage.range.count - kept
    }
    let place = "\(store.path(id)) at byte \(damage.range.lowerBound)"
    store.tell(
      "\(place): \(damage.range.count) bytes are no intact entry (\(amount.entries) lost); "
        + "\(kept) of them are kept in \(store.quarantine.directory)")
  }
}
