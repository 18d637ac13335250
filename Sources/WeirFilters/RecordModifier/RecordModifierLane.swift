import CWeirPlugin
import WeirBatch
import WeirStage
import WeirTelemetry

/// A record_modifier on one lane.
final class RecordModifierLane: FilterLane {
  private let filter: RecordModifierFilter
  private let tools: LaneTools
  private let matcher: KeyMatcher?
  private let uuids: UUIDSource
  private let room: Int

  init(_ filter: RecordModifierFilter) {
    self.filter = filter
    tools = LaneTools(filter.pool)
    matcher = filter.patterns.isEmpty ? nil : KeyMatcher(filter.patterns, tools.matcher)
    uuids = UUIDSource(filter.random)
    room = filter.additions.count + (filter.uuidName == nil ? 0 : 1)
  }

  func process(_ batch: Batch, _ selection: Selection, _ counters: StageCounters) {
    tools.begin(batch, selection)
    if let matcher { remove(matcher, batch) }
    guard room > 0 else { return }
    var refused = 0
    let additions = filter.additions
    for index in selection where !append(additions, batch, batch.records + Int(index)) {
      refused += 1
    }
    if refused > 0 { counters.errors.add(refused) }
  }

  private func remove(_ matcher: KeyMatcher, _ batch: Batch) {
    let keeps = filter.isAllowlist
    for index in tools.selected.selection {
      let record = batch.records + Int(index)
      if record.pointee.resource != UInt32(WEIR_NO_RESOURCE) {
        let key = batch.raw.pointee.resources[Int(record.pointee.resource)].key
        if matcher.matches(key, batch) != keeps {
          record.pointee.resource = UInt32(WEIR_NO_RESOURCE)
        }
      }
      guard var list = batch.openBody(record, extra: 0) else { continue }
      list.removeAll(matcher, batch, inverted: keeps)
      batch.closeBody(list, record)
    }
  }

  private func append(
    _ additions: [RecordModifierFilter.Addition], _ batch: Batch,
    _ record: UnsafeMutablePointer<weir_record>
  ) -> Bool {
    guard var list = batch.openBody(record, extra: room) else { return false }
    // By index: an iterator would hold the array, a reference count for each record.
    for index in additions.indices {
      let addition = additions[index]
      guard let field = tools.constants.field(addition.name.key, addition.text, batch) else {
        return false
      }
      add(field, addition.name, &list, batch, record)
    }
    if let name = filter.uuidName {
      guard let place = batch.reserveScratch(UUIDSource.textBytes) else { return false }
      uuids.write(place)
      let field = weir_field.slice(
        name.key, UInt32(WEIR_TEXT), segment: UInt32(WEIR_SEGMENT_SCRATCH),
        offset: batch.commitScratch(UUIDSource.textBytes), length: UInt32(UUIDSource.textBytes),
        flags: UInt8(WEIR_FIELD_ASCII) | UInt8(WEIR_FIELD_CLEAN))
      add(field, name, &list, batch, record)
    }
    batch.closeBody(list, record)
    return true
  }

  /// Appends; a key that was there already makes the record one with duplicates.
  @inline(__always)
  private func add(
    _ field: weir_field, _ name: FieldName, _ list: inout FieldList, _ batch: Batch,
    _ record: UnsafeMutablePointer<weir_record>
  ) {
    if list.lastIndex(of: name, batch) != nil {
      record.pointee.flags |= UInt16(WEIR_RECORD_DUPLICATES)
    }
    let resource = record.pointee.resource
    if resource != UInt32(WEIR_NO_RESOURCE),
      batch.isKey(batch.raw.pointee.resources[Int(resource)].key, name)
    {
      // The new field stands behind the resource, so that it is the one that counts.
      record.pointee.resource = UInt32(WEIR_NO_RESOURCE)
    }
    list.append(field)
  }
}
