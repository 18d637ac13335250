import CWeirPlugin
import WeirBatch

/// Editing a batch. Each function checks that the calling lane has the batch, and its arguments
/// against the batch's own bounds; what it is given may be anything.
extension HostTable {
  static func addBatch(_ host: inout weir_host) {
    host.key_in_batch = { context, batch, data, length, place in
      guard let context = HostContext.of(context), let place, let data, length <= 1 << 20 else {
        return WEIR_E_ARGUMENT
      }
      guard context.mark(batch, "key_in_batch") != nil, let batch else { return WEIR_E_STATE }
      guard HostTable.isInSegment(batch, data, Int(length)) else {
        return context.breach("key_in_batch with text outside of the batch's segments")
      }
      guard let key = Batch(batch).key(data, Int(length)) else { return WEIR_NO_SPACE }
      place.pointee = key
      return WEIR_OK
    }
    host.scratch_reserve = { context, batch, bytes, place in
      guard let context = HostContext.of(context), let place else { return WEIR_E_ARGUMENT }
      guard let mark = context.mark(batch, "scratch_reserve"), let batch else {
        return WEIR_E_STATE
      }
      guard bytes <= UInt64(UInt32.max), let room = Batch(batch).reserveScratch(Int(bytes)) else {
        return WEIR_NO_SPACE
      }
      mark.reserve(bytes)
      place.pointee = room
      return WEIR_OK
    }
    host.scratch_commit = { context, batch, bytes, segment, offset in
      guard let context = HostContext.of(context), let segment, let offset else {
        return WEIR_E_ARGUMENT
      }
      guard let mark = context.mark(batch, "scratch_commit"), let batch else { return WEIR_E_STATE }
      guard mark.commit(bytes) else {
        return context.breach("scratch_commit of more than the last scratch_reserve")
      }
      segment.pointee = UInt16(WEIR_SEGMENT_SCRATCH)
      offset.pointee = Batch(batch).commitScratch(Int(bytes))
      return WEIR_OK
    }
    addRecords(&host)
  }

  private static func addRecords(_ host: inout weir_host) {
    host.record_append = { context, batch, like, room, place in
      guard let context = HostContext.of(context), let place else { return WEIR_E_ARGUMENT }
      guard context.mark(batch, "record_append") != nil, let batch else { return WEIR_E_STATE }
      guard like < batch.pointee.record_count, room <= 0xffff else { return WEIR_E_ARGUMENT }
      let model = batch.pointee.records[Int(like)]
      let made = Batch(batch).appendRecord(
        time: model.time_ns, position: model.position, length: Int(model.length),
        source: Int(model.source), fieldRoom: Int(room))
      guard let made else { return WEIR_NO_SPACE }
      made.pointee.tag = model.tag
      made.pointee.resource = model.resource
      made.pointee.flags = UInt16(WEIR_RECORD_EMITTED)
      made.pointee.ordinal = model.ordinal &+ 1
      place.pointee = batch.pointee.record_count - 1
      return WEIR_OK
    }
    host.field_append = { context, batch, record, field in
      guard let context = HostContext.of(context), let field else { return WEIR_E_ARGUMENT }
      guard context.mark(batch, "field_append") != nil, let batch else { return WEIR_E_STATE }
      guard record < batch.pointee.record_count, field.pointee.type <= UInt8(WEIR_METADATA) else {
        return WEIR_E_ARGUMENT
      }
      return Batch(batch).append(field.pointee, to: batch.pointee.records + Int(record))
        ? WEIR_OK : WEIR_NO_SPACE
    }
    host.field_remove = { context, batch, record, index in
      guard let context = HostContext.of(context) else { return WEIR_E_ARGUMENT }
      guard context.mark(batch, "field_remove") != nil, let batch else { return WEIR_E_STATE }
      guard record < batch.pointee.record_count else { return WEIR_E_ARGUMENT }
      let place = batch.pointee.records + Int(record)
      guard index < UInt32(place.pointee.field_count) else { return WEIR_E_ARGUMENT }
      Batch(batch).removeField(at: Int(index), of: place)
      return WEIR_OK
    }
    host.children_append = { context, batch, fields, count, first in
      guard let context = HostContext.of(context), let first else { return WEIR_E_ARGUMENT }
      guard context.mark(batch, "children_append") != nil, let batch else { return WEIR_E_STATE }
      guard count == 0 || fields != nil else { return WEIR_E_ARGUMENT }
      let end = batch.pointee.field_count
      guard count <= batch.pointee.field_capacity - end else { return WEIR_NO_SPACE }
      if count > 0, let fields {
        (batch.pointee.fields + Int(end)).update(from: fields, count: Int(count))
      }
      batch.pointee.field_count = end + count
      first.pointee = end
      return WEIR_OK
    }
  }

  /// True when the bytes lie inside one segment of the batch, and so live as long as it does.
  private static func isInSegment(
    _ batch: UnsafeMutablePointer<weir_batch>, _ data: UnsafePointer<UInt8>, _ length: Int
  ) -> Bool {
    for i in 0..<Int(batch.pointee.segment_count) {
      let segment = batch.pointee.segments[i]
      guard let base = segment.base else { continue }
      let start = UInt(bitPattern: base)
      let first = UInt(bitPattern: data)
      if first >= start, first + UInt(length) <= start + UInt(segment.length) { return true }
    }
    return false
  }
}
