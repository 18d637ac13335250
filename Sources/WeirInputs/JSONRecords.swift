import CWeirKernels
import CWeirPlugin
import Glibc
import WeirBatch
import WeirConfig
import WeirParsers
import WeirStage

/// Makes records of JSON values: a map, or `[time, map]`. One thread at a time.
final class JSONRecords {
  enum Outcome {
    case made
    /// Made with the time of reading, as its own is none that a record can have.
    case madeWithoutTime
    /// The value is no record; it takes so many bytes.
    case refused
    /// The batch is full; nothing was made.
    case full
  }

  private let parser: ParserLane

  init() throws {
    parser = try Parser(ParserDefinition(name: "records", format: .json)).openLane()
  }

  /// Makes the record of one complete value at `offset` of a segment.
  func append(
    _ value: weir_json_member, _ base: UnsafePointer<UInt8>, segment: UInt32, offset: UInt32,
    time: Int64, position: UInt64, _ context: ScanContext
  ) -> Outcome {
    var map = value
    var time = time
    var hasBadTime = false
    if Int(value.type) == Int(WEIR_JSON_ARRAY) {
      guard let pair = pair(value, base) else { return .refused }
      map = pair.map
      time = pair.time ?? time
      hasBadTime = pair.time == nil
    }
    guard Int(map.type) == Int(WEIR_JSON_OBJECT) else { return .refused }
    guard context.batch.recordCount < context.recordsMax else { return .full }
    let text = weir_field.slice(
      0, UInt32(WEIR_TEXT), segment: segment, offset: offset &+ map.val_off, length: map.val_len)
    let before = parser.counters.noRoom
    if case .failed = parser.parse(context.batch, text, now: context.now) {
      // An empty batch may have the room that this one has not.
      let isFull = parser.counters.noRoom != before && context.batch.recordCount > 0
      return isFull ? .full : .refused
    }
    let fields = parser.fields
    guard
      let record = context.batch.appendRecord(
        time: time, position: position, length: Int(value.val_len), source: context.source,
        fieldRoom: fields.count)
    else { return .full }
    for field in fields { context.batch.append(field, to: record) }
    if parser.hasDuplicates { record.pointee.flags |= UInt16(WEIR_RECORD_DUPLICATES) }
    return hasBadTime ? .madeWithoutTime : .made
  }

  /// `[time, map]`, or `[[time, metadata], map]`; the time is nil where no record can have it.
  private func pair(
    _ value: weir_json_member, _ base: UnsafePointer<UInt8>
  ) -> (time: Int64?, map: weir_json_member)? {
    let array = base + Int(value.val_off)
    let length = Int(value.val_len)
    var head = weir_json_member()
    var map = weir_json_member()
    var none = weir_json_member()
    guard weir_json_element(array, length, 0, &head) == 1,
      weir_json_element(array, length, 1, &map) == 1,
      weir_json_element(array, length, 2, &none) == 0
    else { return nil }
    if Int(head.type) == Int(WEIR_JSON_ARRAY) {
      let inner = array + Int(head.val_off)
      var first = weir_json_member()
      guard weir_json_element(inner, Int(head.val_len), 0, &first) == 1, Self.isNumber(first)
      else { return nil }
      map.val_off += value.val_off
      return (Self.time(first, inner), map)
    }
    guard Self.isNumber(head) else { return nil }
    map.val_off += value.val_off
    return (Self.time(head, array), map)
  }

  private static func isNumber(_ value: weir_json_member) -> Bool {
    value.type == UInt8(WEIR_JSON_I64) || value.type == UInt8(WEIR_JSON_U64)
      || value.type == UInt8(WEIR_JSON_DOUBLE)
  }

  /// Seconds since 1970 as nanoseconds; decimals are taken from the digits, so they are exact.
  static func time(_ number: weir_json_member, _ base: UnsafePointer<UInt8>) -> Int64? {
    switch Int(number.type) {
    case Int(WEIR_JSON_I64):
      let (value, overflow) = number.num.i64.multipliedReportingOverflow(by: 1_000_000_000)
      return overflow ? nil : value
    case Int(WEIR_JSON_DOUBLE):
      let digits = UnsafeBufferPointer(
        start: base + Int(number.val_off), count: Int(number.val_len))
      if let exact = decimal(digits) { return exact }
      let value = number.num.f64 * 1e9
      return value.magnitude < 9e18 ? Int64(value) : nil
    default: return nil
    }
  }

  private static func decimal(_ digits: UnsafeBufferPointer<UInt8>) -> Int64? {
    var value: Int64 = 0
    var decimals = -1
    for byte in digits {
      if byte == UInt8(ascii: "."), decimals < 0 {
        decimals = 0
        continue
      }
      guard byte >= 0x30, byte <= 0x39 else { return nil }
      if decimals == 9 { continue }
      let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
      if overflow { return nil }
      value = shifted + Int64(byte - 0x30)
      if decimals >= 0 { decimals += 1 }
    }
    for _ in max(decimals, 0)..<9 {
      let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
      if overflow { return nil }
      value = shifted
    }
    return value
  }
}
