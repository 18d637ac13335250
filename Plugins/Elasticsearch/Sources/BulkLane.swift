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
    indexes.begin(now, action)
    var at = Int(cursor)
    var end: UInt64 = 0
    var result = WEIR_OK
    while at < selection.count {
      let index = selection[at]
      let record = batch.record(index)
      indexes.setIndex(record, usesNow ? now : record.time, action)
      guard setID(record) else {
        ends[at] = end
        at &+= 1
        continue
      }
      leads.setTime(usesNow ? now : record.time)
      leads.setTag(record)
      item.pointee.head = weir_string(
        data: UnsafePointer(action.bytes), length: UInt64(action.length))
      result = append(writer.raw, batch.raw, index, item, body, &end)
      if result != WEIR_OK { break }
      ends[at] = end
      at &+= 1
    }
    cursor = UInt32(at)
    if output.settings.tracesOutput { trace(body) }
    return result
  }

  // MARK: Ids

  /// Ends the action line. False when the record has to be left out: it has no id, and the
  /// operation is on the document of an id.
  @inline(__always)
  private func setID(_ record: RecordView) -> Bool {
    if let generated {
      let sources = record.batch.raw.pointee.sources
      guard let sources else { return false }
      action.end(id: generated.make(record.raw, sources + Int(record.raw.pointee.source)))
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
