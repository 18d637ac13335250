public import CWeirPlugin
public import Glibc

/// A view of one `weir_batch`: records and fields over segments, read and edited in place.
///
/// Reading is pointer arithmetic. Editing is by flag (drop), by key id (rename), by appending to
/// scratch and re-pointing a slice (change), or by appending a field. The raw segment is never
/// written. A batch belongs to one lane at a time; nothing may keep a pointer into it afterwards.
public struct Batch: @unchecked Sendable {
  public let raw: UnsafeMutablePointer<weir_batch>

  @inlinable
  public init(_ raw: UnsafeMutablePointer<weir_batch>) { self.raw = raw }

  @inlinable public var recordCount: Int { Int(raw.pointee.record_count) }
  @inlinable public var records: UnsafeMutablePointer<weir_record> { raw.pointee.records }
  @inlinable public var fields: UnsafeMutablePointer<weir_field> { raw.pointee.fields }

  // MARK: Reading

  /// The fields of a record, in record order.
  @inlinable
  public func fields(of record: UnsafePointer<weir_record>)
    -> UnsafeMutableBufferPointer<weir_field>
  {
    UnsafeMutableBufferPointer(
      start: raw.pointee.fields + Int(record.pointee.first_field),
      count: Int(record.pointee.field_count))
  }

