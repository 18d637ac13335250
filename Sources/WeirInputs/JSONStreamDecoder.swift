import CWeirKernels
import CWeirPlugin
import Glibc
import WeirBatch
import WeirRing
import WeirStage
import WeirTelemetry

/// Records of a stream of JSON values with any white space between them.
///
/// Chunks may end inside a value: the beginning is carried to the next chunk. What is no value is
/// left out up to the next line (or to where a value can begin), and counted: one malformed token
/// loses only itself. The first of a stream is told, with its place.
final class JSONStreamDecoder: Decoder, CountingDecoder, @unchecked Sendable {
  /// Bytes of an unfinished value that are carried at most.
  static let carryBytesMax = 16 << 20

  /// What a stream has between its chunks.
  private final class Carry {
    /// The beginning of a value whose end has not come yet.
    var bytes: [UInt8] = []
    /// Bytes of the stream before the chunk that is scanned.
    var begin: UInt64 = 0
    var hasTold = false
    var hasToldTime = false
  }

  /// A text that is scanned, and what stays the same meanwhile.
  private struct Text {
    var base: UnsafePointer<UInt8>
    var count: Int
    var segment: UInt32
    /// Of `base` in the segment, and in the stream.
    var segmentOffset: UInt32
    var streamOffset: UInt64
    var isLast: Bool
    var carry: Carry
  }

  /// Says what was left out; another one in tests, set before the first scan.
  var tell: @Sendable (String) -> Void = { Log.error($0) }
  private let records: JSONRecords
  private var counters: StageCounters?

  init() throws { records = try JSONRecords() }

  func bind(_ counters: StageCounters) { self.counters = counters }

  func scan(_ chunk: Chunk, from offset: Int, in context: ScanContext) -> ScanStatus {
    let carry = carry(of: chunk.stream)
    let status = scan(chunk, carry, from: offset, context)
    if case .finished = status { carry.begin &+= UInt64(chunk.length) }
    return status
  }

  private func scan(
    _ chunk: Chunk, _ carry: Carry, from offset: Int, _ context: ScanContext
  ) -> ScanStatus {
    let isLast = chunk.flags.contains(.streamEnd)
    if carry.bytes.isEmpty {
      let text = Text(
        base: chunk.base, count: chunk.length, segment: UInt32(WEIR_SEGMENT_RAW),
        segmentOffset: chunk.rawOffset, streamOffset: carry.begin, isLast: isLast, carry: carry)
      return scan(text, from: offset, chunk, context).map { .full(offset: $0) } ?? .finished
    }
    // The carried beginning and the new bytes become one text in scratch.
    let had = carry.bytes.count
    let count = had + chunk.length - offset
    guard let room = context.batch.reserveScratch(count + 64) else {
      if context.batch.recordCount > 0 { return .full(offset: offset) }
      refuse(had)
      drop(carry, context)
      return scan(chunk, carry, from: offset, context)
    }
    memcpy(room, carry.bytes, had)
    memcpy(room + had, chunk.base + offset, chunk.length - offset)
    let held = carry.bytes
    carry.bytes = []
    context.budget.give(had)
    let at = context.batch.commitScratch(count)
    let text = Text(
      base: room, count: count, segment: UInt32(WEIR_SEGMENT_SCRATCH), segmentOffset: at,
      streamOffset: carry.begin &+ UInt64(offset) &- UInt64(had), isLast: isLast, carry: carry)
    guard let stopped = scan(text, from: 0, chunk, context) else { return .finished }
    if stopped < had {
      // Not even the carried value found room: it is carried on.
      context.budget.force(had)
      carry.bytes = held
      return .full(offset: offset)
    }
    return .full(offset: offset + stopped - had)
  }

  private func carry(of stream: Stream) -> Carry {
    if let carry = stream.openState as? Carry { return carry }
    let carry = Carry()
    stream.openState = carry
    return carry
  }

