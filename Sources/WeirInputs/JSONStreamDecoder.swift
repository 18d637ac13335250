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
/// loses only itself.
final class JSONStreamDecoder: Decoder, CountingDecoder, @unchecked Sendable {
  /// Bytes of an unfinished value that are carried at most.
  static let carryBytesMax = 16 << 20

  /// The beginning of a value whose end has not come yet; belongs to the stream.
  private final class Carry {
    var bytes: [UInt8] = []
  }

  private let records: JSONRecords
  private var counters: StageCounters?

  init() throws { records = try JSONRecords() }

  func bind(_ counters: StageCounters) { self.counters = counters }

  func scan(_ chunk: Chunk, from offset: Int, in context: ScanContext) -> ScanStatus {
    let carry = carry(of: chunk.stream)
    let isLast = chunk.flags.contains(.streamEnd)
    if carry.bytes.isEmpty {
      let status = scan(
        chunk.base, chunk.length, from: offset, segment: UInt32(WEIR_SEGMENT_RAW),
        segmentOffset: chunk.rawOffset, isLast, chunk, carry, context)
      return status.map { .full(offset: $0) } ?? .finished
    }
    // The carried beginning and the new bytes become one text in scratch.
    let had = carry.bytes.count
    let count = had + chunk.length - offset
    guard let room = context.batch.reserveScratch(count + 64) else {
      if context.batch.recordCount > 0 { return .full(offset: offset) }
      refuse(had)
      drop(carry, context)
      return scan(chunk, from: offset, in: context)
    }
    memcpy(room, carry.bytes, had)
    memcpy(room + had, chunk.base + offset, chunk.length - offset)
    let held = carry.bytes
    carry.bytes = []
    context.budget.give(had)
    let at = context.batch.commitScratch(count)
    let status = scan(
      room, count, from: 0, segment: UInt32(WEIR_SEGMENT_SCRATCH), segmentOffset: at, isLast,
      chunk, carry, context)
    guard let stopped = status else { return .finished }
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

  /// Scans a text; what is unfinished at its end goes into `carry`.
  /// - Returns: where it stopped because the batch is full, or nil.
  private func scan(
    _ base: UnsafePointer<UInt8>, _ count: Int, from offset: Int, segment: UInt32,
    segmentOffset: UInt32, _ isLast: Bool, _ chunk: Chunk, _ carry: Carry, _ context: ScanContext
  ) -> Int? {
    var at = offset
    while true {
      while at < count, Self.isBlank(base[at]) { at += 1 }
      if at >= count { return nil }
      var value = weir_json_member()
      var result = weir_json_result()
      let error = weir_json_value(base + at, count - at, &value, &result)
      if error == Int32(WEIR_JSON_ERROR_CUT), !isLast {
        keep(base + at, count - at, carry, context)
        return nil
      }
      guard error == Int32(WEIR_JSON_OK) else {
        let next = Self.resume(base, count, at, at + Int(result.error_off))
        refuse(next - at)
        at = next
        continue
      }
      switch records.append(
        value, base + at, segment: segment,
        offset: segmentOffset &+ UInt32(truncatingIfNeeded: at), time: context.now,
        position: chunk.position, context)
      {
      case .made: counters?.lines.add()
      case .refused: refuse(Int(result.end))
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

  private func keep(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, _ carry: Carry, _ context: ScanContext
  ) {
    guard count <= Self.carryBytesMax, context.budget.take(count) else { return refuse(count) }
    carry.bytes = Array(UnsafeBufferPointer(start: bytes, count: count))
  }

  private func drop(_ carry: Carry, _ context: ScanContext) {
    context.budget.give(carry.bytes.count)
    carry.bytes = []
  }

  private func refuse(_ bytes: Int) {
    counters?.errors.add()
    counters?.drop(.malformed, records: 1, bytes: bytes)
  }
}