  /// The bytes of a slice field (text, JSON text, JSON, binary); 64 readable bytes follow them.
  @inlinable
  public func bytes(of field: weir_field) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      start: raw.pointee.segments[Int(field.segment)].base + Int(field.value.slice.offset),
      count: Int(field.value.slice.length))
  }

  /// The field of that key, or nil. Of duplicates the last one counts, as in JSON writers.
  @inlinable
  public func field(_ key: KeyID, of record: UnsafePointer<weir_record>)
    -> UnsafeMutablePointer<weir_field>?
  {
    let first = raw.pointee.fields + Int(record.pointee.first_field)
    var i = Int(record.pointee.field_count)
    while i > 0 {
      i &-= 1
      if first[i].key == key { return first + i }
    }
    return nil
  }

  /// The name of a key, global or local.
  @inlinable
  public func name(of key: KeyID) -> UnsafeRawBufferPointer {
    let entry =
      key & UInt32(WEIR_LOCAL_KEY) == 0
      ? raw.pointee.keys[Int(key)]
      : raw.pointee.local_keys[Int(key & ~UInt32(WEIR_LOCAL_KEY))]
    return UnsafeRawBufferPointer(start: entry.data, count: Int(entry.length))
  }

  /// The tag of a record.
  @inlinable
  public func tag(of record: UnsafePointer<weir_record>) -> UnsafeRawBufferPointer {
    let tag = raw.pointee.tags[Int(record.pointee.tag)]
    return UnsafeRawBufferPointer(start: tag.data, count: Int(tag.length))
  }

  // MARK: Making records

  /// Adds an empty record with room for `fieldRoom` fields at the end of the field table.
  /// - Returns: nil when the batch is full; nothing has changed then.
  @inlinable
  public func appendRecord(
    time: Int64, position: UInt64, length: Int, source: Int, fieldRoom: Int
  ) -> UnsafeMutablePointer<weir_record>? {
    let count = raw.pointee.record_count
    let firstField = raw.pointee.field_count
    if count >= raw.pointee.record_capacity
      || Int(firstField) &+ fieldRoom > Int(raw.pointee.field_capacity) || fieldRoom > 0xffff
    {
      return nil
    }
    let record = raw.pointee.records + Int(count)
    let origin = raw.pointee.sources[source]
    record.pointee = weir_record(
      time_ns: time, position: position, length: UInt32(truncatingIfNeeded: length),
      first_field: firstField, field_count: 0,
      field_capacity: UInt16(truncatingIfNeeded: fieldRoom),
      flags: 0, ordinal: 0, source: UInt32(truncatingIfNeeded: source), tag: origin.tag,
      resource: origin.resource, reserved: 0)
    raw.pointee.record_count = count &+ 1
    raw.pointee.field_count = firstField &+ UInt32(truncatingIfNeeded: fieldRoom)
    return record
  }

  /// Adds a field at the end of a record; moves the record's fields to the end of the field table
  /// when there is no room behind them.
  /// - Returns: false when the field table is full (the record is unchanged).
  @inlinable
  @discardableResult
  public func append(_ field: weir_field, to record: UnsafeMutablePointer<weir_record>) -> Bool {
    if record.pointee.field_count == record.pointee.field_capacity,
      !grow(record, by: 1)
    {
      return false
    }
    raw.pointee.fields[Int(record.pointee.first_field) &+ Int(record.pointee.field_count)] = field
    record.pointee.field_count &+= 1
    return true
  }

  /// Makes room for `extra` more fields behind those of a record.
  /// - Returns: false when the field table is full (the record is unchanged).
  public func grow(_ record: UnsafeMutablePointer<weir_record>, by extra: Int) -> Bool {
    let count = Int(record.pointee.field_count)
    if count + extra <= Int(record.pointee.field_capacity) { return true }
    let first = Int(record.pointee.first_field)
    let end = Int(raw.pointee.field_count)
    let room = count + extra + max(4, count / 2)
    guard room <= 0xffff else { return false }
    if first + Int(record.pointee.field_capacity) == end {
      // The record is the last one: it grows in place.
      guard first + room <= Int(raw.pointee.field_capacity) else { return false }
      raw.pointee.field_count = UInt32(first + room)
    } else {
      guard end + room <= Int(raw.pointee.field_capacity) else { return false }
      (raw.pointee.fields + end).update(from: raw.pointee.fields + first, count: count)
      record.pointee.first_field = UInt32(end)
      raw.pointee.field_count = UInt32(end + room)
    }
    record.pointee.field_capacity = UInt16(room)
    return true
  }

  /// Takes the field at `index` out of a record; the others keep their order.
  @inlinable
  public func removeField(at index: Int, of record: UnsafeMutablePointer<weir_record>) {
    let first = raw.pointee.fields + Int(record.pointee.first_field)
    let count = Int(record.pointee.field_count)
    if index &+ 1 < count {
      memmove(
        first + index, first + (index &+ 1),
        (count &- index &- 1) &* MemoryLayout<weir_field>.stride)
    }
    record.pointee.field_count &-= 1
  }

  /// Copies a record, its fields in a run of their own, to the end of the record table.
  /// - Returns: nil when the batch is full.
  public func duplicate(_ record: UnsafePointer<weir_record>)
    -> UnsafeMutablePointer<weir_record>?
  {
    let source = record.pointee
    let count = Int(source.field_count)
    guard
      let copy = appendRecord(
        time: source.time_ns, position: source.position, length: Int(source.length),
        source: Int(source.source), fieldRoom: count)
    else { return nil }
    (raw.pointee.fields + Int(copy.pointee.first_field)).update(
      from: raw.pointee.fields + Int(source.first_field), count: count)
    copy.pointee.field_count = source.field_count
    copy.pointee.flags = source.flags
    copy.pointee.ordinal = source.ordinal
    copy.pointee.tag = source.tag
    copy.pointee.resource = source.resource
    return copy
  }

  // MARK: Keys

  /// The id of a key seen in data: of the process-wide table when it has or learns it, else of
  /// this batch's own. `p` must stay readable as long as the batch (a segment's bytes).
  /// - Returns: nil when both tables are full.
  @inlinable
  public func key(_ p: UnsafeRawPointer, _ length: Int) -> KeyID? {
    if let id = KeyTable.shared.learn(p, length) { return id }
    return localKey(p, length)
  }

  /// The id of a key in this batch's own table; nil when it is full. `p` as for `key`.
  ///
  /// Complexity: constant, whatever keys a sender makes up.
  public func localKey(_ p: UnsafeRawPointer, _ length: Int) -> KeyID? {
    let count = Int(raw.pointee.local_key_count)
    guard let table = raw.pointee.local_keys else { return nil }
    guard let index = LocalKeyIndex(raw.pointee) else { return nil }
    let hash = KeyTable.hash(p, length)
    let place: Int
    switch index.find(p, length, hash, in: table) {
    case .key(let number): return UInt32(number) | UInt32(WEIR_LOCAL_KEY)
    case .place(let free): place = free
    }
    guard count < Int(raw.pointee.local_key_capacity) else { return nil }
    table[count] = weir_key(
      data: p.assumingMemoryBound(to: UInt8.self), length: UInt32(length), hash: hash)
    index.put(count, at: place, in: table)
    raw.pointee.local_key_count = UInt32(count + 1)
    return UInt32(count) | UInt32(WEIR_LOCAL_KEY)
  }

  // MARK: Tags, sources, resources

  /// Adds a tag, or returns nil when the table is full. `bytes` must outlive the batch, or lie in
  /// one of its segments.
  public func appendTag(_ bytes: UnsafeRawBufferPointer, plan: UInt32) -> UInt32? {
    let count = raw.pointee.tag_count
    guard count < raw.pointee.tag_capacity, let base = bytes.baseAddress else { return nil }
    raw.pointee.tags[Int(count)] = weir_tag(
      data: base.assumingMemoryBound(to: UInt8.self), length: UInt32(bytes.count), plan: plan)
    raw.pointee.tag_count = count + 1
    return count
  }

  /// Adds a source; nil when the table is full.
  public func appendSource(_ source: weir_source) -> Int? {
    let count = raw.pointee.source_count
    guard count < raw.pointee.source_capacity else { return nil }
    raw.pointee.sources[Int(count)] = source
    raw.pointee.source_count = count + 1
    return Int(count)
  }
}
