import CWeirPlugin
import Glibc
import WeirBatch

/// The fields of a record's body or metadata, opened for editing in place.
///
/// Changes of `count` take effect when the list is closed. Never holds more than `capacity`.
struct FieldList {
  let fields: UnsafeMutablePointer<weir_field>
  var count: Int
  let capacity: Int

  /// Index of the last field of that name, or nil.
  @inline(__always)
  func lastIndex(of name: FieldName, _ batch: Batch) -> Int? {
    var index = count
    while index > 0 {
      index &-= 1
      if isField(index, name, batch) { return index }
    }
    return nil
  }

  /// How many fields have that name.
  @inline(__always)
  func occurrences(of name: FieldName, _ batch: Batch) -> Int {
    var found = 0
    for index in 0..<count where isField(index, name, batch) { found &+= 1 }
    return found
  }

  /// Whether the field at `index` belongs to the body and has that name.
  @inline(__always)
  func isField(_ index: Int, _ name: FieldName, _ batch: Batch) -> Bool {
    batch.key(fields[index].key, is: name.key, name.bytes, name.count) && isBody(index)
  }

  /// Whether the field at `index` is no event metadata.
  @inline(__always)
  func isBody(_ index: Int) -> Bool { fields[index].type != UInt8(WEIR_METADATA) }

  /// Takes out every field of that name, the others keep their order.
  /// - Returns: how many.
  @inline(__always)
  @discardableResult
  mutating func removeAll(_ name: FieldName, _ batch: Batch) -> Int {
    guard let last = lastIndex(of: name, batch) else { return 0 }
    var kept = 0
    for index in 0..<count where index > last || !isField(index, name, batch) {
      if kept != index { fields[kept] = fields[index] }
      kept &+= 1
    }
    defer { count = kept }
    return count &- kept
  }

  /// Takes out every field whose name matches (or, inverted, does not).
  @inline(__always)
  mutating func removeAll(_ matcher: KeyMatcher, _ batch: Batch, inverted: Bool = false) {
    var kept = 0
    for index in 0..<count
    where !isBody(index) || matcher.matches(fields[index].key, batch) == inverted {
      if kept != index { fields[kept] = fields[index] }
      kept &+= 1
    }
    count = kept
  }

  /// Adds a field at the end; the list was opened with room for it.
  @inline(__always)
  mutating func append(_ field: weir_field) {
    fields[count] = field
    count &+= 1
  }

  /// Puts a field before the one at `index`; the list was opened with room for it.
  @inline(__always)
  mutating func insert(_ field: weir_field, at index: Int) {
    memmove(
      fields + (index &+ 1), fields + index,
      (count &- index) &* MemoryLayout<weir_field>.stride)
    fields[index] = field
    count &+= 1
  }

  /// Takes out the field at `index`.
  @inline(__always)
  mutating func remove(at index: Int) {
    count &-= 1
    memmove(
      fields + index, fields + (index &+ 1), (count &- index) &* MemoryLayout<weir_field>.stride)
  }
}

extension Batch {
  /// Opens a record's body with room for `extra` more fields; nil when the field table is full.
  @inline(__always)
  func openBody(
    _ record: UnsafeMutablePointer<weir_record>, extra: Int
  ) -> FieldList? {
    if Int(record.pointee.field_count) &+ extra > Int(record.pointee.field_capacity),
      !grow(record, by: extra)
    {
      return nil
    }
    return FieldList(
      fields: fields + Int(record.pointee.first_field), count: Int(record.pointee.field_count),
      capacity: Int(record.pointee.field_capacity))
  }

  /// Makes the changes of an opened body count.
  @inline(__always)
  func closeBody(_ list: FieldList, _ record: UnsafeMutablePointer<weir_record>) {
    record.pointee.field_count = UInt16(truncatingIfNeeded: list.count)
  }

  /// Opens a record's event metadata with room for `extra` more fields, in a run of its own at the
  /// end of the field table (the children may be shared with a copy of the record).
  /// - Returns: nil when the field table is full.
  func openMetadata(
    _ record: UnsafeMutablePointer<weir_record>, extra: Int
  ) -> FieldList? {
    let old = metadata(of: record).map { RecordValue($0, in: self).children }
    let count = old?.count ?? 0
    let first = raw.pointee.field_count
    let room = count + extra
    guard Int(first) + room <= Int(raw.pointee.field_capacity) else { return nil }
    let run = fields + Int(first)
    if let base = old?.baseAddress { run.update(from: base, count: count) }
    raw.pointee.field_count = first + UInt32(room)
    return FieldList(fields: run, count: count, capacity: room)
  }

  /// Makes the changes of opened metadata count.
  /// - Returns: false when the field table is full; the record is unchanged then.
  func closeMetadata(
    _ list: FieldList, _ record: UnsafeMutablePointer<weir_record>
  ) -> Bool {
    var field = weir_field()
    field.key = UInt32(WEIR_NO_KEY)
    field.type = UInt8(WEIR_METADATA)
    field.value.children.first = UInt32(list.fields - fields)
    field.value.children.count = UInt32(list.count)
    let body = fields(of: record)
    if let index = body.firstIndex(where: { $0.type == UInt8(WEIR_METADATA) }) {
      field.key = body[index].key
      body[index] = field
      return true
    }
    return list.count == 0 || append(field, to: record)
  }
}
