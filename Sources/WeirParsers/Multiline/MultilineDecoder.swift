import CWeirKernels
import CWeirPlugin
import WeirBatch
public import WeirStage
public import WeirTelemetry

// A complete line, the common case of CRI logs, becomes a record of slices like any other line.
// Only what has to wait is copied: into memory of its stream, accounted, until its last part, its
// age or the limit lets it leave. Nothing is cut: what passes the limit goes on in a further
// record, and every record but the last carries the mark `multiline_truncated` in its metadata.

/// Joins lines of a stream by multiline parsers, tried in order, the last successful first.
public final class MultilineDecoder: Decoder, @unchecked Sendable {
  // SAFETY: unchecked because scratch, matcher and counters are touched only during the ordered
  // scan, which one thread at a time runs.

  /// Bytes of text that a joined record has at most, unless configured.
  public static let limitBytesDefault = 2 << 20
  /// The largest limit: a record has to fit into a batch's scratch.
  public static let limitBytesMax = 32 << 20

  let settings: LineSettings
  let parsers: [MultilineParser]
  /// Index of the CRI parser, -1 without one.
  let criIndex: Int
  let limitBytes: Int
  let matcher = RegexMatcher()
  /// Per parser: what reads its lines, and those of further lines of `firstLine`.
  let lanes: [ParserLane?]
  let furtherLanes: [[ParserLane]]
  let positions: UnsafeMutablePointer<UInt32>
  let criFields: UnsafeMutablePointer<weir_field>
  let criKeys: (time: KeyID, stream: KeyID, flag: KeyID, log: KeyID)
  let truncatedKey: KeyID
  var minutes = weir_minute_cache()
  var counters: StageCounters?

  /// - Parameters:
  ///   - parsers: at least one.
  ///   - limitBytes: `multiline_buffer_limit`.
  public init(
    _ parsers: [MultilineParser], _ settings: LineSettings,
    limitBytes: Int = MultilineDecoder.limitBytesDefault
  ) {
    precondition(!parsers.isEmpty, "a multiline decoder needs a parser")
    self.parsers = parsers
    criIndex =
      parsers.firstIndex { parser in
        if case .cri = parser.source { true } else { false }
      } ?? -1
    self.settings = settings
    self.limitBytes = min(max(limitBytes, 1), Self.limitBytesMax)
    let matcher = matcher
    lanes = parsers.map { parser in
      if case .firstLine(let first, _) = parser.kind { return first.openLane(matcher) }
      guard case .parser(let line) = parser.source else { return nil }
      return line.openLane(matcher)
    }
    furtherLanes = parsers.map { parser in
      guard case .firstLine(_, let more) = parser.kind else { return [] }
      return more.map { $0.openLane(matcher) }
    }
    positions = .allocate(capacity: LineWalker.blockMax)
    criFields = .allocate(capacity: 4)
    let keys = KeyTable.shared
    criKeys = (
      keys.intern("time"), keys.intern("stream"), keys.intern("_p"), keys.intern("log")
    )
    truncatedKey = keys.intern("multiline_truncated")
  }

  deinit {
    positions.deallocate()
    criFields.deallocate()
  }

  /// Where lines and truncations are counted. Called once, before the first scan.
  public func bind(_ counters: StageCounters) { self.counters = counters }

  /// Joins a chunk's lines to records; see `Decoder`.
  public func scan(_ chunk: Chunk, from offset: Int, in context: ScanContext) -> ScanStatus {
    let open = openGroups(chunk.stream)
    let scan = LineScan(
      chunk: chunk, context: context, extras: LineFields(settings, chunk, context.batch))
    for group in open.groups { group.isTouched = false }
    let status = scanLines(scan, open, from: offset)
    for group in open.groups where group.isTouched && !group.holds(chunk.generation) {
      group.held.append(context.hold())
      group.heldGeneration = chunk.generation
    }
    for lane in lanes { lane?.report(to: counters) }
    for list in furtherLanes { for lane in list { lane.report(to: counters) } }
    chunk.stream.openDeadline.nanoseconds =
      open.groups.reduce(AtomicInstant.never) { min($0, $1.deadline) }
    return status
  }

  private func openGroups(_ stream: Stream) -> OpenGroups {
    if let state = stream.openState as? OpenGroups { return state }
    let state = OpenGroups()
    stream.openState = state
    return state
  }

