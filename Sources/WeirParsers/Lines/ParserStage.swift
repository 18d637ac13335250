import CWeirPlugin
public import WeirBatch
public import WeirStage
import WeirTelemetry

/// The parallel part of an input with a `parser`: replaces each record's text by what the parser
/// makes of it. A text that the parser refuses stays as it is, the record with it.
public final class ParserStage: Filter {
  private let parser: Parser
  private let key: KeyID

  /// - Parameter key: the field that holds the line.
  public init(_ parser: Parser, key: KeyID) {
    self.parser = parser
    self.key = key
  }

  /// The stage's state on one lane.
  public func openLane(_ lane: LaneContext) -> any FilterLane {
    ParserStageLane(parser.openLane(), key)
  }
}

final class ParserStageLane: FilterLane {
  private let lane: ParserLane
  private let key: KeyID

  init(_ lane: ParserLane, _ key: KeyID) {
    self.lane = lane
    self.key = key
  }

  func process(_ batch: Batch, _ selection: Selection, _ counters: StageCounters) {
    let now = Clock.wall()
    var refused = 0
    for number in selection {
      let record = batch.records + Int(number)
      let fields = batch.fields(of: record)
      guard let index = fields.firstIndex(where: { $0.key == key }) else { continue }
      let outcome = lane.parse(batch, fields[index], now: now)
      if outcome == .failed || !batch.replaceField(at: index, of: record, with: lane.fields) {
        keepRaw(record, index, batch)
        refused &+= 1
        continue
      }
      if case .timed(let time) = outcome { record.pointee.time_ns = time }
      settle(record, batch, before: index, parsed: lane.fields.count)
    }
    if refused > 0 { counters.errors.add(refused) }
    lane.report(to: counters)
  }

  /// The line as it was read, its carriage return included.
  private func keepRaw(
    _ record: UnsafeMutablePointer<weir_record>, _ index: Int, _ batch: Batch
  ) {
    record.pointee.flags |= UInt16(WEIR_RECORD_UNPARSED)
    let fields = batch.fields(of: record)
    let raw = batch.raw.pointee.segments[Int(WEIR_SEGMENT_RAW)]
    let slice = fields[index].value.slice
    let end = Int(slice.offset) + Int(slice.length)
    if UInt32(fields[index].segment) == UInt32(WEIR_SEGMENT_RAW), end < Int(raw.length),
      raw.base[end] == 0x0D
    {
      fields[index].value.slice.length &+= 1
    }
  }

  /// Moves path and offset, which stood in front of the line, behind its fields. A key of the line
  /// may be one of theirs: the last one counts.
  private func settle(
    _ record: UnsafeMutablePointer<weir_record>, _ batch: Batch, before: Int, parsed: Int
  ) {
    let fields = batch.fields(of: record)
    for _ in 0..<before {
      let first = fields[0]
      for index in 1..<(before + parsed) { fields[index - 1] = fields[index] }
      fields[before + parsed - 1] = first
    }
    var isDuplicated = lane.hasDuplicates
    for extra in parsed..<max(fields.count, parsed) where !isDuplicated {
      isDuplicated = fields[..<extra].contains { $0.key == fields[extra].key }
    }
    if isDuplicated { record.pointee.flags |= UInt16(WEIR_RECORD_DUPLICATES) }
  }
}
