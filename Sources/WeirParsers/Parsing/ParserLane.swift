import CWeirKernels
public import CWeirPlugin
import Glibc
public import WeirBatch
public import WeirTelemetry

/// How parsing one text ended.
public enum ParseOutcome: Equatable, Sendable {
  /// The text is not of the parser's format; nothing was made of it.
  case failed
  /// Fields, and no time of their own.
  case fields
  /// Fields and a time, in nanoseconds since 1970-01-01T00:00:00Z.
  case timed(Int64)
}

/// The text a parse works on: bytes of a batch's segment.
struct ParseSubject {
  var batch: Batch
  var base: UnsafePointer<UInt8>
  var count: Int
  var segment: UInt32
  /// Of `base` in the segment.
  var offset: UInt32

  /// A text field over part of it.
  @inline(__always)
  func text(_ key: KeyID, _ start: Int, _ length: Int, flags: UInt8 = 0) -> weir_field {
    .slice(
      key, UInt32(WEIR_TEXT), segment: segment,
      offset: offset &+ UInt32(truncatingIfNeeded: start),
      length: UInt32(truncatingIfNeeded: length), flags: flags)
  }
}

/// The fields made so far; a value that is passed down while one text is parsed.
struct FieldSink {
  let base: UnsafeMutablePointer<weir_field>
  var count = 0
  /// The record's own time, 0 when none.
  var time: Int64 = 0
  var hasDuplicates = false

  /// False when the bound is reached.
  @inline(__always)
  mutating func append(_ field: weir_field) -> Bool {
    guard count < ParserLane.fieldsMax else { return false }
    base[count] = field
    count &+= 1
    return true
  }
}

/// One lane's state of a parser. Used by one thread at a time.
///
/// A parse leaves its fields in `fields`, not in a record, so that callers decide where they go;
/// values are slices of the text itself wherever they can be. Scratch bytes that a failed parse
/// wrote stay unused in the batch.
public final class ParserLane {
  /// Fields that one text may give; a text with more is not parsed.
  public static let fieldsMax = 4_096

  /// Totals since the lane began.
  public struct Counters: Sendable, Equatable {
    /// Texts that were not of the format.
    public var failures: UInt64 = 0
    /// Times that could not be read.
    public var timeFailures: UInt64 = 0
    /// Values that a cast left as text.
    public var castFailures: UInt64 = 0
    /// Texts given up because a bound was reached: fields, keys or scratch of the batch.
    public var noRoom: UInt64 = 0
  }

  public let parser: Parser
  // Variables are used with every record and never held while anything else runs: nothing to check
  // at run time.
  @exclusivity(unchecked) public private(set) var counters = Counters()
  /// What of them stages have been told.
  private var reported = Counters()
  let matcher: RegexMatcher
  /// The parser's expression.
  let program: RegexProgram?
  private let buffer: UnsafeMutablePointer<weir_field>
  @exclusivity(unchecked) private var fieldCount = 0
  /// Whether a key occurs twice in `fields`: then set `WEIR_RECORD_DUPLICATES` on the record.
  @exclusivity(unchecked) public private(set) var hasDuplicates = false
  let members: UnsafeMutablePointer<weir_json_member>
  let keyStamps: UnsafeMutablePointer<UInt32>
  @exclusivity(unchecked) var stamp: UInt32 = 0

  /// Global keys first, local ones behind.
  static let globalKeysMax = KeyTable.learntMax + KeyTable.configuredMax
  static let stampCount = globalKeysMax + BatchLimits().localKeysMax

  init(_ parser: Parser, _ matcher: RegexMatcher) {
    self.parser = parser
    self.matcher = matcher
    program = parser.regex?.program
    buffer = .allocate(capacity: Self.fieldsMax)
    members = .allocate(capacity: Self.fieldsMax)
    // calloc: pages that no key reaches are never touched.
    guard let stamps = calloc(Self.stampCount, MemoryLayout<UInt32>.stride) else {
      preconditionFailure("out of memory")
    }
    keyStamps = stamps.bindMemory(to: UInt32.self, capacity: Self.stampCount)
  }

  deinit {
    buffer.deallocate()
    members.deallocate()
    free(keyStamps)
  }

  /// The fields of the last parse; valid until the next one and while the batch is.
  public var fields: UnsafeBufferPointer<weir_field> {
    UnsafeBufferPointer(start: buffer, count: fieldCount)
  }

