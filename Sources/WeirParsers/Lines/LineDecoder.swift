import CWeirPlugin
import WeirBatch
public import WeirStage
public import WeirTelemetry

/// Makes one record of each line: the line's text under `key`, a slice of the raw segment.
public final class LineDecoder: Decoder, @unchecked Sendable {
  // SAFETY: unchecked because scratch and counters are touched only during the ordered scan, which
  // one thread at a time runs.

  private let settings: LineSettings
  private let positions: UnsafeMutablePointer<UInt32>
  private var counters: StageCounters?

  /// Makes a decoder for all streams of an input.
  public init(_ settings: LineSettings) {
    self.settings = settings
    positions = .allocate(capacity: LineWalker.blockMax)
  }

  deinit { positions.deallocate() }

  /// Where lines and empty lines left out are counted. Called once, before the first scan.
  public func bind(_ counters: StageCounters) { self.counters = counters }

  /// Makes the records of a chunk's lines; see `Decoder`.
  public func scan(_ chunk: Chunk, from offset: Int, in context: ScanContext) -> ScanStatus {
    let batch = context.batch
    let extras = LineFields(settings, chunk, batch)
    var walker = LineWalker(chunk.base, chunk.length, from: offset, positions: positions)
    var lines = 0
    var empty = 0
    var status = ScanStatus.finished
    while let line = walker.next() {
      if settings.skipsEmptyLines, line.isEmpty(chunk.base) {
        empty &+= 1
        lines &+= 1
        continue
      }
      guard batch.recordCount < context.recordsMax,
        append(line, chunk, extras, context)
      else {
        status = .full(offset: line.begin)
        break
      }
      lines &+= 1
    }
    counters?.lines.add(lines)
    if empty > 0 { counters?.drop(.emptyLine, records: empty, bytes: empty) }
    return status
  }

  @inline(__always)
  private func append(
    _ line: Line, _ chunk: Chunk, _ extras: LineFields, _ context: ScanContext
  ) -> Bool {
    let batch = context.batch
    guard
      let record = batch.appendRecord(
        time: context.now, position: extras.position(of: line.begin),
        length: line.end &- line.begin, source: context.source, fieldRoom: 1 &+ extras.count)
    else { return false }
    let text = weir_field.slice(
      settings.key, UInt32(WEIR_TEXT), segment: UInt32(WEIR_SEGMENT_RAW),
      offset: chunk.rawOffset &+ UInt32(truncatingIfNeeded: line.start),
      length: UInt32(truncatingIfNeeded: line.count))
    extras.append(to: record, batch, at: extras.position(of: line.begin))
    batch.append(text, to: record)
    return true
  }
}