  private func scanLines(_ scan: LineScan, _ open: OpenGroups, from offset: Int) -> ScanStatus {
    let chunk = scan.chunk
    let batch = scan.context.batch
    var walker = LineWalker(chunk.base, chunk.length, from: offset, positions: positions)
    var lines = 0
    defer { counters?.lines.add(lines) }
    while let line = nextLine(&walker, scan, open, &lines) {
      if settings.skipsEmptyLines, line.isEmpty(chunk.base) {
        lines &+= 1
        counters?.drop(.emptyLine, records: 1, bytes: line.end &- line.begin)
        continue
      }
      // A line may let everything open leave before it and then leave itself.
      let hasRoom =
        batch.recordCount == 0
        || batch.recordCount &+ open.groups.count < scan.context.recordsMax
      guard hasRoom, take(line, scan, open) else {
        if batch.recordCount > 0 { return .full(offset: line.begin) }
        // Even an empty batch cannot hold it: counted, and never tried again.
        counters?.drop(.noRoom, records: 1, bytes: line.end &- line.begin)
        continue
      }
      lines &+= 1
    }
    if chunk.flags.contains(.flushOpen) || chunk.flags.contains(.streamEnd) {
      guard flushAll(scan, open) else { return .full(offset: chunk.length) }
    }
    return .finished
  }
}

extension MultilineDecoder {
  /// The next line that needs a closer look. Lines that are whole CRI records, while nothing is
  /// open and the last line was one too, become records here: the path that most lines take.
  private func nextLine(
    _ walker: inout LineWalker, _ scan: LineScan, _ open: OpenGroups, _ lines: inout Int
  ) -> Line? {
    guard open.lastParser == criIndex, open.groups.isEmpty else { return walker.next() }
    let batch = scan.batch
    let context = scan.context
    let base = scan.chunk.base
    let fieldRoom = 4 &+ scan.extras.count
    var cache = minutes
    defer { minutes = cache }
    var cri = weir_cri_line()
    while let line = walker.next() {
      guard batch.recordCount < context.recordsMax,
        weir_cri_parse_cached(base + line.start, line.count, &cache, &cri) != 0,
        cri.flag == UInt8(ascii: "F"),
        let record = batch.appendRecord(
          time: cri.time_ok != 0 ? cri.time_ns : context.now,
          position: scan.extras.position(of: line.begin), length: line.end &- line.begin,
          source: context.source, fieldRoom: fieldRoom)
      else { return line }
      writeCRI(cri, line, scan, to: batch.fields + Int(record.pointee.first_field))
      record.pointee.field_count = 4
      scan.extras.append(to: record, batch, at: scan.extras.position(of: line.begin))
      lines &+= 1
    }
    return nil
  }

  /// Writes the four fields of a CRI line.
  @inline(__always)
  func writeCRI(
    _ cri: weir_cri_line, _ line: Line, _ scan: LineScan,
    to fields: UnsafeMutablePointer<weir_field>
  ) {
    let start = scan.chunk.rawOffset &+ UInt32(truncatingIfNeeded: line.start)
    let clean = UInt8(WEIR_FIELD_ASCII | WEIR_FIELD_CLEAN)
    @inline(__always)
    func slice(_ key: KeyID, _ offset: UInt32, _ count: UInt32, _ flags: UInt8) -> weir_field {
      .slice(
        key, UInt32(WEIR_TEXT), segment: UInt32(WEIR_SEGMENT_RAW), offset: start &+ offset,
        length: count, flags: flags)
    }
    fields[0] = slice(criKeys.time, 0, cri.time_len, cri.time_ok != 0 ? clean : 0)
    fields[1] = slice(criKeys.stream, cri.stream_off, cri.stream_len, clean)
    fields[2] = slice(criKeys.flag, cri.stream_off &+ cri.stream_len &+ 1, 1, clean)
    fields[3] = slice(
      criKeys.log, cri.log_off, UInt32(truncatingIfNeeded: line.count) &- cri.log_off, 0)
  }
}

/// What stays the same while one chunk is scanned.
struct LineScan {
  let chunk: Chunk
  let context: ScanContext
  let extras: LineFields

  var batch: Batch { context.batch }

  /// Bytes of a line's text.
  func text(_ line: Line) -> UnsafePointer<UInt8> { chunk.base + line.start }

  /// A text field over a line, `extra` bytes behind it included.
  func field(_ key: KeyID, _ line: Line, extra: Int = 0) -> weir_field {
    .slice(
      key, UInt32(WEIR_TEXT), segment: UInt32(WEIR_SEGMENT_RAW),
      offset: chunk.rawOffset &+ UInt32(truncatingIfNeeded: line.start),
      length: UInt32(truncatingIfNeeded: line.count &+ extra))
  }
}
