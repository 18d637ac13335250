import CWeirKernels
import CWeirPlugin
import WeirBatch
import WeirStage

/// A line as one parser sees it.
struct MultilinePart {
  /// Fields of the line; empty when the line is the text.
  var fields = UnsafeBufferPointer<weir_field>(start: nil, count: 0)
  /// Index in `fields` of the text that is joined, -1 for the line itself.
  var contentIndex = -1
  /// Index in `fields` of the text that is looked at, -1 for the line itself.
  var patternIndex = -1
  /// Index in `fields` of the value that names the group, -1 when there is one group only.
  var groupIndex = -1
  /// The line's own time, 0 when none.
  var time: Int64 = 0
  var hasDuplicates = false
}

/// States of groups without rules.
enum MultilineState {
  /// More of the same text is to come.
  static let insideLine = 1
  /// A text has come to its end, the record waits for another.
  static let lineEnd = 2
}

extension MultilineDecoder {
  /// Gives a line to the parsers. False when the batch has no room; nothing is lost then, the line
  /// is taken again in the next batch.
  func take(_ line: Line, _ scan: LineScan, _ open: OpenGroups) -> Bool {
    let last = open.lastParser
    switch offer(line, to: last, scan, open) {
    case .taken: return true
    case .noRoom: return false
    case .refused: break
    }
    for index in parsers.indices where index != last {
      switch offer(line, to: index, scan, open) {
      case .taken: return true
      case .noRoom: return false
      case .refused: continue
      }
    }
    // Nobody's line: it ends what is open and leaves alone.
    guard flushAll(scan, open) else { return false }
    let parser = parsers[0]
    let key = parser.keyContent ?? settings.key
    return emitLine(key, line, endsInFeed: parser.joinsWholeLines, scan)
  }

  enum Offer { case taken, refused, noRoom }

  private func offer(_ line: Line, to index: Int, _ scan: LineScan, _ open: OpenGroups) -> Offer {
    let parser = parsers[index]
    if case .firstLine = parser.kind { return offerFirstLine(line, to: index, scan, open) }
    guard let part = part(of: line, index, parser, scan) else { return .refused }
    let group = findGroup(index, part, scan, open)
    switch parser.kind {
    case .regex(let rules): return offer(line, part, group, rules, index, scan, open)
    case .text, .firstLine: return offerText(line, part, group, index, scan, open)
    }
  }

  private func offer(
    _ line: Line, _ part: MultilinePart, _ group: OpenGroup?, _ rules: MultilineRules,
    _ index: Int, _ scan: LineScan, _ open: OpenGroups
  ) -> Offer {
    let text = patternText(part, line, scan)
    switch rules.step(group?.state, text.base, text.count, matcher) {
    case .none: return .refused
    case .go(let state):
      guard let group else { return .refused }
      guard flushOthers(than: index, scan, open) else { return .noRoom }
      return extend(group, part, line, scan, open, to: state)
    case .begin(let state):
      guard flushOthers(than: index, scan, open), leave(group, scan, open) else {
        return .noRoom
      }
      open.lastParser = index
      return begin(index, part, line, scan, open, state: state) ? .taken : .noRoom
    }
  }

  private func offerText(
    _ line: Line, _ part: MultilinePart, _ group: OpenGroup?, _ index: Int, _ scan: LineScan,
    _ open: OpenGroups
  ) -> Offer {
    let parser = parsers[index]
    guard case .text(let match, let equals, let negated) = parser.kind else { return .refused }
    guard flushOthers(than: index, scan, open) else { return .noRoom }
    let text = patternText(part, line, scan)
    let isComplete = MultilineParser.completes(
      text.base, text.count, match: match, equals: equals, negated: negated)
    open.lastParser = index
    var group = group
    // A complete record that a full batch kept from leaving goes first; so does one that waits for
    // the next first line, when this is one.
    if let waiting = group, endsBefore(waiting, parser, text) {
      guard leave(waiting, scan, open) else { return .noRoom }
      group = nil
    }
    let complete = parser.recordStart == nil ? MultilineRules.start : MultilineState.lineEnd
    let state = isComplete ? complete : MultilineState.insideLine
    if let group { return extend(group, part, line, scan, open, to: state) }
    let isWhole = state == MultilineRules.start
    return
      (isWhole
      ? emitWhole(parser, part, line, scan) : begin(index, part, line, scan, open, state: state))
      ? .taken : .noRoom
  }

