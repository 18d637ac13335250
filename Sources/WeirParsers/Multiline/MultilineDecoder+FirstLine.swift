import CWeirPlugin
import WeirBatch
import WeirStage

// The older mode of `tail`: `multiline on` with `parser_firstline` and `parser_1`, `parser_2`...

extension MultilineDecoder {
  /// Offers a line to the parsers of first and further lines.
  func offerFirstLine(
    _ line: Line, to index: Int, _ scan: LineScan, _ open: OpenGroups
  ) -> Offer {
    guard let first = lanes[index] else { return .refused }
    let group = open.groups.first { $0.parser == index }
    if let part = fields(of: line, first, scan) {
      guard flushOthers(than: index, scan, open), leave(group, scan, open) else {
        return .noRoom
      }
      open.lastParser = index
      // Without a text that could go on it is whole.
      guard part.contentIndex >= 0 else {
        return emitWhole(parsers[index], part, line, scan) ? .taken : .noRoom
      }
      return begin(index, part, line, scan, open, state: MultilineState.lineEnd)
        ? .taken : .noRoom
    }
    guard let group else { return .refused }
    for lane in furtherLanes[index] {
      guard let part = fields(of: line, lane, scan) else { continue }
      guard group.settleContent(),
        group.save(part.fields, scan.batch, contentIndex: part.contentIndex)
      else { return .refused }
      if part.contentIndex < 0 { return extendFields(group, line, scan) }
      return extend(group, part, line, scan, open, to: MultilineState.lineEnd)
    }
    // A record whose last line left no text has nothing that could go on.
    guard group.contentIndex >= 0 else { return .refused }
    return extend(group, MultilinePart(), line, scan, open, to: MultilineState.lineEnd)
  }

  /// A line's fields under one parser, the last text being what goes on.
  private func fields(of line: Line, _ lane: ParserLane, _ scan: LineScan) -> MultilinePart? {
    let outcome = lane.parse(scan.batch, scan.field(settings.key, line), now: scan.context.now)
    if outcome == .failed { return nil }
    var part = MultilinePart(fields: lane.fields, hasDuplicates: lane.hasDuplicates)
    if case .timed(let time) = outcome { part.time = time }
    part.contentIndex = lane.fields.lastIndex { $0.isText } ?? -1
    return part
  }

  /// A further line that added fields and no text.
  private func extendFields(_ group: OpenGroup, _ line: Line, _ scan: LineScan) -> Offer {
    group.lastPosition = scan.extras.position(of: line.begin)
    group.endPosition = scan.extras.position(of: line.end)
    if scan.chunk.generation !== group.generation { group.isOfOneGeneration = false }
    group.isTouched = true
    group.deadline = scan.context.monotonicNow &+ parsers[group.parser].flushNanoseconds
    return .taken
  }
}
