public import CWeirPlugin
public import WeirBatch
public import WeirStage
public import WeirTelemetry

/// The parallel part of an input with a `parser`: replaces each record's text by what the parser
/// makes of it. A text that the parser refuses stays as it is, the record with it.
public final class ParserStage: Filter {
  private let parser: Parser
  private let key: KeyID

  /// - Parameter key: the field that holds the line; the first of its record.
  public init(_ parser: Parser, key: KeyID) {
    self.parser = parser
    self.key = key
  }

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
    for index in selection {
      let record = batch.records + Int(index)
      let fields = batch.fields(of: record)
      guard let first = fields.first, first.key == key else { continue }
      let outcome = lane.parse(batch, first, now: now)
      if outcome == .failed || !batch.replaceField(at: 0, of: record, with: lane.fields) {
        keepRaw(record, batch)
        refused &+= 1
        continue
      }
      if case .timed(let time) = outcome { record.pointee.time_ns = time }
      markDuplicates(record, batch, parsed: lane.fields.count)
    }
    if refused > 0 { counters.errors.add(refused) }
  }

  /// The line as it was read, its carriage return included, behind path and offset.
  private func keepRaw(_ record: UnsafeMutablePointer<weir_record>, _ batch: Batch) {
    record.pointee.flags |= UInt16(WEIR_RECORD_UNPARSED)
    let fields = batch.fields(of: record)
    var text = fields[0]
    let raw = batch.raw.pointee.segments[Int(WEIR_SEGMENT_RAW)]
    let end = Int(text.value.slice.offset) + Int(text.value.slice.length)
    if Int(text.segment) == Int(WEIR_SEGMENT_RAW), end < Int(raw.length), raw.base[end] == 0x0D {
      text.value.slice.length &+= 1
    }
    for index in 1..<max(fields.count, 1) { fields[index - 1] = fields[index] }
    fields[fields.count - 1] = text
  }

  /// A key of the line may be that of `path_key` or `offset_key`: the last one counts.
  private func markDuplicates(
    _ record: UnsafeMutablePointer<weir_record>, _ batch: Batch, parsed: Int
  ) {
    var isDuplicated = lane.hasDuplicates
    let fields = batch.fields(of: record)
    for extra in parsed..<max(fields.count, parsed) where !isDuplicated {
      isDuplicated = fields[..<extra].contains { $0.key == fields[extra].key }
    }
    if isDuplicated { record.pointee.flags |= UInt16(WEIR_RECORD_DUPLICATES) }
  }
}
