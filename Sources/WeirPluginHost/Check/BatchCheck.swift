import CWeirPlugin

/// Whether a batch, as bytes from anywhere, may be walked without reading outside of its tables.
enum BatchCheck {
  /// How deep maps and arrays may nest.
  static let depthMax: Int = 64

  /// Fields that a walk over a whole batch may visit: children that are shared, or point back at
  /// their parents, would make it endless.
  static func visitsMax(_ batch: weir_batch) -> Int { 16 * Int(batch.field_count) + 1024 }

  /// True when a field's value lies inside the batch, children included. Each field that is visited
  /// takes one of `visits`.
  static func isSound(
    _ field: weir_field, _ batch: weir_batch, depth: Int, visits: inout Int
  ) -> Bool {
    visits -= 1
    guard visits >= 0 else { return false }
    guard isKnown(field.key, batch) else { return false }
    switch UInt32(field.type) {
    case UInt32(WEIR_NULL)...UInt32(WEIR_DOUBLE), UInt32(WEIR_TIME): return true
    case UInt32(WEIR_TEXT)...UInt32(WEIR_BINARY):
      guard UInt32(field.segment) < batch.segment_count else { return false }
      let end = UInt64(field.value.slice.offset) + UInt64(field.value.slice.length)
      return end <= batch.segments[Int(field.segment)].length
    case UInt32(WEIR_MAP)...UInt32(WEIR_METADATA):
      let first = field.value.children.first
      let count = field.value.children.count
      guard depth < depthMax, UInt64(first) + UInt64(count) <= UInt64(batch.field_count) else {
        return false
      }
      for i in 0..<Int(count)
      where !isSound(batch.fields[Int(first) + i], batch, depth: depth + 1, visits: &visits) {
        return false
      }
      return true
    default: return false
    }
  }

  private static func isKnown(_ key: UInt32, _ batch: weir_batch) -> Bool {
    if key == UInt32(WEIR_NO_KEY) { return true }
    if key & UInt32(WEIR_LOCAL_KEY) != 0 {
      return key & ~UInt32(WEIR_LOCAL_KEY) < batch.local_key_count
    }
    // Keys are only added: those learnt since the batch was made are readable as well.
    return key < KeyLimit.count
  }

  /// Everything that is wrong with a batch, in words; empty when it may be walked.
  static func problems(_ batch: weir_batch, max limit: Int = 8) -> [String] {
    var found: [String] = []
    func note(_ what: String) { if found.count < limit { found.append(what) } }
    if batch.record_count > batch.record_capacity { note("more records than fit") }
    if batch.field_count > batch.field_capacity { note("more fields than fit") }
    if batch.segment_count > batch.segment_capacity { note("more segments than fit") }
    if batch.local_key_count > batch.local_key_capacity { note("more keys than fit") }
    if batch.tag_count > batch.tag_capacity { note("more tags than fit") }
    if batch.source_count > batch.source_capacity { note("more sources than fit") }
    if batch.resource_count > batch.resource_capacity { note("more resources than fit") }
    if Int(batch.record_stride) < MemoryLayout<weir_record>.size {
      note("a record stride too small")
    }
    guard found.isEmpty else { return found }
    for i in 0..<Int(batch.segment_count)
    where batch.segments[i].length > batch.segments[i].capacity {
      note("segment \(i) is longer than its capacity")
    }
    var visits = visitsMax(batch)
    for i in 0..<Int(batch.record_count) {
      if let what = problem(batch.records[i], batch, &visits) { note("record \(i): \(what)") }
    }
    return found
  }

  private static func problem(
    _ record: weir_record, _ batch: weir_batch, _ visits: inout Int
  ) -> String? {
    let end = UInt64(record.first_field) + UInt64(record.field_count)
    if end > UInt64(batch.field_count) { return "its fields lie behind the last field" }
    if record.field_count > record.field_capacity { return "more fields than its capacity" }
    if record.tag >= batch.tag_count { return "its tag is none of the batch" }
    if record.source >= batch.source_count { return "its source is none of the batch" }
    if record.resource != UInt32(WEIR_NO_RESOURCE), record.resource >= batch.resource_count {
      return "its resource is none of the batch"
    }
    for i in 0..<Int(record.field_count) {
      let field = batch.fields[Int(record.first_field) + i]
      if !isSound(field, batch, depth: 0, visits: &visits) {
        return "field \(i) points outside of the batch"
      }
    }
    return nil
  }
}
