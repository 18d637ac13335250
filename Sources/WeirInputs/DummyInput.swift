import CWeirKernels
import CWeirPlugin
import Dispatch
import Glibc
import WeirBatch
import WeirConfig
import WeirRing
public import WeirStage
import WeirTelemetry

/// `dummy`: the same record again and again, for tests and first steps.
public final class DummyInput: Input, @unchecked Sendable {
  public let decoder: any Decoder
  private let tag: String
  /// The records of one sample, as JSON maps.
  private let records: [[UInt8]]
  private let copies: Int
  private let samplesMax: Int
  /// Nanoseconds between samples.
  private let interval: Int64
  /// Nanoseconds since 1970 of the first record; nil for the clock's.
  private let startTime: Int64?
  private let isTimeFixed: Bool
  private let beginsAtOnce: Bool
  // Input lane only.
  private var host: InputHost?
  private var stream: Stream?
  private var timer: (any DispatchSourceTimer)?
  private var samples = 0
  private var begun: Int64 = 0
  private var fixedTime: Int64?

  init(_ config: InstanceConfig) throws {
    tag = config.tag ?? config.instanceName
    records = try Self.records(config)
    decoder = try DummyDecoder(metadata: try Self.metadata(config))
    copies = try config.integer("copies", default: 1, in: 1...1_000_000)
    samplesMax = try config.integer("samples", default: 0, in: 0...Int.max)
    let rate = try config.integer("rate", default: 1, in: 1...1_000_000)
    let seconds = try config.integer("interval_sec", default: 0, in: 0...86_400)
    let nanoseconds = try config.integer("interval_nsec", default: 0, in: 0...999_999_999)
    let own = Int64(seconds) * 1_000_000_000 + Int64(nanoseconds)
    interval = own > 0 ? max(own, 100_000) : 1_000_000_000 / Int64(rate)
    let startSeconds = try config.integer("start_time_sec", default: -1)
    let startNanoseconds = try config.integer("start_time_nsec", default: -1)
    startTime =
      startSeconds < 0 && startNanoseconds < 0
      ? nil : Int64(max(0, startSeconds)) * 1_000_000_000 + Int64(max(0, startNanoseconds))
    isTimeFixed = try config.bool("fixed_timestamp")
    beginsAtOnce = try config.bool("flush_on_startup")
  }

  private static let fallback = #"{"message":"dummy"}"#

  /// The maps of `dummy`: one, or those of a list.
  private static func records(_ config: InstanceConfig) throws(ConfigProblem) -> [[UInt8]] {
    let text = Array((config.text("dummy") ?? fallback).utf8) + Array(repeating: 0, count: 64)
    let count = text.count - 64
    let found = text.withUnsafeBufferPointer { bytes -> [[UInt8]]? in
      guard let base = bytes.baseAddress else { return nil }
      var value = weir_json_member()
      var result = weir_json_result()
      guard weir_json_value(base, count, &value, &result) == Int32(WEIR_JSON_OK) else { return nil }
      func slice(_ from: UnsafePointer<UInt8>, _ member: weir_json_member) -> [UInt8] {
        Array(UnsafeBufferPointer(start: from + Int(member.val_off), count: Int(member.val_len)))
      }
      if Int(value.type) == Int(WEIR_JSON_OBJECT) { return [slice(base, value)] }
      guard Int(value.type) == Int(WEIR_JSON_ARRAY) else { return nil }
      var maps: [[UInt8]] = []
      var cursor = 0
      var element = weir_json_member()
      let array = base + Int(value.val_off)
      while weir_json_next(array, Int(value.val_len), &cursor, &element) == 1 {
        guard Int(element.type) == Int(WEIR_JSON_OBJECT) else { return nil }
        maps.append(slice(array, element))
      }
      return maps.isEmpty ? nil : maps
    }
    if let found { return found }
    throw config.problem(
      "it is neither a JSON map nor a list of maps", key: "dummy", suggestion: "write \(fallback)")
  }

  private static func metadata(_ config: InstanceConfig) throws(ConfigProblem) -> [UInt8] {
    let text = Array((config.text("metadata") ?? "{}").utf8) + Array(repeating: 0, count: 64)
    let count = text.count - 64
    let isMap = text.withUnsafeBufferPointer { bytes in
      var value = weir_json_member()
      var result = weir_json_result()
      guard let base = bytes.baseAddress else { return false }
      return weir_json_value(base, count, &value, &result) == Int32(WEIR_JSON_OK)
        && Int(value.type) == Int(WEIR_JSON_OBJECT)
    }
    if isMap { return Array(text[..<count]) }
    throw config.problem("it is no JSON map", key: "metadata", suggestion: "write {}")
  }

  // MARK: Input

  /// Begins to read; see `Input.start`.
  public func start(_ host: InputHost) throws {
    (decoder as? any CountingDecoder)?.bind(host.counters)
    self.host = host
    stream = host.makeStream(tag: Array(tag.utf8))
    begun = Clock.wall()
    let timer = DispatchSource.makeTimerSource(queue: host.queue)
    let step = DispatchTimeInterval.nanoseconds(Int(interval))
    let first = beginsAtOnce ? DispatchTime.now() : DispatchTime.now() + step
    timer.schedule(deadline: first, repeating: step, leeway: .nanoseconds(Int(interval / 20)))
    timer.setEventHandler { [unowned self] in sample() }
    timer.resume()
    self.timer = timer
  }

  /// Reads no more; see `Input.stop`.
  public func stop() { timer?.cancel() }

  /// A sample that was refused is not made up for: the next one is made at its time.
  public func resume() {}

