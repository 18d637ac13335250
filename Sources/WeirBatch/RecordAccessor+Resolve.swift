import CWeirKernels
public import CWeirPlugin
import Glibc

extension RecordAccessor {
  /// The value that a path names, viewed in place; missing for templates.
  ///
  /// The last of several equal keys counts. A stream's resource is looked into under its key, as
  /// if it were the record's last field.
  public func resolve(_ batch: Batch, _ record: UnsafePointer<weir_record>) -> RecordValue {
    guard isPath else { return .missing }
    return resolve(parts[0], batch, record)
  }

  /// The value that a path names in the record's event metadata.
  public func resolveMetadata(
    _ batch: Batch, _ record: UnsafePointer<weir_record>
  ) -> RecordValue {
    guard isPath, let metadata = batch.metadata(of: record) else { return .missing }
    let part = parts[0]
    let children = RecordValue(metadata, in: batch).children
    let root = child(of: children, part.key, part.bytes, part.length, batch)
    return walk(root, part, batch)
  }

  func resolve(
    _ part: Part, _ batch: Batch, _ record: UnsafePointer<weir_record>
  ) -> RecordValue {
    if record.pointee.resource != UInt32(WEIR_NO_RESOURCE) {
      let resource = batch.raw.pointee.resources[Int(record.pointee.resource)]
      if batch.key(resource.key, is: part.key, part.bytes, part.length) {
        let value = RecordValue(
          type: UInt32(WEIR_JSON), base: UnsafeRawPointer(resource.data),
          count: Int(resource.length))
        return walk(value, part, batch)
      }
    }
    let fields = UnsafeBufferPointer(batch.fields(of: record))
    return walk(child(of: fields, part.key, part.bytes, part.length, batch), part, batch)
  }

  private func walk(_ root: RecordValue, _ part: Part, _ batch: Batch) -> RecordValue {
    var value = root
    var index = part.number
    let end = part.number &+ part.stepCount
    while index < end, value.isPresent {
      value = enter(value, steps[index], batch)
      index &+= 1
    }
    return value
  }

  private func enter(_ value: RecordValue, _ step: Step, _ batch: Batch) -> RecordValue {
    switch value.type {
    case UInt32(WEIR_JSON): return member(of: value, step)
    case UInt32(WEIR_MAP):
      guard let name = step.name else { return .missing }
      return child(of: value.children, step.key, name, step.length, batch)
    case UInt32(WEIR_ARRAY):
      let children = value.children
      guard step.name == nil, step.index < children.count else { return .missing }
      return RecordValue(children[step.index], in: batch)
    default: return .missing
    }
  }

  private func member(of value: RecordValue, _ step: Step) -> RecordValue {
    guard let base = value.base, value.count > 0 else { return .missing }
    let text = base.assumingMemoryBound(to: UInt8.self)
    var found = weir_json_member()
    let status =
      if let name = step.name {
        weir_json_find_member(text, value.count, name, step.length, &found)
      } else {
        weir_json_element(text, value.count, step.index, &found)
      }
    return status == 1 ? RecordValue(found, of: text) : .missing
  }

  private func child(
    of fields: UnsafeBufferPointer<weir_field>, _ key: KeyID, _ name: UnsafePointer<UInt8>,
    _ length: Int, _ batch: Batch
  ) -> RecordValue {
    var index = fields.count
    while index > 0 {
      index &-= 1
      let field = fields[index]
      if batch.key(field.key, is: key, name, length), field.type != UInt8(WEIR_METADATA) {
        return RecordValue(field, in: batch)
      }
    }
    return .missing
  }
}

extension Batch {
  /// Whether a key of this batch is the interned `id`, whose name is given for the keys that live
  /// in the batch's own table.
  @inline(__always)
  public func key(
    _ key: KeyID, is id: KeyID, _ name: UnsafePointer<UInt8>, _ length: Int
  ) -> Bool {
    if key == id { return true }
    if key & UInt32(WEIR_LOCAL_KEY) == 0 || key == UInt32(WEIR_NO_KEY) { return false }
    let own = self.name(of: key)
    guard own.count == length, let base = own.baseAddress else { return false }
    return memcmp(base, name, length) == 0
  }

  /// The event metadata of a record, a field of type `WEIR_METADATA`; nil when it has none.
  public func metadata(of record: UnsafePointer<weir_record>) -> weir_field? {
    for field in fields(of: record) where field.type == UInt8(WEIR_METADATA) { return field }
    return nil
  }
}
