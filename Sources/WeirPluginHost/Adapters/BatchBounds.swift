import CWeirPlugin
import WeirBatch

/// The bounds of a batch before a plugin worked on it, to hold it against afterwards.
///
/// The cheap part of `BatchCheck`: what would make the host read outside of the batch's tables is
/// repaired (the record is dropped), one pass over records and fields.
struct BatchBounds {
  private let before: weir_batch

  init(_ batch: Batch) { before = batch.raw.pointee }

  /// Fields that the batch had.
  var fieldCount: Int { Int(before.field_count) }

  /// Puts the tables and capacities back, and drops records that point outside.
  /// - Returns: records that were dropped, or 1 when the batch itself was damaged.
  func repair(_ batch: Batch) -> Int {
    let raw = batch.raw
    var broken = 0
    if !isSame(raw.pointee) {
      var whole = before
      // Counts may have grown inside their capacities; everything else was not the plugin's.
      func grown(_ now: UInt32, _ was: UInt32, _ capacity: UInt32) -> UInt32 {
        now >= was && now <= capacity ? now : was
      }
      whole.record_count = grown(
        raw.pointee.record_count, before.record_count, before.record_capacity)
      whole.field_count = grown(
        raw.pointee.field_count, before.field_count, before.field_capacity)
      whole.local_key_count = grown(
        raw.pointee.local_key_count, before.local_key_count, before.local_key_capacity)
      raw.pointee = whole
      broken = 1
    }
    var visits = BatchCheck.visitsMax(raw.pointee)
    for i in 0..<Int(raw.pointee.record_count) {
      let record = raw.pointee.records + i
      if record.pointee.flags & UInt16(WEIR_RECORD_DROPPED) == 0,
        !isSound(record.pointee, raw, &visits)
      {
        record.pointee.flags |= UInt16(WEIR_RECORD_DROPPED)
        record.pointee.field_count = 0
        record.pointee.first_field = 0
        record.pointee.field_capacity = 0
        record.pointee.tag =
          before.tag_count > 0 ? min(record.pointee.tag, before.tag_count - 1) : 0
        record.pointee.source = min(record.pointee.source, max(1, before.source_count) - 1)
        broken += 1
      }
    }
    return broken
  }

  /// What is wrong with the batch now, in words.
  func problems(_ batch: Batch) -> [String] {
    guard isSame(batch.raw.pointee) else { return ["its tables or counts are not the host's"] }
    return BatchCheck.problems(batch.raw.pointee)
  }

  private func isSame(_ now: weir_batch) -> Bool {
    now.records == before.records && now.fields == before.fields
      && now.segments == before.segments && now.sources == before.sources
      && now.tags == before.tags && now.keys == before.keys && now.local_keys == before.local_keys
      && now.resources == before.resources && now.record_capacity == before.record_capacity
      && now.field_capacity == before.field_capacity && now.record_count >= before.record_count
      && now.record_count <= now.record_capacity && now.field_count >= before.field_count
      && now.field_count <= now.field_capacity && now.segment_count == before.segment_count
      && now.local_key_count <= now.local_key_capacity
      && now.local_key_count >= before.local_key_count && now.tag_count == before.tag_count
      && now.source_count == before.source_count && now.sequence == before.sequence
      && now.record_stride == before.record_stride && now.host == before.host
      && now.checkpoint == before.checkpoint && now.resource_count == before.resource_count
  }

  private func isSound(
    _ record: weir_record, _ raw: UnsafeMutablePointer<weir_batch>, _ visits: inout Int
  ) -> Bool {
    let end = UInt64(record.first_field) + UInt64(record.field_count)
    guard end <= UInt64(raw.pointee.field_count), record.field_count <= record.field_capacity,
      record.tag < max(1, raw.pointee.tag_count), record.source < max(1, raw.pointee.source_count),
      record.resource == UInt32(WEIR_NO_RESOURCE) || record.resource < raw.pointee.resource_count
    else { return false }
    let first = raw.pointee.fields + Int(record.first_field)
    for i in 0..<Int(record.field_count)
    where !BatchCheck.isSound(first[i], raw.pointee, depth: 0, visits: &visits) {
      return false
    }
    return true
  }
}
