import CWeirPlugin
import WeirBatch

/// A batch of made-up records that covers what a plugin can meet: every value type, text that is no
/// UTF-8, empty values, keys of the process and of the batch, resources, dropped records.
final class CheckBatch {
  let storage: BatchStorage
  private let rawSegment: UnsafeMutableBufferPointer<UInt8>
  private var used = 0
  private(set) var selection: [UInt32] = []

  /// What the raw segment can hold.
  static let rawBytes = 64 << 10

  init(sequence: UInt64 = 1) {
    var limits = BatchLimits()
    limits.recordsMax = 256
    limits.fieldsMax = 1 << 16
    limits.scratchBytesMax = 4 << 20
    storage = BatchStorage(limits: limits)
    rawSegment = .allocate(capacity: Self.rawBytes + 64)
    rawSegment.initialize(repeating: 0x2e)
    storage.reset(sequence: sequence)
    let raw = storage.batch.raw
    raw.pointee.segments[0] = weir_segment(
      base: rawSegment.baseAddress, length: UInt64(Self.rawBytes),
      capacity: UInt64(Self.rawBytes))
    let tag = bytes("check.one")
    _ = storage.batch.appendTag(tag, plan: 0)
    _ = storage.batch.appendTag(bytes("check.two"), plan: 0)
    var source = weir_source()
    source.stream = 1
    source.resource = UInt32(WEIR_NO_RESOURCE)
    _ = storage.batch.appendSource(source)
    addResource()
  }

  deinit { rawSegment.deallocate() }

  var batch: Batch { storage.batch }

  private func addResource() {
    let body = bytes("{\"pod\":\"check\"}")
    let raw = batch.raw
    raw.pointee.resources[0] = weir_resource(
      data: body.baseAddress?.assumingMemoryBound(to: UInt8.self), length: UInt32(body.count),
      key: KeyTable.shared.intern("kubernetes"))
    raw.pointee.resource_count = 1
  }

  /// Puts bytes into the raw segment.
  func bytes(_ text: String) -> UnsafeRawBufferPointer { bytes(Array(text.utf8)) }

  /// Puts bytes into the raw segment.
  func bytes(_ bytes: [UInt8]) -> UnsafeRawBufferPointer {
    precondition(used + bytes.count <= Self.rawBytes, "the check batch is full")
    for (i, byte) in bytes.enumerated() { rawSegment[used + i] = byte }
    defer { used += bytes.count }
    return UnsafeRawBufferPointer(
      rebasing: UnsafeRawBufferPointer(rawSegment)[used..<used + bytes.count])
  }

  /// A slice field over new bytes of the raw segment.
  func slice(_ key: String, _ type: UInt32, _ data: [UInt8]) -> weir_field {
    let offset = used
    _ = bytes(data)
    return weir_field.slice(
      KeyTable.shared.intern(key), type, segment: UInt32(WEIR_SEGMENT_RAW),
      offset: UInt32(offset), length: UInt32(data.count))
  }

  /// A text field.
  func text(_ key: String, _ text: String) -> weir_field {
    slice(key, UInt32(WEIR_TEXT), Array(text.utf8))
  }

  /// A field with children, which are put at the end of the field table.
  func parent(_ key: String, _ type: UInt32, _ children: [weir_field]) -> weir_field {
    let raw = batch.raw
    var field = weir_field()
    field.key = KeyTable.shared.intern(key)
    field.type = UInt8(type)
    field.value.children.first = raw.pointee.field_count
    field.value.children.count = UInt32(children.count)
    for child in children {
      raw.pointee.fields[Int(raw.pointee.field_count)] = child
      raw.pointee.field_count += 1
    }
    return field
  }

  /// Adds a record and selects it unless it is dropped.
  @discardableResult
  func add(_ fields: [weir_field], flags: UInt32 = 0, tag: UInt32 = 0) -> UInt32 {
    let index = batch.raw.pointee.record_count
    guard
      let record = batch.appendRecord(
        time: 1_700_000_000_123_456_789 + Int64(index), position: UInt64(index) * 100,
        length: 100, source: 0, fieldRoom: fields.count)
    else { preconditionFailure("the check batch is full") }
    record.pointee.flags = UInt16(flags)
    record.pointee.tag = tag
    for field in fields { batch.append(field, to: record) }
    if flags & UInt32(WEIR_RECORD_DROPPED) == 0 { selection.append(index) }
    return index
  }

  /// The records that every kind of component has to cope with.
  func addEverything() {
    add([text("log", "an ordinary line"), text("stream", "stdout")])
    add([text("log", ""), slice("empty", UInt32(WEIR_BINARY), [])])
    add([])
    add([slice("log", UInt32(WEIR_TEXT), [0xff, 0xfe, 0x61, 0xc3, 0x28, 0x00, 0xed, 0xa0, 0x80])])
    add([text("log", String(repeating: "long line ", count: 800))])
    add([text("log", "dropped before")], flags: UInt32(WEIR_RECORD_DROPPED))
    add([text("log", "other tag")], tag: 1)
    add([
      .null(KeyTable.shared.intern("null")), .bool(KeyTable.shared.intern("yes"), true),
      .int(KeyTable.shared.intern("low"), .min), .unsigned(KeyTable.shared.intern("high"), .max),
      .double(KeyTable.shared.intern("nan"), .nan), .double(KeyTable.shared.intern("pi"), 3.14159),
    ])
    add([
      slice("escaped", UInt32(WEIR_JSON_TEXT), Array("a\\\"b\\u00e4\\\\".utf8)),
      slice("json", UInt32(WEIR_JSON), Array("{\"a\":[1,2,{\"b\":\"c\"}],\"d\":-1.5e3}".utf8)),
      slice("bytes", UInt32(WEIR_BINARY), (0...255).map { UInt8($0) }),
    ])
    addNested()
    addLocalKeys()
    let last = add([text("log", "with a resource")])
    batch.raw.pointee.records[Int(last)].resource = 0
  }

  private func addNested() {
    var item = text("leaf", "4111 1111 1111 1111")
    item.key = UInt32(WEIR_NO_KEY)
    let list = parent("list", UInt32(WEIR_ARRAY), [item, item])
    let map = parent("map", UInt32(WEIR_MAP), [text("inner", "x"), list])
    let note = parent("", UInt32(WEIR_METADATA), [text("otlp", "y")])
    var time = weir_field.int(KeyTable.shared.intern("time"), 1_700_000_000_000_000_000)
    time.type = UInt8(WEIR_TIME)
    add([map, note, time, text("log", "nested")])
  }

  private func addLocalKeys() {
    let name = bytes("key.of.this.batch")
    guard let base = name.baseAddress, let key = batch.localKey(base, name.count) else { return }
    var field = text("log", "under a key of the batch")
    field.key = key
    let record = add([field, text("log", "first"), text("log", "second")])
    batch.raw.pointee.records[Int(record)].flags |= UInt16(WEIR_RECORD_DUPLICATES)
  }

  /// A sum over what a plugin may not write: the raw segment and what lies behind it.
  var rawSum: UInt64 {
    var sum: UInt64 = 14_695_981_039_346_656_037
    for byte in rawSegment { sum = (sum ^ UInt64(byte)) &* 1_099_511_628_211 }
    return sum
  }
}
