import CWeirKernels
import CWeirPlugin
import Glibc
import WeirBatch
import WeirConfig
import WeirStage
import WeirTelemetry

@testable import WeirFilters

/// A batch with records made of JSON objects, and the way back to text, for tests.
final class TestRecords {
  let storage: BatchStorage
  var batch: Batch { storage.batch }
  private var owned: [UnsafeMutablePointer<UInt8>] = []
  private let buffer = TextBuffer()

  init(_ lines: [String] = [], tag: String = "t", scratchBytes: Int = 1 << 20, fields: Int = 8192) {
    var limits = BatchLimits()
    limits.recordsMax = 4096
    limits.fieldsMax = fields
    limits.scratchBytesMax = scratchBytes
    storage = BatchStorage(limits: limits)
    let index = batch.appendTag(
      UnsafeRawBufferPointer(start: keep(tag), count: tag.utf8.count), plan: 0)
    var source = weir_source()
    source.tag = index ?? 0
    source.resource = UInt32(WEIR_NO_RESOURCE)
    _ = batch.appendSource(source)
    for line in lines { add(line) }
  }

  deinit { for block in owned { block.deallocate() } }

  /// Adds a record of a JSON object, its fields viewed in the text.
  @discardableResult
  func add(_ json: String, without skipped: String? = nil) -> UnsafeMutablePointer<weir_record> {
    // A segment of its own keeps the scratch segment for what filters write.
    let segment = batch.raw.pointee.segment_count
    let text: UnsafeMutablePointer<UInt8>
    let at: UInt32
    if segment < batch.raw.pointee.segment_capacity {
      text = keep(json)
      batch.raw.pointee.segments[Int(segment)] = weir_segment(
        base: text, length: UInt64(json.utf8.count), capacity: UInt64(json.utf8.count))
      batch.raw.pointee.segment_count += 1
      at = segment
    } else {
      fatalError("more records than a test's batch has segments for")
    }
    guard
      let record = batch.appendRecord(time: 0, position: 0, length: 0, source: 0, fieldRoom: 0)
    else { fatalError("no room in the test's batch") }
    var cursor = 0
    var member = weir_json_member()
    var seen: Set<KeyID> = []
    while weir_json_next(text, json.utf8.count, &cursor, &member) == 1 {
      guard let key = batch.key(text + Int(member.key_off), Int(member.key_len)) else { continue }
      if let skipped, key == KeyTable.shared.intern(skipped) { continue }
      if !seen.insert(key).inserted { record.pointee.flags |= UInt16(WEIR_RECORD_DUPLICATES) }
      precondition(batch.append(field(key, member, at), to: record))
    }
    return record
  }

  private func field(
    _ key: KeyID, _ member: weir_json_member, _ segment: UInt32
  ) -> weir_field {
    let ascii = member.flags & UInt8(WEIR_JSON_ASCII) == 0 ? 0 : UInt8(WEIR_FIELD_ASCII)
    func slice(_ type: UInt32, _ flags: UInt8) -> weir_field {
      weir_field.slice(
        key, type, segment: segment, offset: member.val_off, length: member.val_len, flags: flags)
    }
    switch Int(member.type) {
    case WEIR_JSON_STRING:
      let isPlain = member.flags & UInt8(WEIR_JSON_PLAIN) != 0
      let clean = isPlain && ascii != 0 ? UInt8(WEIR_FIELD_CLEAN) : 0
      return slice(UInt32(isPlain ? WEIR_TEXT : WEIR_JSON_TEXT), ascii | clean)
    case WEIR_JSON_OBJECT, WEIR_JSON_ARRAY: return slice(UInt32(WEIR_JSON), ascii)
    case WEIR_JSON_BOOL: return .bool(key, member.num.u64 != 0)
    case WEIR_JSON_I64: return .int(key, member.num.i64)
    case WEIR_JSON_U64: return .unsigned(key, member.num.u64)
    case WEIR_JSON_DOUBLE: return .double(key, member.num.f64)
    default: return .null(key)
    }
  }

  /// Adds a record of one text field.
  func addText(_ text: String, under key: String) -> UnsafeMutablePointer<weir_record> {
    let record = add("{}")
    let segment = batch.raw.pointee.segment_count - 1
    let count = text.utf8.count
    batch.raw.pointee.segments[Int(segment)] = weir_segment(
      base: keep(text), length: UInt64(count), capacity: UInt64(count))
    let field = weir_field.slice(
      KeyTable.shared.intern(key), UInt32(WEIR_TEXT), segment: segment, offset: 0,
      length: UInt32(count))
    precondition(batch.append(field, to: record))
    return record
  }

  /// The stored bytes of a field of the first record.
  func raw(_ key: String) -> String {
    guard let field = batch.field(KeyTable.shared.intern(key), of: batch.records) else {
      return ""
    }
    return String(decoding: batch.bytes(of: field.pointee), as: UTF8.self)
  }

  /// Gives a record a resource.
  func attach(_ json: String, under key: String, to record: UnsafeMutablePointer<weir_record>) {
    let count = Int(batch.raw.pointee.resource_count)
    batch.raw.pointee.resources[count] = weir_resource(
      data: keep(json), length: UInt32(json.utf8.count), key: KeyTable.shared.intern(key))
    batch.raw.pointee.resource_count = UInt32(count + 1)
    record.pointee.resource = UInt32(count)
  }