  private func endsBefore(
    _ group: OpenGroup, _ parser: MultilineParser, _ text: (base: UnsafePointer<UInt8>, count: Int)
  ) -> Bool {
    if group.state == MultilineRules.start { return true }
    guard group.state == MultilineState.lineEnd, let start = parser.recordStart else {
      return false
    }
    return matcher.search(start, text.base, text.count)
  }

  // MARK: Looking at a line

  private func part(
    of line: Line, _ index: Int, _ parser: MultilineParser, _ scan: LineScan
  ) -> MultilinePart? {
    switch parser.source {
    case .line: return MultilinePart()
    case .cri: return criPart(line, scan)
    case .parser: return parsedPart(line, index, parser, scan)
    }
  }

  private func criPart(_ line: Line, _ scan: LineScan) -> MultilinePart? {
    var cri = weir_cri_line()
    guard weir_cri_parse_cached(scan.text(line), line.count, &minutes, &cri) != 0 else {
      return nil
    }
    writeCRI(cri, line, scan, to: criFields)
    return MultilinePart(
      fields: UnsafeBufferPointer(start: criFields, count: 4), contentIndex: 3, patternIndex: 2,
      groupIndex: 1, time: cri.time_ok != 0 ? cri.time_ns : 0)
  }

  private func parsedPart(
    _ line: Line, _ index: Int, _ parser: MultilineParser, _ scan: LineScan
  ) -> MultilinePart? {
    guard let lane = lanes[index] else { return nil }
    let outcome = lane.parse(
      scan.batch, scan.field(settings.key, line), now: scan.context.now)
    if outcome == .failed { return nil }
    var part = MultilinePart(fields: lane.fields, hasDuplicates: lane.hasDuplicates)
    if case .timed(let time) = outcome { part.time = time }
    for (place, field) in lane.fields.enumerated() where field.isText {
      if field.key == parser.keyContent { part.contentIndex = place }
      if field.key == parser.keyPattern { part.patternIndex = place }
      if field.key == parser.keyGroup { part.groupIndex = place }
    }
    // Without the field that is joined it is not a line of this parser.
    if parser.keyContent != nil, part.contentIndex < 0 { return nil }
    if parser.keyPattern != nil, part.patternIndex < 0 { return nil }
    return part
  }

  /// The text that decides; escapes of JSON are undone.
  private func patternText(
    _ part: MultilinePart, _ line: Line, _ scan: LineScan
  ) -> (base: UnsafePointer<UInt8>, count: Int) {
    guard part.patternIndex >= 0 else { return (scan.text(line), line.count) }
    let field = part.fields[part.patternIndex]
    let bytes = scan.batch.bytes(of: field)
    guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
      return (scan.text(line), 0)
    }
    // Not committed: the text is needed for this decision only.
    guard UInt32(field.type) == UInt32(WEIR_JSON_TEXT),
      let room = scan.batch.reserveScratch(bytes.count + 16)
    else { return (base, bytes.count) }
    return (UnsafePointer(room), weir_json_unescape(room, base, bytes.count))
  }

  /// The open group that the line is of.
  private func findGroup(
    _ index: Int, _ part: MultilinePart, _ scan: LineScan, _ open: OpenGroups
  ) -> OpenGroup? {
    if open.groups.isEmpty { return nil }
    let name = groupName(part, scan)
    return open.groups.first { group in
      group.parser == index && group.group.bytes.elementsEqual(name)
    }
  }

  func groupName(_ part: MultilinePart, _ scan: LineScan) -> UnsafeRawBufferPointer {
    part.groupIndex < 0
      ? UnsafeRawBufferPointer(start: nil, count: 0)
      : scan.batch.bytes(of: part.fields[part.groupIndex])
  }
}

extension weir_field {
  /// Text or the body of a JSON string.
  var isText: Bool {
    UInt32(type) == UInt32(WEIR_TEXT) || UInt32(type) == UInt32(WEIR_JSON_TEXT)
  }

  /// Bytes of its slice.
  var textCount: Int { Int(value.slice.length) }
}
