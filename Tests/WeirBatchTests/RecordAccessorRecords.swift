import CWeirKernels
import CWeirPlugin
import Glibc
import WeirBatch

/// A batch with records made of JSON objects, for tests.
final class RecordAccessorRecords {
  let storage: BatchStorage
  var batch: Batch { storage.batch }
  private var owned: [UnsafeMutablePointer<UInt8>] = []

  init(tag: String = "app.web") {
    var limits = BatchLimits()
    limits.recordsMax = 64
    limits.fieldsMax = 4096
    limits.scratchBytesMax = 1 << 20
    storage = BatchStorage(limits: limits)
    let bytes = keep(tag)
    let index = batch.appendTag(
      UnsafeRawBufferPointer(start: bytes, count: tag.utf8.count), plan: 0)
    var source = weir_source()
    source.tag = index ?? 0
    source.resource = UInt32(WEIR_NO_RESOURCE)
    _ = batch.appendSource(source)
  }

  deinit { for block in owned { block.deallocate() } }

  /// Adds a record; `expanding` makes child fields of maps and arrays instead of raw JSON.
  func add(_ json: String, expanding: Bool = false) -> UnsafeMutablePointer<weir_record> {
    let length = json.utf8.count
    guard
      let offset = Optional(scratch(json)),
      let record = batch.appendRecord(time: 0, position: 0, length: 0, source: 0, fieldRoom: 0)
    else { fatalError("no room in the test's batch") }
    for field in members(offset, length, isArray: false, expanding) {
      precondition(batch.append(field, to: record))
    }
    return record
  }

  /// Gives a record a resource.
  func attach(_ json: String, under key: String, to record: UnsafeMutablePointer<weir_record>) {
    let count = Int(batch.raw.pointee.resource_count)
    batch.raw.pointee.resources[count] = weir_resource(
      data: keep(json), length: UInt32(json.utf8.count), key: KeyTable.shared.intern(key))
    batch.raw.pointee.resource_count = UInt32(count + 1)
    record.pointee.resource = UInt32(count)
  }

  /// Adds fields at the end of the field table, outside of any record.
  func run(_ fields: [weir_field]) -> UInt32 {
    let first = batch.raw.pointee.field_count
    for (index, field) in fields.enumerated() { batch.fields[Int(first) + index] = field }
    batch.raw.pointee.field_count = first + UInt32(fields.count)
    return first
  }

  func keep(_ text: String) -> UnsafePointer<UInt8> {
    let bytes = Array(text.utf8)
    let block = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count + 64)
    block.initialize(repeating: UInt8(ascii: "7"), count: bytes.count + 64)
    for (index, byte) in bytes.enumerated() { block[index] = byte }
    owned.append(block)
    return UnsafePointer(block)
  }

  private func scratch(_ text: String) -> UInt32 {
    var text = text
    return text.withUTF8 { bytes in
      guard let base = bytes.baseAddress, let at = batch.copyToScratch(base, bytes.count) else {
        fatalError("no room in the test's scratch")
      }
      return at
    }
  }

  private func members(
    _ offset: UInt32, _ length: Int, isArray: Bool, _ expanding: Bool
  ) -> [weir_field] {
    guard let base = batch.raw.pointee.segments[1].base else { return [] }
    let text = base + Int(offset)
    var fields: [weir_field] = []
    var cursor = 0
    var member = weir_json_member()
    while weir_json_next(text, length, &cursor, &member) == 1 {
      var key = UInt32(WEIR_NO_KEY)
      if !isArray {
        key = batch.key(text + Int(member.key_off), Int(member.key_len)) ?? key
      }
      fields.append(field(key, member, offset, expanding))
    }
    return fields
  }

  private func field(
    _ key: KeyID, _ member: weir_json_member, _ offset: UInt32, _ expanding: Bool
  ) -> weir_field {
    let at = offset + member.val_off
    let ascii = member.flags & UInt8(WEIR_JSON_ASCII) == 0 ? 0 : UInt8(WEIR_FIELD_ASCII)
    func slice(_ type: UInt32, _ flags: UInt8) -> weir_field {
      weir_field.slice(
        key, type, segment: UInt32(WEIR_SEGMENT_SCRATCH), offset: at, length: member.val_len,
        flags: flags)
    }
    switch Int(member.type) {
    case WEIR_JSON_STRING:
      let isPlain = member.flags & UInt8(WEIR_JSON_PLAIN) != 0
      let clean = isPlain && ascii != 0 ? UInt8(WEIR_FIELD_CLEAN) : 0
      return slice(UInt32(isPlain ? WEIR_TEXT : WEIR_JSON_TEXT), ascii | clean)
    case WEIR_JSON_OBJECT, WEIR_JSON_ARRAY:
      if !expanding { return slice(UInt32(WEIR_JSON), ascii) }
      let isArray = Int(member.type) == WEIR_JSON_ARRAY
      let children = members(at, Int(member.val_len), isArray: isArray, true)
      var field = weir_field.null(key)
      field.type = UInt8(isArray ? WEIR_ARRAY : WEIR_MAP)
      field.value.children.first = run(children)
      field.value.children.count = UInt32(children.count)
      return field
    case WEIR_JSON_BOOL: return .bool(key, member.num.u64 != 0)
    case WEIR_JSON_I64: return .int(key, member.num.i64)
    case WEIR_JSON_U64: return .unsigned(key, member.num.u64)
    case WEIR_JSON_DOUBLE: return .double(key, member.num.f64)
    default: return .null(key)
    }
  }
}
