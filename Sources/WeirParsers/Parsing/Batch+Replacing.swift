public import CWeirPlugin
public import WeirBatch

extension Batch {
  /// Puts `fields` in place of the field at `index` of a record; the others keep their order.
  ///
  /// - Returns: false when the field table is full; the record is unchanged then.
  public func replaceField(
    at index: Int, of record: UnsafeMutablePointer<weir_record>,
    with fields: UnsafeBufferPointer<weir_field>
  ) -> Bool {
    let count = Int(record.pointee.field_count)
    if fields.count > 1, !grow(record, by: fields.count - 1) { return false }
    let place = raw.pointee.fields + Int(record.pointee.first_field) + index
    // SAFETY: the record has room for all; moving first keeps what stands behind the field.
    (place + fields.count).update(from: place + 1, count: count - index - 1)
    if let base = fields.baseAddress { place.update(from: base, count: fields.count) }
    record.pointee.field_count = UInt16(truncatingIfNeeded: count - 1 + fields.count)
    return true
  }
}
