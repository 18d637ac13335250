import CWeirPlugin
import WeirBatch
import WeirOutputs

/// `json/1`: the host's writer of records, for outputs of plugins.
enum JSONExtension {
  static func make() -> weir_json_host {
    var table = weir_json_host()
    table.struct_size = UInt32(MemoryLayout<weir_json_host>.size)
    table.open = { context, style, place in
      guard let context = HostContext.of(context), let place else { return WEIR_E_ARGUMENT }
      var wanted = JSONStyle(
        escapeUnicode: context.json.escapeUnicode, nanToNull: context.json.nanToNull)
      if style & UInt32(WEIR_JSON_UNICODE_RAW) != 0 { wanted.escapeUnicode = false }
      if style & UInt32(WEIR_JSON_UNICODE_ESCAPED) != 0 { wanted.escapeUnicode = true }
      if style & UInt32(WEIR_JSON_NAN_NULL) != 0 { wanted.nanToNull = true }
      wanted.replacesDots = style & UInt32(WEIR_JSON_REPLACE_DOTS) != 0
      // SAFETY: released by `close`, once.
      place.pointee = OpaquePointer(Unmanaged.passRetained(JSONLane(wanted)).toOpaque())
      return WEIR_OK
    }
    table.close = { pointer in
      guard let pointer else { return }
      // SAFETY: retained by `open`; a plugin closes a writer once.
      Unmanaged<JSONLane>.fromOpaque(UnsafeRawPointer(pointer)).release()
    }
    table.append = { pointer, batch, record, item, body, end in
      guard let pointer, let batch, let item, let end else { return WEIR_E_ARGUMENT }
      guard let body = RequestBody.of(body), body.pointee.batch == batch else {
        return WEIR_E_STATE
      }
      guard record < batch.pointee.record_count,
        item.pointee.lead_count <= UInt32(WEIR_LEADS_MAX)
      else { return WEIR_E_ARGUMENT }
      // SAFETY: made by `open`, and not closed yet by contract; used without counting a reference,
      // because this runs once per record.
      return Unmanaged<JSONLane>.fromOpaque(UnsafeRawPointer(pointer))._withUnsafeGuaranteedRef {
        JSONExtension.appendItem($0, batch, record, item, body, end)
      }
    }
    table.escape = { pointer, text, length, place in
      guard let pointer, let place, length == 0 || text != nil,
        length <= UInt64(JSONLane.textBytesMax)
      else { return WEIR_E_ARGUMENT }
      // SAFETY: as above.
      return Unmanaged<JSONLane>.fromOpaque(UnsafeRawPointer(pointer))._withUnsafeGuaranteedRef {
        let escaped = $0.escape(UnsafeRawBufferPointer(start: text, count: Int(length)))
        place.pointee = weir_string(data: escaped.baseAddress, length: UInt64(escaped.count))
        return WEIR_OK
      }
    }
    table.body_view = { pointer, place in
      guard let place else { return WEIR_E_ARGUMENT }
      guard let body = RequestBody.of(pointer) else { return WEIR_E_STATE }
      place.pointee = weir_string(
        data: UnsafePointer(body.pointee.first), length: UInt64(body.pointee.appended))
      return WEIR_OK
    }
    return table
  }

  @inline(__always)
  private static func appendItem(
    _ lane: JSONLane, _ batch: UnsafePointer<weir_batch>, _ record: UInt32,
    _ item: UnsafePointer<weir_json_item>, _ body: UnsafeMutablePointer<RequestBody>,
    _ end: UnsafeMutablePointer<UInt64>
  ) -> Int32 {
    // SAFETY: the writer only reads; the host's own batches have the host's stride.
    let view = Batch(UnsafeMutablePointer(mutating: batch))
    let place = UnsafePointer(batch.pointee.records + Int(record))
    let measure = lane.writer.measureItem(item, place, of: view)
    guard body.pointee.makeRoom(measure.bytes) else { return WEIR_NO_SPACE }
    let out = lane.writer.writeItem(item, place, of: view, measure, to: body.pointee.out)
    body.pointee.out = out
    end.pointee = UInt64(body.pointee.appended)
    return WEIR_OK
  }
}

/// A writer of one lane of a plugin.
final class JSONLane {
  /// Bytes of text that one call may escape.
  static let textBytesMax = 1 << 20

  let writer: RecordJSONWriter
  private let source = TextBuffer(capacity: 512)
  private let escaped = TextBuffer(capacity: 4096)

  init(_ style: JSONStyle) { writer = RecordJSONWriter(style) }

  /// The body of a JSON string; valid until the next call.
  func escape(_ text: UnsafeRawBufferPointer) -> UnsafeBufferPointer<UInt8> {
    escaped.clear()
    guard text.count > 0, let from = text.baseAddress else { return escaped.bytes }
    // The kernel reads in blocks: the text is put where the bytes behind it may be read.
    source.clear()
    source.append(from, text.count)
    writer.escape(source.bytes, into: escaped)
    return escaped.bytes
  }
}