  /// Scans a text; what is unfinished at its end is carried.
  /// - Returns: where it stopped because the batch is full, or nil.
  private func scan(
    _ text: Text, from offset: Int, _ chunk: Chunk, _ context: ScanContext
  ) -> Int? {
    let (base, count) = (text.base, text.count)
    var at = offset
    while true {
      while at < count, Self.isBlank(base[at]) { at += 1 }
      if at >= count { return nil }
      var value = weir_json_member()
      var result = weir_json_result()
      let error = weir_json_value(base + at, count - at, &value, &result)
      if error == Int32(WEIR_JSON_ERROR_CUT), !text.isLast {
        keep(text, at, context)
        return nil
      }
      guard error == Int32(WEIR_JSON_OK) else {
        let next = Self.resume(base, count, at, at + Int(result.error_off))
        let isCut = error == Int32(WEIR_JSON_ERROR_CUT)
        refuse(text, at..<next, isCut ? "a value without its end" : "no JSON")
        at = next
        continue
      }
      switch records.append(
        value, base + at, segment: text.segment,
        offset: text.segmentOffset &+ UInt32(truncatingIfNeeded: at), time: context.now,
        position: chunk.position, context)
      {
      case .made: counters?.lines.add()
      case .madeWithoutTime:
        counters?.lines.add()
        countTime(text, at..<at + Int(result.end))
      case .refused:
        refuse(text, at..<at + Int(result.end), "neither a map nor [time, map]")
      case .full: return at
      }
      at += Int(result.end)
    }
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || (byte >= 0x09 && byte <= 0x0d) || byte == 0
  }

  /// Where to go on behind text that is no value: at a bracket on the way to the next line, at the
  /// latest with the next line.
  private static func resume(
    _ base: UnsafePointer<UInt8>, _ count: Int, _ begin: Int, _ error: Int
  ) -> Int {
    var at = max(error, begin + 1)
    while at < count, base[at] != 0x0a {
      if base[at] == UInt8(ascii: "{") || base[at] == UInt8(ascii: "[") { return at }
      at += 1
    }
    return at
  }

  private func keep(_ text: Text, _ at: Int, _ context: ScanContext) {
    let count = text.count - at
    guard count <= Self.carryBytesMax, context.budget.take(count) else {
      return refuse(text, at..<text.count, "a value too large to wait for its end")
    }
    text.carry.bytes = Array(UnsafeBufferPointer(start: text.base + at, count: count))
  }

  private func drop(_ carry: Carry, _ context: ScanContext) {
    context.budget.give(carry.bytes.count)
    carry.bytes = []
  }

  // MARK: What is left out

  private func refuse(_ text: Text, _ range: Range<Int>, _ what: String) {
    refuse(range.count)
    if text.carry.hasTold { return }
    text.carry.hasTold = true
    tell(
      "\(place(text, range)): \(what): it is left out, and so is any more of that, counted as "
        + "dropped_malformed; set parser to read lines that are no JSON")
  }

  private func refuse(_ bytes: Int) {
    counters?.errors.add()
    counters?.drop(.malformed, records: 1, bytes: bytes)
  }

  /// A time that no record can have.
  private func countTime(_ text: Text, _ range: Range<Int>) {
    counters?.extra[ParserCounterNames.timeFailures]?.add()
    if text.carry.hasToldTime { return }
    text.carry.hasToldTime = true
    tell(
      "\(place(text, range)): its time lies outside of the years 1678 to 2261: such records have "
        + "the time at which they are read, counted as \(ParserCounterNames.timeFailures); "
        + "times are seconds since 1970")
  }

  /// `NAME: at byte N: "what is there"`.
  private func place(_ text: Text, _ range: Range<Int>) -> String {
    let shown = UnsafeBufferPointer(start: text.base + range.lowerBound, count: range.count)
    return "\(counters?.name ?? "stdin"): at byte "
      + "\(text.streamOffset &+ UInt64(range.lowerBound)): \(Log.quoted(shown))"
  }
}
