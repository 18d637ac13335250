import CWeirPlugin
import Glibc
import WeirBatch
import WeirStage
import WeirTelemetry

extension MultilineDecoder {
  /// A line alone, as text.
  func emitLine(_ key: KeyID, _ line: Line, endsInFeed: Bool, _ scan: LineScan) -> Bool {
    let batch = scan.batch
    guard let record = appendRecord(time: 0, line, fieldRoom: 1 + scan.extras.count, scan)
    else { return false }
    let text = lineField(key, line, endsInFeed: endsInFeed, scan)
    scan.extras.append(to: record, batch, at: scan.extras.position(of: line.begin))
    batch.append(text, to: record)
    return true
  }

  /// A line that is a whole record of a parser.
  func emitWhole(
    _ parser: MultilineParser, _ part: MultilinePart, _ line: Line, _ scan: LineScan
  ) -> Bool {
    guard part.contentIndex >= 0 || part.fields.count > 0 else {
      let key = parser.keyContent ?? settings.key
      return emitLine(key, line, endsInFeed: parser.joinsWholeLines, scan)
    }
    let batch = scan.batch
    let count = part.fields.count
    guard
      let record = appendRecord(time: part.time, line, fieldRoom: count + scan.extras.count, scan)
    else { return false }
    if let base = part.fields.baseAddress {
      (batch.fields + Int(record.pointee.first_field)).update(from: base, count: count)
    }
    record.pointee.field_count = UInt16(truncatingIfNeeded: count)
    if part.hasDuplicates { record.pointee.flags |= UInt16(WEIR_RECORD_DUPLICATES) }
    scan.extras.append(to: record, batch, at: scan.extras.position(of: line.begin))
    return true
  }

  /// A joined record: the first part's fields with the joined text.
  func emit(_ group: OpenGroup, _ scan: LineScan) -> Bool {
    let batch = scan.batch
    let header = group.header.bytes
    let content = group.content.bytes
    let metadata = group.isTruncated ? metadataField(batch) : nil
    let fieldRoom = max(group.fields.count, 1) + scan.extras.count + (metadata == nil ? 0 : 1)
    guard let room = batch.reserveScratch(header.count + content.count),
      let record = appendJoined(group, fieldRoom: fieldRoom, scan)
    else { return false }
    if let base = header.baseAddress { memcpy(room, base, header.count) }
    if let base = content.baseAddress { memcpy(room + header.count, base, content.count) }
    let start = batch.commitScratch(header.count + content.count)
    let contentOffset = start &+ UInt32(truncatingIfNeeded: header.count)
    func text(_ key: KeyID) -> weir_field {
      .slice(
        key, UInt32(WEIR_TEXT), segment: UInt32(WEIR_SEGMENT_SCRATCH), offset: contentOffset,
        length: UInt32(truncatingIfNeeded: content.count))
    }
    if group.fields.isEmpty {
      batch.append(text(parsers[group.parser].keyContent ?? settings.key), to: record)
    }
    for (index, saved) in group.fields.enumerated() {
      var field = saved.field
      if saved.nameCount > 0 {
        guard let key = batch.key(room + saved.nameOffset, saved.nameCount) else { continue }
        field.key = key
      }
      if index == group.contentIndex {
        field = text(field.key)
      } else if field.isSlice {
        field.segment = UInt16(WEIR_SEGMENT_SCRATCH)
        field.value.slice.offset &+= start
      }
      batch.append(field, to: record)
    }
    scan.extras.append(to: record, batch, at: offset(of: group))
    if let metadata { batch.append(metadata, to: record) }
    return true
  }

  // MARK: Pieces

  /// What `offset_key` shows of a joined record, as in the reference: its last line, in the older
  /// mode its first.
  private func offset(of group: OpenGroup) -> UInt64 {
    if case .firstLine = parsers[group.parser].kind { return group.position }
    return group.lastPosition
  }

  /// The text of a line, its line feed included where asked for.
  private func lineField(
    _ key: KeyID, _ line: Line, endsInFeed: Bool, _ scan: LineScan
  ) -> weir_field {
    if !endsInFeed { return scan.field(key, line) }
    if line.hasPlainEnd { return scan.field(key, line, extra: 1) }
    let batch = scan.batch
    // Without room for a copy the text goes without its line feed.
    guard let room = batch.reserveScratch(line.count + 1) else { return scan.field(key, line) }
    memcpy(room, scan.text(line), line.count)
    room[line.count] = 0x0A
    let offset = batch.commitScratch(line.count + 1)
    return .slice(
      key, UInt32(WEIR_TEXT), segment: UInt32(WEIR_SEGMENT_SCRATCH), offset: offset,
      length: UInt32(truncatingIfNeeded: line.count + 1))
  }

  private func appendRecord(
    time: Int64, _ line: Line, fieldRoom: Int, _ scan: LineScan
  ) -> UnsafeMutablePointer<weir_record>? {
    scan.batch.appendRecord(
      time: time == 0 ? scan.context.now : time,
      position: scan.extras.position(of: line.begin), length: line.end &- line.begin,
      source: scan.context.source, fieldRoom: fieldRoom)
  }

  /// The record of a group spans its parts where they are of the chunk's own generation; else it
  /// stands at its last part, marked by an ordinal that no other record has. Both follow from the
  /// files alone: read again after a crash, in other chunks, it is the same record.
  private func appendJoined(
    _ group: OpenGroup, fieldRoom: Int, _ scan: LineScan
  ) -> UnsafeMutablePointer<weir_record>? {
    let isHere = group.isOfOneGeneration && group.generation === scan.chunk.generation
    let position = isHere ? group.position : group.lastPosition
    let length = Int(truncatingIfNeeded: group.endPosition &- position)
    guard
      let record = scan.batch.appendRecord(
        time: group.time, position: position, length: length, source: scan.context.source,
        fieldRoom: fieldRoom)
    else { return nil }
    if !isHere { record.pointee.ordinal = .max }
    return record
  }

  /// The mark of a record whose text goes on in the next one.
  private func metadataField(_ batch: Batch) -> weir_field? {
    let raw = batch.raw
    let index = raw.pointee.field_count
    guard index < raw.pointee.field_capacity else { return nil }
    raw.pointee.fields[Int(index)] = .bool(truncatedKey, true)
    raw.pointee.field_count = index &+ 1
    var field = weir_field()
    field.key = WEIR_NO_KEY
    field.type = UInt8(WEIR_METADATA)
    field.value.children.first = index
    field.value.children.count = 1
    return field
  }
}