  /// Parses the value of a text field of `batch` (`WEIR_TEXT`, `WEIR_BINARY`, or `WEIR_JSON_TEXT`,
  /// which is unescaped first); other types fail.
  ///
  /// - Parameter now: wall clock in nanoseconds, for time formats without a year or date.
  public func parse(_ batch: Batch, _ value: weir_field, now: Int64) -> ParseOutcome {
    fieldCount = 0
    hasDuplicates = false
    guard let subject = subject(batch, value) else { return fail() }
    var sink = FieldSink(base: buffer)
    let isParsed =
      switch parser.format {
      case .json: parseJSON(subject, &sink, now)
      case .regex: parseRegex(subject, &sink, now)
      case .ltsv: parseLTSV(subject, &sink, now)
      case .logfmt: parseLogfmt(subject, &sink, now)
      }
    guard isParsed, parser.decoders.isEmpty || decodeFields(batch, &sink) else { return fail() }
    fieldCount = sink.count
    hasDuplicates = sink.hasDuplicates
    // A time of exactly 0 is taken for none, as the reference does.
    return sink.time == 0 ? .fields : .timed(sink.time)
  }

  /// Adds times and casts that failed since the last call to the numbers of a stage.
  public func report(to stage: StageCounters?) {
    let times = counters.timeFailures &- reported.timeFailures
    let casts = counters.castFailures &- reported.castFailures
    if times | casts == 0 { return }
    reported = counters
    stage?.extra[ParserCounterNames.timeFailures]?.add(Int(times))
    stage?.extra[ParserCounterNames.castFailures]?.add(Int(casts))
  }

  private func fail() -> ParseOutcome {
    counters.failures &+= 1
    return .failed
  }

  /// The bytes that a field's text is.
  func subject(_ batch: Batch, _ value: weir_field) -> ParseSubject? {
    let bytes = batch.bytes(of: value)
    switch UInt32(value.type) {
    case UInt32(WEIR_TEXT), UInt32(WEIR_BINARY):
      guard let base = bytes.baseAddress else { return nil }
      return ParseSubject(
        batch: batch, base: base.assumingMemoryBound(to: UInt8.self), count: bytes.count,
        segment: UInt32(value.segment), offset: value.value.slice.offset)
    case UInt32(WEIR_JSON_TEXT): return unescaped(batch, bytes)
    default: return nil
    }
  }

  private func unescaped(_ batch: Batch, _ body: UnsafeRawBufferPointer) -> ParseSubject? {
    guard let base = body.baseAddress, let room = batch.reserveScratch(body.count + 16) else {
      return outOfRoom()
    }
    let count = weir_json_unescape(
      room, base.assumingMemoryBound(to: UInt8.self), body.count)
    let offset = batch.commitScratch(count)
    return ParseSubject(
      batch: batch, base: UnsafePointer(room), count: count,
      segment: UInt32(WEIR_SEGMENT_SCRATCH), offset: offset)
  }

  // MARK: Shared by the formats

  /// Counts a bound that was reached.
  func outOfRoom<T>() -> T? {
    counters.noRoom &+= 1
    return nil
  }

  /// The id of a key in the data, nil (and counted) when both key tables are full.
  @inline(__always)
  func key(_ batch: Batch, _ base: UnsafePointer<UInt8>, _ count: Int) -> KeyID? {
    batch.key(base, count) ?? outOfRoom()
  }

  /// Reads the time field's text into the sink; a failure is counted, the first one told.
  func readTime(
    _ base: UnsafePointer<UInt8>, _ count: Int, _ sink: inout FieldSink, _ now: Int64
  ) -> TimeReading {
    let reading = parser.timeFormat?.reading(base, count, now: now) ?? .unreadable
    if case .time(let time) = reading {
      sink.time = time
    } else {
      counters.timeFailures &+= 1
      parser.notices.timeFailed(reading, UnsafeBufferPointer(start: base, count: count))
    }
    return reading
  }

  /// A field of a type for text of the subject; text when the cast fails.
  func typed(
    _ type: Parser.FieldType?, _ key: KeyID, _ subject: ParseSubject, _ start: Int, _ count: Int
  ) -> weir_field {
    if let type, type != .string {
      if let field = FieldCast.field(type, key, subject.base + start, count) { return field }
      counters.castFailures &+= 1
      parser.notices.castFailed(
        type, key, UnsafeBufferPointer(start: subject.base + start, count: count))
    }
    return subject.text(key, start, count)
  }

  /// Begins a new round of `sawKey`.
  func forgetKeys() {
    stamp &+= 1
    if stamp == 0 {
      keyStamps.update(repeating: 0, count: Self.stampCount)
      stamp = 1
    }
  }

  /// Whether the key was seen since `forgetKeys`; remembers it.
  @inline(__always)
  func sawKey(_ key: KeyID) -> Bool {
    let isLocal = key & UInt32(WEIR_LOCAL_KEY) != 0
    let index = Int(key & ~UInt32(WEIR_LOCAL_KEY)) &+ (isLocal ? Self.globalKeysMax : 0)
    guard index < Self.stampCount else { return true }
    if keyStamps[index] == stamp { return true }
    keyStamps[index] = stamp
    return false
  }
}