  private func keep(_ text: String) -> UnsafeMutablePointer<UInt8> {
    let bytes = Array(text.utf8)
    let block = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count + 64)
    block.initialize(repeating: UInt8(ascii: "7"), count: bytes.count + 64)
    for (index, byte) in bytes.enumerated() { block[index] = byte }
    owned.append(block)
    return block
  }

  // MARK: Running

  /// Runs a filter over all records that are not dropped.
  @discardableResult
  func run(_ filter: any Filter) -> StageCounters {
    run(filter.openLane(LaneContext(index: 0)))
  }

  /// Runs a lane's filter over all records that are not dropped.
  @discardableResult
  func run(_ lane: any FilterLane) -> StageCounters {
    let counters = StageCounters(kind: .filter, name: "test")
    let indexes = (0..<batch.recordCount).filter { !isDropped($0) }.map { UInt32($0) }
    indexes.withUnsafeBufferPointer { lane.process(batch, $0, counters) }
    checkFlags()
    return counters
  }

  func isDropped(_ index: Int) -> Bool {
    batch.records[index].flags & UInt16(WEIR_RECORD_DROPPED) != 0
  }

  /// Flags that promise something have to be true.
  private func checkFlags() {
    for index in 0..<batch.recordCount {
      let fields = batch.fields(of: batch.records + index)
      let keys = fields.filter { $0.type != UInt8(WEIR_METADATA) }.map(\.key)
      if Set(keys).count < keys.count {
        precondition(batch.records[index].flags & UInt16(WEIR_RECORD_DUPLICATES) != 0)
      }
      for field in fields where field.isSlice {
        let bytes = batch.bytes(of: field)
        let flags = UInt32(field.flags)
        if flags & UInt32(WEIR_FIELD_ASCII) != 0 { precondition(bytes.allSatisfy { $0 < 0x80 }) }
        if flags & UInt32(WEIR_FIELD_CLEAN) != 0 {
          precondition(fieldFlags(of: bytes) & UInt8(WEIR_FIELD_CLEAN) != 0)
        }
      }
    }
  }

  // MARK: Back to text

  /// The body of a record: keys in order with their values as JSON text, the resource last.
  func entries(_ index: Int) -> [(key: String, value: String)] {
    let record = batch.records + index
    var entries: [(key: String, value: String)] = []
    for field in batch.fields(of: record) where field.type != UInt8(WEIR_METADATA) {
      entries.append((name(field.key), json(RecordValue(field, in: batch))))
    }
    if record.pointee.resource != UInt32(WEIR_NO_RESOURCE) {
      let resource = batch.raw.pointee.resources[Int(record.pointee.resource)]
      let bytes = UnsafeBufferPointer(start: resource.data, count: Int(resource.length))
      entries.append((name(resource.key), String(decoding: bytes, as: UTF8.self)))
    }
    return entries
  }

  /// The event metadata of a record, as `entries`.
  func metadata(_ index: Int) -> [(key: String, value: String)] {
    guard let field = batch.metadata(of: batch.records + index) else { return [] }
    return RecordValue(field, in: batch).children.map {
      (name($0.key), json(RecordValue($0, in: batch)))
    }
  }

  private func name(_ key: KeyID) -> String {
    String(decoding: batch.name(of: key), as: UTF8.self)
  }

  private func json(_ value: RecordValue) -> String {
    buffer.clear()
    guard value.isText else {
      value.render(into: buffer, batch)
      if value.type == UInt32(WEIR_DOUBLE) { return "\(Double(bitPattern: value.bits))" }
      return String(decoding: buffer.bytes, as: UTF8.self)
    }
    let text = Array(value.text(using: buffer))
    return "\"" + String(decoding: text, as: UTF8.self) + "\""
  }

  /// The record as one line, keys in order: `{a:"x",b:1}`.
  func line(_ index: Int) -> String {
    "{" + entries(index).map { "\($0.key):\($0.value)" }.joined(separator: ",") + "}"
  }

  /// The records that are not dropped, as `line`.
  var lines: [String] { (0..<batch.recordCount).filter { !isDropped($0) }.map(line) }

  /// A record as a dictionary; of equal keys the last one counts.
  func object(_ index: Int) -> [String: String] {
    Dictionary(entries(index).map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
  }

  /// The records that are not dropped, as `object`.
  var objects: [[String: String]] {
    (0..<batch.recordCount).filter { !isDropped($0) }.map(object)
  }
}

/// Collects what a filter warns about.
final class Warnings: @unchecked Sendable {
  private(set) var messages: [String] = []
  func take(_ problem: ConfigProblem) { messages.append(problem.message) }

  var context: FilterBuildContext { FilterBuildContext(warn: { self.take($0) }) }
}

extension BuiltinFilters {
  /// Builds a filter from keys and texts.
  static func test(
    _ plugin: String, _ options: KeyValuePairs<String, String>,
    _ context: FilterBuildContext = FilterBuildContext()
  ) throws -> any Filter {
    let kind: StageKind = plugin == "content_modifier" ? .processor : .filter
    return try make(InstanceConfig(kind: kind, plugin: plugin, options: options), context)
  }
}
