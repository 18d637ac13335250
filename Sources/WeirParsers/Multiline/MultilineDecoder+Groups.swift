import CWeirKernels
import CWeirPlugin
import Glibc
import WeirBatch
import WeirDelivery
import WeirStage
import WeirTelemetry

extension MultilineDecoder {
  /// Opens a group with a line as its first part. False when the batch has no room.
  func begin(
    _ index: Int, _ part: MultilinePart, _ line: Line, _ scan: LineScan, _ open: OpenGroups,
    state: Int
  ) -> Bool {
    let parser = parsers[index]
    if open.groups.count >= OpenGroups.groupsMax, let oldest = open.groups.first,
      !leave(oldest, scan, open)
    {
      return false
    }
    let group = OpenGroup(parser: index, scan.context.budget)
    guard group.group.append(groupName(part, scan), scan.context.budget),
      group.save(part.fields, scan.batch, contentIndex: part.contentIndex)
    else {
      // No memory to wait in: it leaves as it is.
      group.free()
      noteTruncation()
      return emitWhole(parser, part, line, scan)
    }
    group.time = part.time == 0 ? scan.context.now : part.time
    group.position = scan.extras.position(of: line.begin)
    group.generation = scan.chunk.generation
    open.groups.append(group)
    guard extend(group, part, line, scan, open, to: state) != .noRoom else {
      group.free()
      open.groups.removeAll { $0 === group }
      return false
    }
    return true
  }

  /// Adds a line to an open group, and lets it leave when `state` is the start.
  func extend(
    _ group: OpenGroup, _ part: MultilinePart, _ line: Line, _ scan: LineScan,
    _ open: OpenGroups, to state: Int
  ) -> Offer {
    let parser = parsers[group.parser]
    let count = part.contentIndex < 0 ? line.count : part.fields[part.contentIndex].textCount
    if group.content.count + count + 1 > limitBytes, group.content.count > 0 {
      // The limit: what is there leaves with a mark, the rest goes on in a further record.
      guard leave(group, scan, open, goesOn: true) else { return .noRoom }
    }
    guard appendContent(contentBytes(part, line, scan), to: group, parser, scan) else {
      // No memory to wait in: what is there leaves, then the line itself.
      guard leave(group, scan, open, goesOn: false, cut: true), emitWhole(parser, part, line, scan)
      else {
        return .noRoom
      }
      return .taken
    }
    if parser.keepsLastFields, !keepLastFields(part, of: group, scan) {
      // The fields of an earlier part do as well.
      noteTruncation()
    }
    if scan.chunk.generation !== group.generation { group.isOfOneGeneration = false }
    group.lastPosition = scan.extras.position(of: line.begin)
    group.endPosition = scan.extras.position(of: line.end)
    group.isTouched = true
    group.state = state
    group.deadline = scan.context.monotonicNow &+ parser.flushNanoseconds
    open.lastParser = group.parser
    if state == MultilineRules.start {
      // Left open by a full batch, it still leaves with the next one: it is due at once.
      if !leave(group, scan, open) { group.deadline = scan.context.monotonicNow }
    }
    return .taken
  }

  /// The text of a line that is joined, escapes of JSON undone; valid until scratch is written.
  private func contentBytes(
    _ part: MultilinePart, _ line: Line, _ scan: LineScan
  ) -> UnsafeRawBufferPointer {
    guard part.contentIndex >= 0 else {
      return UnsafeRawBufferPointer(start: scan.text(line), count: line.count)
    }
    let field = part.fields[part.contentIndex]
    let bytes = scan.batch.bytes(of: field)
    guard UInt32(field.type) == UInt32(WEIR_JSON_TEXT),
      let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
      let room = scan.batch.reserveScratch(bytes.count + 16)
    else { return bytes }
    return UnsafeRawBufferPointer(start: room, count: weir_json_unescape(room, base, bytes.count))
  }

  private func appendContent(
    _ bytes: UnsafeRawBufferPointer, to group: OpenGroup, _ parser: MultilineParser,
    _ scan: LineScan
  ) -> Bool {
    guard var room = group.content.reserve(bytes.count + 2, scan.context.budget) else {
      return false
    }
    var added = bytes.count
    let isRaw = parser.joinsWholeLines
    if parser.separatesLines, !isRaw, group.content.count > 0,
      group.content.bytes[group.content.count - 1] != 0x0A
    {
      room.pointee = 0x0A
      room += 1
      added += 1
    }
    if let base = bytes.baseAddress { memcpy(room, base, bytes.count) }
    if isRaw {
      room[bytes.count] = 0x0A
      added += 1
    }
    group.content.commit(added)
    return true
  }

  private func keepLastFields(
    _ part: MultilinePart, of group: OpenGroup, _ scan: LineScan
  ) -> Bool {
    let saved = OpenGroup(parser: group.parser, scan.context.budget)
    guard
      saved.save(
        part.fields, scan.batch, contentIndex: part.contentIndex)
    else {
      saved.free()
      return false
    }
    swap(&group.header, &saved.header)
    swap(&group.fields, &saved.fields)
    group.contentIndex = part.contentIndex
    if part.time != 0 { group.time = part.time }
    saved.free()
    return true
  }

  func noteTruncation() { counters?.extra[InputCounterNames.multilineTruncated]?.add() }

  // MARK: Leaving

  /// Lets everything open leave. False when the batch has no room for all.
  func flushAll(_ scan: LineScan, _ open: OpenGroups) -> Bool {
    while let group = open.groups.first {
      guard leave(group, scan, open) else { return false }
    }
    return true
  }

  /// Lets leave what other parsers hold open, so that order is kept.
  func flushOthers(than index: Int, _ scan: LineScan, _ open: OpenGroups) -> Bool {
    while let group = open.groups.first(where: { $0.parser != index }) {
      guard leave(group, scan, open) else { return false }
    }
    return true
  }

  /// The same for a group that may not be there.
  func leave(_ group: OpenGroup?, _ scan: LineScan, _ open: OpenGroups) -> Bool {
    guard let group else { return true }
    return leave(group, scan, open, goesOn: false)
  }

  /// Makes a record of a group, and closes it unless it `goesOn`. False when the batch has no room.
  func leave(
    _ group: OpenGroup, _ scan: LineScan, _ open: OpenGroups, goesOn: Bool, cut: Bool = false
  ) -> Bool {
    if goesOn || cut { group.isTruncated = true }
    guard group.content.count == 0 && group.isTruncated || emit(group, scan) else { return false }
    if goesOn || cut { noteTruncation() }
    for range in group.held { scan.context.attach(range) }
    group.held.removeAll(keepingCapacity: true)
    group.isTouched = false
    if goesOn {
      group.content.free(scan.context.budget)
      group.isTruncated = false
      group.position = group.endPosition
    } else {
      group.free()
      open.groups.removeAll { $0 === group }
    }
    return true
  }
}
