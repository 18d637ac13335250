import CWeirPlugin
import Glibc
import WeirBatch
import WeirParsers
import WeirStage
import WeirTelemetry

/// A parser filter on one lane.
final class ParserFilterLane: FilterLane {
  /// Comparisons of keys beyond which a record is called one with duplicates without looking.
  private static let comparisonsMax = 4096

  private let filter: ParserFilter
  private let tools = LaneTools()
  private let parsers: [ParserLane]
  private var noRoomBefore: UInt64 = 0

  init(_ filter: ParserFilter) {
    self.filter = filter
    let matcher = tools.matcher
    parsers = filter.parsers.map { $0.openLane(matcher) }
  }

  func process(_ batch: Batch, _ selection: Selection, _ counters: StageCounters) {
    let now = filter.now()
    var refused = 0
    for index in selection where !parse(batch, batch.records + Int(index), now) { refused += 1 }
    let noRoom = parsers.reduce(0) { $0 &+ $1.counters.noRoom }
    refused += Int(noRoom &- noRoomBefore)
    noRoomBefore = noRoom
    if refused > 0 { counters.errors.add(refused) }
    for parser in parsers { parser.report(to: counters) }
    tools.end(counters)
  }

  /// - Returns: false when the batch is full; the record is unchanged then.
  private func parse(
    _ batch: Batch, _ record: UnsafeMutablePointer<weir_record>, _ now: Int64
  ) -> Bool {
    let value = filter.accessor.resolve(batch, record)
    guard value.isText else { return true }
    guard let field = field(value, batch) else { return false }
    for parser in parsers {
      switch parser.parse(batch, field, now: now) {
      case .failed: continue
      case .fields: return replace(batch, record, parser)
      case .timed(let time):
        guard replace(batch, record, parser) else { return false }
        record.pointee.time_ns = time
        return true
      }
    }
    return true
  }

  /// The value as a field: a slice of the segment it lies in, or of a copy in scratch.
  private func field(_ value: RecordValue, _ batch: Batch) -> weir_field? {
    let key = UInt32(WEIR_NO_KEY)
    guard let base = value.base, value.count > 0 else {
      return .slice(
        key, UInt32(WEIR_TEXT), segment: UInt32(WEIR_SEGMENT_SCRATCH), offset: 0, length: 0)
    }
    for index in 0..<Int(batch.raw.pointee.segment_count) {
      let segment = batch.raw.pointee.segments[index]
      guard let start = segment.base.map({ UnsafeRawPointer($0) }) else { continue }
      if base >= start, base + value.count <= start + Int(segment.length) {
        return .slice(
          key, value.type, segment: UInt32(index), offset: UInt32(base - start),
          length: UInt32(value.count), flags: value.flags)
      }
    }
    guard let offset = batch.copyToScratch(base, value.count) else { return nil }
    return .slice(
      key, value.type, segment: UInt32(WEIR_SEGMENT_SCRATCH), offset: offset,
      length: UInt32(value.count), flags: value.flags)
  }

  /// Puts the parsed fields first, then those of the record that stay.
  private func replace(
    _ batch: Batch, _ record: UnsafeMutablePointer<weir_record>, _ parser: ParserLane
  ) -> Bool {
    let parsed = parser.fields
    guard var list = batch.openBody(record, extra: parsed.count) else { return false }
    keep(&list, batch)
    if !filter.keepsOthers { record.pointee.resource = UInt32(WEIR_NO_RESOURCE) }
    if parser.hasDuplicates || collides(parsed, list, batch, record) {
      record.pointee.flags |= UInt16(WEIR_RECORD_DUPLICATES)
    }
    memmove(
      list.fields + parsed.count, list.fields, list.count &* MemoryLayout<weir_field>.stride)
    if let base = parsed.baseAddress { list.fields.update(from: base, count: parsed.count) }
    list.count &+= parsed.count
    dropOvershadowed(&list, parsed.count, batch, record)
    batch.closeBody(list, record)
    return true
  }

  /// Takes out the fields that do not stay.
  private func keep(_ list: inout FieldList, _ batch: Batch) {
    var kept = 0
    for index in 0..<list.count {
      let stays: Bool
      if !list.isBody(index) {
        stays = true
      } else if let name = filter.plainName, list.isField(index, name, batch) {
        stays = filter.keepsKey
      } else {
        stays = filter.keepsOthers
      }
      if stays {
        if kept != index { list.fields[kept] = list.fields[index] }
        kept &+= 1
      }
    }
    list.count = kept
  }

  /// Whether a parsed key stays in the record, too; then the record's own is the one that counts.
  private func collides(
    _ parsed: UnsafeBufferPointer<weir_field>, _ list: FieldList, _ batch: Batch,
    _ record: UnsafeMutablePointer<weir_record>
  ) -> Bool {
    if list.count &* parsed.count > ParserFilterLane.comparisonsMax { return true }
    for field in parsed {
      for index in 0..<list.count where list.fields[index].key == field.key { return true }
    }
    return false
  }

  /// A parsed field under the key of the record's resource gives way to the resource.
  private func dropOvershadowed(
    _ list: inout FieldList, _ parsedCount: Int, _ batch: Batch,
    _ record: UnsafeMutablePointer<weir_record>
  ) {
    guard record.pointee.resource != UInt32(WEIR_NO_RESOURCE) else { return }
    let key = batch.raw.pointee.resources[Int(record.pointee.resource)].key
    var index = parsedCount
    while index > 0 {
      index &-= 1
      if list.fields[index].key == key { list.remove(at: index) }
    }
  }
}
