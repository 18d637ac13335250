import CWeirPlugin
import WeirBatch
import WeirStage

/// A text with `{key}` in it: each is replaced by the record's top-level field of that name.
///
/// `{time}` is the record's time with six decimals. What has no field stays as it was written; an
/// opening brace inside braces begins anew, an unclosed one is text. Immutable.
struct LineTemplate: Sendable {
  enum Part: Sendable, Equatable {
    case text([UInt8])
    case time
    /// The key's id, and the text `{key}` for records without it.
    case key(KeyID, [UInt8])
  }

  let parts: [Part]

  init(_ source: String) {
    var parts: [Part] = []
    var text: [UInt8] = []
    var name: [UInt8]?
    func endText() {
      if !text.isEmpty { parts.append(.text(text)) }
      text = []
    }
    for byte in source.utf8 {
      switch (byte, name) {
      case (UInt8(ascii: "{"), let open):
        if let open { text += [UInt8(ascii: "{")] + open }
        name = []
      case (UInt8(ascii: "}"), .some(let open)):
        endText()
        let written = [UInt8(ascii: "{")] + open + [byte]
        if open == Array("time".utf8) {
          parts.append(.time)
        } else {
          let id = KeyTable.shared.intern(String(decoding: open, as: UTF8.self))
          parts.append(.key(id, written))
        }
        name = nil
      case (_, .some): name?.append(byte)
      case (_, .none): text.append(byte)
      }
    }
    if let name { text += [UInt8(ascii: "{")] + name }
    endText()
    self.parts = parts
  }

  /// Appends the text for a record, without a line end.
  func append(
    _ record: UnsafePointer<weir_record>, of batch: Batch, to payload: Payload,
    _ writer: RecordTextWriter
  ) {
    for part in parts {
      switch part {
      case .text(let bytes): bytes.withUnsafeBytes { payload.append($0) }
      case .time: appendSeconds(record.pointee.time_ns, to: payload)
      case .key(let id, let written):
        if !append(id, record, batch, payload, writer) {
          written.withUnsafeBytes { payload.append($0) }
        }
      }
    }
  }

  /// The first field of that key, else the resource; false when there is neither.
  private func append(
    _ key: KeyID, _ record: UnsafePointer<weir_record>, _ batch: Batch, _ payload: Payload,
    _ writer: RecordTextWriter
  ) -> Bool {
    for field in batch.fields(of: record)
    where field.key == key && UInt32(field.type) != WEIR_METADATA {
      writer.appendBare(field, of: batch, to: payload)
      return true
    }
    guard record.pointee.resource != WEIR_NO_RESOURCE else { return false }
    let resource = batch.raw.pointee.resources[Int(record.pointee.resource)]
    guard resource.key == key else { return false }
    writer.appendJSON(resource.data, Int(resource.length), to: payload, depth: 0)
    return true
  }
}
