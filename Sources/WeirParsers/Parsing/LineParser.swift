public import CWeirPlugin
public import WeirBatch
public import WeirStage
public import WeirTelemetry

/// The `parser` of an input: puts what a parser makes of each line in the place of the line's field.
///
/// A line that the parser refuses stays as it is and keeps the time of its reading; the record is
/// flagged `WEIR_RECORD_UNPARSED` and counted. Runs on the lanes, in parallel.
public final class LineParser: Filter {
  private let parser: Parser
  private let key: KeyID

  /// - Parameter key: the field that holds the line (`LineSettings.key`).
  public init(_ parser: Parser, key: KeyID) {
    self.parser = parser
    self.key = key
  }

  public func openLane(_ lane: LaneContext) -> any FilterLane {
    Lane(parser.openLane(RegexMatcher()), key)
  }

  private final class Lane: FilterLane {
    let parser: ParserLane
    let key: KeyID

    init(_ parser: ParserLane, _ key: KeyID) {
      self.parser = parser
      self.key = key
    }

    func process(_ batch: Batch, _ selection: Selection, _ counters: StageCounters) {
      let now = Clock.wall()
      var refused = 0
      for i in selection where !parse(batch, batch.records + Int(i), now) { refused &+= 1 }
      if refused > 0 { counters.errors.add(refused) }
    }

    @inline(__always)
    private func parse(
      _ batch: Batch, _ record: UnsafeMutablePointer<weir_record>, _ now: Int64
    ) -> Bool {
      let fields = batch.fields(of: record)
      guard let index = fields.firstIndex(where: { $0.key == key }) else { return false }
      let outcome = parser.parse(batch, fields[index], now: now)
      guard outcome != .failed,
        batch.replaceField(at: index, of: record, with: parser.fields)
      else {
        record.pointee.flags |= UInt16(WEIR_RECORD_UNPARSED)
        return false
      }
      if parser.hasDuplicates || fields.count > 1 {
        record.pointee.flags |= UInt16(WEIR_RECORD_DUPLICATES)
      }
      if case .timed(let time) = outcome { record.pointee.time_ns = time }
      return true
    }
  }
}