  private func sample() {
    guard let host, let stream else { return }
    if samplesMax > 0 && samples >= samplesMax {
      timer?.cancel()
      return
    }
    guard host.mayRead(stream) else { return }
    let time = self.time()
    for _ in 0..<copies {
      for record in records {
        let length = DummyDecoder.headerBytes + record.count
        guard let room = host.reserve(length), let base = room.baseAddress else { return }
        base.storeBytes(of: time, as: Int64.self)
        base.storeBytes(of: UInt64(record.count), toByteOffset: 8, as: UInt64.self)
        record.withUnsafeBytes {
          (base + DummyDecoder.headerBytes).copyMemory(
            from: $0.baseAddress.unsafelyUnwrapped, byteCount: record.count)
        }
        host.commit(stream, generation: nil, position: 0, length: length)
      }
    }
    samples += 1
  }

  private func time() -> Int64 {
    if let fixedTime { return fixedTime }
    let now = Clock.wall()
    let time = startTime.map { isTimeFixed ? $0 : $0 + (now - begun) } ?? now
    if isTimeFixed { fixedTime = time }
    return time
  }
}

/// Reads what `DummyInput` writes: time, length, JSON map.
final class DummyDecoder: Decoder, CountingDecoder, @unchecked Sendable {
  /// Time and length, eight bytes each, before each map.
  static let headerBytes = 16
  /// Members of the metadata at most.
  static let metadataMax: UInt32 = 64

  private let records: JSONRecords
  private let metadata: [UInt8]
  private var counters: StageCounters?

  init(metadata: [UInt8]) throws {
    records = try JSONRecords()
    self.metadata = metadata.count > 2 ? metadata : []
  }

  func bind(_ counters: StageCounters) { self.counters = counters }

  func scan(_ chunk: Chunk, from offset: Int, in context: ScanContext) -> ScanStatus {
    var at = offset
    while at + Self.headerBytes <= chunk.length {
      let header = UnsafeRawPointer(chunk.base + at)
      let time = header.loadUnaligned(as: Int64.self)
      let length = Int(header.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      let text = at + Self.headerBytes
      var value = weir_json_member()
      value.val_len = UInt32(truncatingIfNeeded: length)
      value.type = UInt8(WEIR_JSON_OBJECT)
      switch records.append(
        value, chunk.base + text, segment: UInt32(WEIR_SEGMENT_RAW),
        offset: chunk.rawOffset &+ UInt32(truncatingIfNeeded: text), time: time, position: 0,
        context)
      {
      case .made, .madeWithoutTime:
        counters?.lines.add()
        addMetadata(context.batch)
      case .refused: counters?.drop(.malformed, records: 1, bytes: length)
      case .full: return .full(offset: at)
      }
      at = text + length
    }
    return .finished
  }

  /// Puts the metadata's members beside the body of the record made last.
  private func addMetadata(_ batch: Batch) {
    guard !metadata.isEmpty, batch.recordCount > 0 else { return }
    let record = batch.records + (batch.recordCount - 1)
    guard let room = batch.copyToScratch(metadata, metadata.count) else { return }
    let base = UnsafePointer(batch.raw.pointee.segments[1].base + Int(room))
    withUnsafeTemporaryAllocation(of: weir_json_member.self, capacity: Int(Self.metadataMax)) {
      var result = weir_json_result()
      guard let members = $0.baseAddress,
        weir_json_object(base, metadata.count, 0, members, Self.metadataMax, &result)
          == Int32(WEIR_JSON_OK)
      else { return }
      append(Array($0[..<Int(result.count)]), base, room, to: record, batch)
    }
  }

  private func append(
    _ members: [weir_json_member], _ base: UnsafePointer<UInt8>, _ offset: UInt32,
    to record: UnsafeMutablePointer<weir_record>, _ batch: Batch
  ) {
    // Room for the one field that refers to them comes first: it may move the record's fields.
    guard batch.grow(record, by: 1) else { return }
    let first = Int(batch.raw.pointee.field_count)
    guard first + members.count <= Int(batch.raw.pointee.field_capacity) else { return }
    var count = 0
    for member in members {
      guard let key = batch.key(base + Int(member.key_off), Int(member.key_len)) else { continue }
      batch.fields[first + count] = Self.field(key, member, offset)
      count += 1
    }
    batch.raw.pointee.field_count = UInt32(first + count)
    var field = weir_field()
    field.key = UInt32(WEIR_NO_KEY)
    field.type = UInt8(WEIR_METADATA)
    field.value.children.first = UInt32(first)
    field.value.children.count = UInt32(count)
    batch.append(field, to: record)
  }

  private static func field(
    _ key: KeyID, _ member: weir_json_member, _ offset: UInt32
  ) -> weir_field {
    switch Int(member.type) {
    case Int(WEIR_JSON_NULL): return .null(key)
    case Int(WEIR_JSON_BOOL): return .bool(key, member.num.u64 != 0)
    case Int(WEIR_JSON_I64): return .int(key, member.num.i64)
    case Int(WEIR_JSON_U64): return .unsigned(key, member.num.u64)
    case Int(WEIR_JSON_DOUBLE): return .double(key, member.num.f64)
    default:
      let isText = Int(member.type) == Int(WEIR_JSON_STRING)
      let type =
        !isText
        ? WEIR_JSON
        : Int32(member.flags) & Int32(WEIR_JSON_PLAIN) != 0
          ? WEIR_TEXT : WEIR_JSON_TEXT
      return .slice(
        key, UInt32(type), segment: UInt32(WEIR_SEGMENT_SCRATCH), offset: offset &+ member.val_off,
        length: member.val_len)
    }
  }
}
