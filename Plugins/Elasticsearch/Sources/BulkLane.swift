import CWeirPlugin
import Glibc
import WeirSDK

/// Encodes records as bulk items: an action line and a document each.
final class BulkLane: PluginLane {
  private let output: BulkOutput
  private let writer: JSONWriter
  private let action: ActionLine
  private let leads: Leads
  private let indexes: IndexNamer
  private let generated: RecordID?
  private let idAccessor: Accessor?
  private let item: UnsafeMutablePointer<weir_json_item>
  private let tail: UnsafeMutablePointer<UInt8>

  init(_ output: BulkOutput) throws(PluginError) {
    self.output = output
    let settings = output.settings
    // A bulk body with a bare nan is refused as a whole, whatever the service wants elsewhere.
    let dots = settings.replacesDots ? UInt32(WEIR_JSON_REPLACE_DOTS) : 0
    writer = try JSONWriter(output.host, style: UInt32(WEIR_JSON_NAN_NULL) | dots)
    let writer = writer
    action = ActionLine(settings.operation, typeName: settings.typeName) { text in
      Array(text.utf8).withUnsafeBytes { Array(writer.escape($0)) }
    }
    leads = Leads(settings, output.keys, writer)
    indexes = try IndexNamer(output, writer)
    var generated: RecordID?
    var accessor: Accessor?
    switch settings.id {
    case .none: break
    case .generated: generated = RecordID()
    case .accessor(let text): accessor = try Accessor(output.host, text, option: "id_key")
    }
    self.generated = generated
    idAccessor = accessor
    tail = .allocate(capacity: action.tail.count)
    tail.update(from: action.tail, count: action.tail.count)
    item = .allocate(capacity: 1)
    item.initialize(to: weir_json_item())
    item.pointee.struct_size = UInt32(MemoryLayout<weir_json_item>.size)
    item.pointee.lead_count = UInt32(leads.count)
    item.pointee.leads = UnsafePointer(leads.raw)
    item.pointee.tail = weir_string(data: UnsafePointer(tail), length: UInt64(action.tail.count))
    super.init()
  }

  deinit {
    item.deallocate()
    tail.deallocate()
  }

  override func encode(
    _ batch: BatchView, _ selection: SelectionView, _ cursor: inout UInt32,
    _ body: OpaquePointer?, _ ends: UnsafeMutablePointer<UInt64>
  ) throws(PluginError) -> Int32 {
    guard let append = writer.table.pointee.append else { return WEIR_E_UNSUPPORTED }
    let usesNow = output.settings.usesCurrentTime
    let now = output.host.wallClock
    let hasTag = leads.hasTag
    let item = item
    indexes.begin(now, action)
    // Where nothing of the action line depends on the record it is made once.
    let isOneLine = indexes.isOnePerBatch && generated == nil && idAccessor == nil
    if isOneLine { setHead() }
    var at = Int(cursor)
    var end: UInt64 = 0
    var result = WEIR_OK
    while at < selection.count {
      let index = selection[at]
      let record = batch.record(index)
      let time = usesNow ? now : record.time
      if !isOneLine, !setLine(record, time) {
        ends[at] = end
        at &+= 1
        continue
      }
      leads.setTime(time)
      if hasTag { leads.setTag(record) }
      result = append(writer.raw, batch.raw, index, item, body, &end)
      if result != WEIR_OK { break }
      ends[at] = end
      at &+= 1
    }
    cursor = UInt32(at)
    if output.settings.tracesOutput { trace(body) }
    return result
  }

  private func setHead() {
    action.endPlain()
    item.pointee.head = weir_string(
      data: UnsafePointer(action.bytes), length: UInt64(action.length))
  }

  /// Makes the action line of a record; false when the record is left out.
  private func setLine(_ record: RecordView, _ time: Int64) -> Bool {
    indexes.setIndex(record, time, action)
    guard setID(record) else { return false }
    item.pointee.head = weir_string(
      data: UnsafePointer(action.bytes), length: UInt64(action.length))
    return true
  }

  // MARK: Ids

  /// Ends the action line. False when the record has to be left out: it has no id, and the
  /// operation is on the document of an id.
  @inline(__always)
  private func setID(_ record: RecordView) -> Bool {
    if let generated {
      let sources = record.batch.raw.pointee.sources
      guard let sources else { return false }
      generated.write(
        record.raw, sources + Int(record.raw.pointee.source), into: action.endFixed())
      return true
    }
    if idAccessor == nil {
      action.endPlain()
      return true
    }
    return setKeyedID(record)
  }

  /// Ids that Elasticsearch takes are shorter than this.
  private static let idBytesMax = 512

  @inline(never)
  private func setKeyedID(_ record: RecordView) -> Bool {
    let needsID = output.settings.operation.needsID
    guard let idAccessor else { return !needsID }
    let (type, id) = idAccessor.value(record.batch, record.index)
    guard type == UInt32(WEIR_TEXT), id.count > 0 else {
      if needsID { output.missingIDs.record(1) } else { action.endPlain() }
      return !needsID
    }
    if BulkLane.isPlain(id), id.count <= Self.idBytesMax {
      action.end(id: id)
      return true
    }
    return setRareID(id, needsID)
  }

  /// An id that has to be escaped, or cannot be sent.
  private func setRareID(_ id: UnsafeRawBufferPointer, _ needsID: Bool) -> Bool {
    if id.count > Self.idBytesMax || !BulkLane.isSafe(id) {
      output.unsafeIDs.record(1)
      // Without an id a document is only stored anew; an update cannot do without, so that its id
      // goes out, escaped, as far as the line has room.
      if !needsID {
        action.endPlain()
        return true
      }
    }
    let escaped = writer.escape(UnsafeRawBufferPointer(rebasing: id.prefix(Self.idBytesMax + 64)))
    guard escaped.count <= ActionLine.idBytesMax else {
      output.missingIDs.record(1)
      return false
    }
    action.end(id: escaped)
    return true
  }

  /// Whether text is the same in JSON: ASCII without quotes, backslashes and control characters.
  static func isPlain(_ text: UnsafeRawBufferPointer) -> Bool {
    for byte in text
    where byte &- 0x20 >= 0x5f || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
      return false
    }
    return true
  }

  /// Whether text holds no quote, backslash or control character.
  static func isSafe(_ text: UnsafeRawBufferPointer) -> Bool {
    for byte in text where byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
      return false
    }
    return true
  }

  // MARK: Tracing

  private func trace(_ body: OpaquePointer?) {
    for line in writer.view(of: body).split(separator: UInt8(ascii: "\n")) {
      output.host.log(.info, "trace_output: \(String(decoding: line, as: UTF8.self))")
    }
  }
}
