import CWeirPlugin
import WeirBatch

/// A batch as text that does not depend on where things lie: to compare what plugins make of it.
enum BatchText {
  /// One line per record from `first` on, dropped ones marked.
  static func render(_ batch: Batch, from first: Int = 0) -> [String] {
    (first..<max(first, batch.recordCount)).map { record(batch, $0) }
  }

  /// One record.
  static func record(_ batch: Batch, _ index: Int) -> String {
    let record = batch.records + index
    if record.pointee.flags & UInt16(WEIR_RECORD_DROPPED) != 0 { return "dropped" }
    let tag = String(decoding: batch.tag(of: record), as: UTF8.self)
    let fields = batch.fields(of: record).map { field($0, batch, 0) }
    return "\(tag) \(record.pointee.time_ns) \(fields.joined(separator: " "))"
  }

  private static func field(_ field: weir_field, _ batch: Batch, _ depth: Int) -> String {
    let name =
      field.key == UInt32(WEIR_NO_KEY)
      ? "-" : String(decoding: batch.name(of: field.key), as: UTF8.self)
    return "\(name)=\(value(field, batch, depth))"
  }

  private static func value(_ field: weir_field, _ batch: Batch, _ depth: Int) -> String {
    switch UInt32(field.type) {
    case UInt32(WEIR_BOOL): return field.value.i64 != 0 ? "true" : "false"
    case UInt32(WEIR_INT64): return "i\(field.value.i64)"
    case UInt32(WEIR_UINT64): return "u\(field.value.u64)"
    case UInt32(WEIR_DOUBLE): return "d\(field.value.f64)"
    case UInt32(WEIR_TIME): return "t\(field.value.i64)"
    case UInt32(WEIR_TEXT): return "\"\(text(field, batch))\""
    case UInt32(WEIR_JSON_TEXT): return "j\"\(text(field, batch))\""
    case UInt32(WEIR_JSON): return text(field, batch)
    case UInt32(WEIR_BINARY): return "b\(Array(batch.bytes(of: field)))"
    case UInt32(WEIR_MAP), UInt32(WEIR_ARRAY), UInt32(WEIR_METADATA):
      guard depth < BatchCheck.depthMax else { return "..." }
      let first = Int(field.value.children.first)
      let parts = (first..<first + Int(field.value.children.count)).map {
        self.field(batch.fields[$0], batch, depth + 1)
      }
      return "\(field.type){\(parts.joined(separator: " "))}"
    default: return "null"
    }
  }

  /// Bytes as text that tells all bytes apart.
  private static func text(_ field: weir_field, _ batch: Batch) -> String {
    batch.bytes(of: field).map { byte in
      (0x20..<0x7f).contains(byte) ? String(UnicodeScalar(byte)) : "<\(byte)>"
    }.joined()
  }
}
