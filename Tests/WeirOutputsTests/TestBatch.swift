import CWeirPlugin
import Glibc
import WeirBatch
import WeirStage
import WeirTelemetry

/// A value as a test writes it down.
indirect enum TestValue: Equatable {
  case null
  case bool(Bool)
  case int(Int64)
  case unsigned(UInt64)
  case double(Double)
  /// Text with the flags that a decoder might have set.
  case text([UInt8], flags: UInt32)
  /// The body of a JSON string in canonical escapes.
  case jsonText(String)
  /// Canonical JSON.
  case json(String)
  case binary([UInt8])
  case map([(String, TestValue)])
  case array([TestValue])
  case metadata([(String, TestValue)])

  static func text(_ text: String) -> TestValue { .text(Array(text.utf8), flags: 0) }
  static func clean(_ text: String) -> TestValue { .text(Array(text.utf8), flags: 3) }

  static func == (a: TestValue, b: TestValue) -> Bool { "\(a)" == "\(b)" }
}

/// A batch whose records are built by hand.
final class TestBatch {
  let storage: BatchStorage
  var batch: Batch { storage.batch }
  private var kept: [UnsafeMutablePointer<UInt8>] = []
  private var tags: [String: Int] = [:]

  init(sequence: UInt64 = 1) {
    var limits = BatchLimits()
    limits.recordsMax = 4_096
    limits.fieldsMax = 1 << 18
    limits.scratchBytesMax = 16 << 20
    storage = BatchStorage(limits: limits)
    storage.reset(sequence: sequence)
  }

  deinit { for p in kept { p.deallocate() } }

  /// Bytes with 64 readable ones behind them, as long as the batch lives.
  func keep(_ bytes: [UInt8]) -> UnsafeMutablePointer<UInt8> {
    let p = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count + 64)
    p.initialize(repeating: 0x22, count: bytes.count + 64)
    for (i, byte) in bytes.enumerated() { p[i] = byte }
    kept.append(p)
    return p
  }

  private func source(_ tag: String) -> Int {
    if let known = tags[tag] { return known }
    let bytes = Array(tag.utf8)
    let index = batch.appendTag(
      UnsafeRawBufferPointer(start: keep(bytes), count: bytes.count), plan: UInt32(tags.count))
    var source = weir_source()
    source.tag = index ?? 0
    source.resource = WEIR_NO_RESOURCE
    let number = batch.appendSource(source) ?? 0
    tags[tag] = number
    return number
  }

  /// Adds a record; `duplicates` sets the flag that writers look at.
  @discardableResult
  func add(
    _ fields: [(String, TestValue)], time: Int64 = 0, tag: String = "t", duplicates: Bool = false,
    localKeys: Bool = false
  ) -> UnsafeMutablePointer<weir_record> {
    let tagSource = source(tag)
    let built = fields.map { field($0.0, $0.1, localKeys: localKeys) }
    guard
      let record = batch.appendRecord(
        time: time, position: 0, length: 0, source: tagSource, fieldRoom: fields.count)
    else { preconditionFailure("the test's batch is full") }
    for field in built { batch.append(field, to: record) }
    if duplicates { record.pointee.flags |= UInt16(WEIR_RECORD_DUPLICATES) }
    return record
  }

  /// Gives a record a resource: canonical JSON under a key.
  func setResource(
    _ key: String, _ json: String, of record: UnsafeMutablePointer<weir_record>
  ) {
    let bytes = Array(json.utf8)
    let index = Int(batch.raw.pointee.resource_count)
    batch.raw.pointee.resources[index] = weir_resource(
      data: keep(bytes), length: UInt32(bytes.count), key: KeyTable.shared.intern(key))
    batch.raw.pointee.resource_count += 1
    record.pointee.resource = UInt32(index)
  }

  private func field(_ name: String, _ value: TestValue, localKeys: Bool = false) -> weir_field {
    var field = field(value)
    let bytes = Array(name.utf8)
    if localKeys {
      field.key = batch.localKey(keep(bytes), bytes.count) ?? 0
    } else {
      field.key = KeyTable.shared.intern(name)
    }
    return field
  }

  private func field(_ value: TestValue) -> weir_field {
    var field = weir_field()
    field.key = WEIR_NO_KEY
    switch value {
    case .null: field.type = UInt8(WEIR_NULL)
    case .bool(let value): field = .bool(WEIR_NO_KEY, value)
    case .int(let value): field = .int(WEIR_NO_KEY, value)
    case .unsigned(let value): field = .unsigned(WEIR_NO_KEY, value)
    case .double(let value): field = .double(WEIR_NO_KEY, value)
    case .text(let bytes, let flags): field = slice(bytes, WEIR_TEXT, flags)
    case .jsonText(let text): field = slice(Array(text.utf8), WEIR_JSON_TEXT, asciiFlag(text))
    case .json(let text): field = slice(Array(text.utf8), WEIR_JSON, asciiFlag(text))
    case .binary(let bytes): field = slice(bytes, WEIR_BINARY, 0)
    case .map(let pairs): field = children(pairs.map { self.field($0.0, $0.1) }, WEIR_MAP)
    case .metadata(let pairs):
      field = children(pairs.map { self.field($0.0, $0.1) }, WEIR_METADATA)
    case .array(let values): field = children(values.map { self.field($0) }, WEIR_ARRAY)
    }
    return field
  }

  private func asciiFlag(_ text: String) -> UInt32 {
    text.utf8.allSatisfy { $0 < 0x80 } ? WEIR_FIELD_ASCII : 0
  }

  private func slice(_ bytes: [UInt8], _ type: UInt32, _ flags: UInt32) -> weir_field {
    let offset = bytes.withUnsafeBytes { buffer in
      buffer.baseAddress.flatMap { batch.copyToScratch($0, buffer.count) } ?? 0
    }
    return .slice(
      WEIR_NO_KEY, type, segment: WEIR_SEGMENT_SCRATCH, offset: offset,
      length: UInt32(bytes.count), flags: UInt8(flags))
  }

  /// Children lie in the field table like a record's fields, in a run of their own.
  private func children(_ fields: [weir_field], _ type: UInt32) -> weir_field {
    let first = batch.raw.pointee.field_count
    batch.raw.pointee.field_count += UInt32(fields.count)
    for (i, field) in fields.enumerated() { batch.fields[Int(first) + i] = field }
    var field = weir_field()
    field.key = WEIR_NO_KEY
    field.type = UInt8(type)
    field.value.children.first = first
    field.value.children.count = UInt32(fields.count)
    return field
  }

  /// Encodes all records for an output and returns the payload.
  func encode(
    _ lane: any OutputLane, _ counters: StageCounters = StageCounters(kind: .output, name: "o")
  ) -> Payload {
    let payload = Payload()
    payload.sequence = batch.raw.pointee.sequence
    encode(lane, into: payload, counters)
    return payload
  }

  func encode(_ lane: any OutputLane, into payload: Payload, _ counters: StageCounters) {
    let indices = (0..<UInt32(batch.recordCount)).map { $0 }
    indices.withUnsafeBufferPointer { lane.encode(batch, $0, into: payload, counters) }
  }
}

extension Payload {
  /// Its bytes.
  var bytes: [UInt8] { Array(UnsafeBufferPointer(start: base, count: length)) }
  /// Its bytes as text.
  var text: String { String(decoding: bytes, as: UTF8.self) }
}
