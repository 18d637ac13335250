import Glibc
import WeirTelemetry

extension SpoolStore {
  /// Takes the oldest entry that nobody has; nil when there is none.
  func take() -> SpoolLease? {
    while !isClosed {
      if let old = returned.popLast() {
        guard let place = position(old.id.segment) else { continue }
        guard isReadable(old.id.segment) else {
          returned.append(old)
          return nil
        }
        if let lease = read(place, old.id.index, old.taken) { return lease }
      } else if let (place, index, taken) = advance() {
        if let lease = read(place, index, taken) { return lease }
      } else {
        return nil
      }
    }
    return nil
  }

  /// Whether a segment can be opened, or never will be: it is gone. Anything else passes (too many
  /// open files): its entries wait.
  private func isReadable(_ id: UInt64) -> Bool {
    let descriptor = reader(id)
    if descriptor >= 0 || descriptor == -ENOENT {
      hasToldUnreadable = false
      return true
    }
    if !hasToldUnreadable {
      Log.error("\(path(id)) cannot be read now: \(files.text(Int(descriptor)))")
    }
    hasToldUnreadable = true
    return false
  }

  /// Moves the cursor over the next entry that is not finished.
  private func advance() -> (place: Int, index: UInt32, taken: Taken)? {
    while true {
      let place = firstPosition(from: cursor.segment)
      if place == segments.count { return nil }
      if !isReadable(segments[place].id) { return nil }
      if segments[place].id != cursor.segment { cursor = Cursor(segment: segments[place].id) }
      if cursor.index < segments[place].count, let header = nextHeader(place) {
        let offset = cursor.offset
        cursor.offset += header.recordBytes
        cursor.index = header.index + 1
        let id = SpoolEntryID(segment: segments[place].id, index: header.index)
        if wasLeased(id) || segments[place].done.contains(header.index) { continue }
        return (place, header.index, Taken(offset: offset, amount: header.amount))
      }
      if segments[place].isActive { return nil }
      cursor = Cursor(segment: segments[place].id + 1)
      removeIfDone(place)
    }
  }

  /// The next intact header at or behind the cursor, which moves to it; damage on the way is
  /// counted. Nil at the end of the segment.
  private func nextHeader(_ place: Int) -> RecordHeader? {
    let segment = segments[place]
    let descriptor = reader(segment.id)
    if descriptor < 0 {
      lose(place, before: segment.count, nil, descriptor)
      return nil
    }
    let length = SpoolFormat.recordHeaderBytes
    if let bytes = files.bytes(descriptor, count: length, at: cursor.offset),
      let header = bytes.withUnsafeBytes({ RecordHeader.read($0, salt: segment.salt) }),
      header.index == cursor.index, header.recordBytes <= segment.bytes - cursor.offset
    {
      return header
    }
    let walker = SegmentWalker(
      files, descriptor, size: segment.bytes, salt: segment.salt, offset: cursor.offset,
      indexMin: cursor.index)
    var damage: Range<Int>?
    while true {
      switch walker.next() {
      case .damage(let range): damage = range
      case .record(let header, let offset):
        lose(place, before: header.index, damage, descriptor)
        cursor.offset = offset
        return header
      case .end:
        lose(place, before: segment.count, damage, descriptor)
        cursor.offset = segment.bytes
        return nil
      }
    }
  }

  /// Counts what a stretch without a header held, once.
  private func lose(
    _ place: Int, before index: UInt32, _ damage: Range<Int>?, _ descriptor: Int32
  ) {
    let (entries, spared) = passOver(place, before: index)
    // With a spared entry in it the damage is not settled: the next start may have to count that.
    let isNew =
      spared.entries == 0
      && (damage.map { segments[place].damage.insert($0.lowerBound).inserted } ?? false)
    if entries.isEmpty && !isNew { return }
    // What the lost entries held is known only when they were all that was left.
    let live = segments[place].live
    var lost = SpoolAmount(entries: entries.count)
    lost.bytes = max(
      0,
      min(
        (damage?.count ?? live.bytes) - spared.bytes, live.bytes - segments[place].leased.bytes))
    if lost.entries >= live.entries { lost = live }
    segments[place].live -= lost
    count { $0.pending -= lost }
    keep(place, damage, lost, descriptor)
    if spared.entries > 0 {
      note(entries, place)
    } else if let damage {
      note([DoneJournal.damageFlag | UInt32(truncatingIfNeeded: damage.lowerBound)], place)
    }
  }

