import CWeirKernels
import CWeirPlugin
import Glibc
import WeirBatch
public import WeirParsers
public import WeirStage
public import WeirTelemetry

/// One record per line: the decoder of inputs without multiline parsers.
///
/// The line's text is a slice of the raw segment; nothing is copied. The ordered scan runs one
/// decoder at a time, so the list of line ends is the decoder's own and reused.
public final class LineDecoder: Decoder, CountingDecoder, @unchecked Sendable {
  /// Line ends that are found at a time.
  static let endsMax = 2_048

  private let settings: LineSettings
  private let ends: UnsafeMutablePointer<UInt32>
  // Set once before the first scan.
  private var counters: StageCounters?

  public init(_ settings: LineSettings) {
    self.settings = settings
    ends = .allocate(capacity: Self.endsMax)
  }

  deinit { ends.deallocate() }

  public func bind(_ counters: StageCounters) { self.counters = counters }

  public func scan(_ chunk: Chunk, from offset: Int, in context: ScanContext) -> ScanStatus {
    let emitter = LineEmitter(chunk, settings, context)
    var start = offset
    var empty = 0
    var lines = 0
    defer {
      counters?.lines.add(lines)
      if empty > 0 { counters?.drop(.emptyLine, records: empty) }
    }
    while start < chunk.length {
      var consumed = 0
      let count = weir_newlines(
        chunk.base + start, chunk.length - start, UInt32(start), ends, Self.endsMax, &consumed)
      let isRest = count == 0
      if isRest { ends[0] = UInt32(chunk.length) }
      for i in 0..<max(count, 1) {
        let end = Int(ends[i])
        let next = isRest ? end : end + 1
        switch emitter.emit(from: start, to: end, next: next) {
        case .made: lines &+= 1
        case .empty:
          lines &+= 1
          empty &+= 1
        case .full: return .full(offset: start)
        }
        start = next
      }
    }
    return .finished
  }
}

/// Makes the record of one line, with `path_key` and `offset_key`.
struct LineEmitter {
  enum Outcome { case made, empty, full }

  private let batch: Batch
  private let base: UnsafePointer<UInt8>
  private let rawOffset: UInt32
  private let position: UInt64
  private let source: Int
  private let recordsMax: Int
  private let now: Int64
  private let settings: LineSettings
  private let pathField: weir_field?

  init(_ chunk: Chunk, _ settings: LineSettings, _ context: ScanContext) {
    batch = context.batch
    base = chunk.base
    rawOffset = chunk.rawOffset
    position = chunk.position
    source = context.source
    recordsMax = context.recordsMax
    now = context.now
    self.settings = settings
    pathField = settings.pathKey.flatMap { key in
      chunk.stream.path.withUnsafeBytes { context.batch.textField(key, copying: $0) }
    }
  }

  /// The line `[from, to)` of the chunk, whose successor begins at `next`.
  @inline(__always)
  func emit(from: Int, to: Int, next: Int) -> Outcome {
    var begin = from
    // NULs in front of a line are what a truncation under a writer leaves.
    while begin < to, base[begin] == 0 { begin &+= 1 }
    var end = to
    if end &- begin >= 2, base[end &- 1] == 0x0d { end &-= 1 }
    let length = end &- begin
    if settings.skipsEmptyLines, length == 0 || (length == 1 && base[begin] == 0x0d) {
      return .empty
    }
    guard batch.recordCount < recordsMax,
      let record = batch.appendRecord(
        time: now, position: position &+ UInt64(from), length: next &- from, source: source,
        fieldRoom: 1 + settings.extraFields)
    else { return .full }
    if let pathField { batch.append(pathField, to: record) }
    if let key = settings.offsetKey {
      batch.append(.unsigned(key, position &+ UInt64(from)), to: record)
    }
    batch.append(
      weir_field.slice(
        settings.key, UInt32(WEIR_TEXT), segment: UInt32(WEIR_SEGMENT_RAW),
        offset: rawOffset &+ UInt32(truncatingIfNeeded: begin),
        length: UInt32(truncatingIfNeeded: length)), to: record)
    return .made
  }
}

extension MultilineDecoder: CountingDecoder {}