  /// Moves the cursor over entries whose headers cannot be read.
  /// - Returns: the lost ones, and what those hold that were leased as they were written: whoever
  ///   has such a one has its bytes, and it is on the books until its lease ends.
  private func passOver(
    _ place: Int, before index: UInt32
  ) -> (lost: [UInt32], spared: SpoolAmount) {
    var lost: [UInt32] = []
    var spared = SpoolAmount()
    for entry in cursor.index..<max(cursor.index, index) {
      let id = SpoolEntryID(segment: segments[place].id, index: entry)
      if wasLeased(id) {
        let taken = leased[id] ?? returned.first { $0.id == id }?.taken
        spared += taken?.amount ?? SpoolAmount()
      } else if segments[place].done.insert(entry) {
        lost.append(entry)
      }
    }
    cursor.index = max(cursor.index, index)
    return (lost, spared)
  }

  /// Puts damaged bytes into quarantine and counts what was lost with them.
  private func keep(
    _ place: Int, _ damage: Range<Int>?, _ lost: SpoolAmount, _ descriptor: Int32
  ) {
    let id = segments[place].id
    let kept = damage.map { quarantine.keep(descriptor, $0, segment: id) } ?? 0
    let bytes = damage?.count ?? 0
    count {
      $0.counters.quarantined += SpoolAmount(
        entries: lost.entries, items: lost.items, bytes: bytes)
      $0.counters.quarantineLostBytes += bytes - kept
    }
    tell(
      "\(path(id)) is damaged at byte \(damage?.lowerBound ?? 0): \(lost.entries) entries are "
        + "lost, \(kept) of \(bytes) bytes are kept in \(quarantine.directory)")
  }

  /// Reads an entry back; nil when it is damaged: then it is in quarantine and counted.
  private func read(_ place: Int, _ index: UInt32, _ taken: Taken) -> SpoolLease? {
    let id = SpoolEntryID(segment: segments[place].id, index: index)
    let descriptor = reader(id.segment)
    if descriptor >= 0,
      var payload = SpoolRecordReader.read(
        files, descriptor, offset: taken.offset, bytes: taken.amount.bytes,
        salt: segments[place].salt)
    {
      if let attempts = taken.attempts { payload.attempts = attempts }
      segments[place].leased += taken.amount
      leased[id] = taken
      return SpoolLease(id: id, payload: payload)
    }
    settle(place, index, taken.amount)
    let range = taken.offset..<taken.offset + taken.amount.bytes
    keep(place, range, taken.amount, descriptor)
    note([index], place)
    removeIfDone(place)
    return nil
  }
}

/// Reads one record whole, with both of its checksums.
enum SpoolRecordReader {
  /// The record of so many bytes at an offset; nil when anything of it is damaged or cannot be
  /// read.
  static func read(
    _ files: any SpoolFiles, _ descriptor: Int32, offset: Int, bytes: Int, salt: UInt64
  ) -> SpoolPayload? {
    let length = SpoolFormat.recordHeaderBytes
    guard let head = files.bytes(descriptor, count: length, at: offset),
      let header = head.withUnsafeBytes({ RecordHeader.read($0, salt: salt) }),
      header.recordBytes == bytes,
      let fields = files.bytes(descriptor, count: Int(header.fieldsLength), at: offset + length),
      let body = files.bytes(
        descriptor, count: Int(header.bodyLength), at: offset + length + fields.count),
      body.withUnsafeBytes({ SpoolFormat.contentHash(fields: fields, body: $0) })
        == header.contentHash
    else { return nil }
    var payload = SpoolPayload(body: body, encoding: header.encoding, time: header.time)
    return RecordFields.decode(fields, into: &payload) ? payload : nil
  }
}
