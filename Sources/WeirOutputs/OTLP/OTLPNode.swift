import CWeirKernels
import CWeirPlugin
import Glibc
import WeirBatch

/// A value of a record, wherever it stands: a field with its children, or raw JSON.
enum OTLPNode {
  case field(weir_field)
  /// A JSON value whose offsets count from this byte.
  case json(weir_json_member, UnsafePointer<UInt8>)

  /// The value of a field; raw JSON is looked into.
  init(_ field: weir_field, _ batch: Batch) {
    guard UInt32(field.type) == WEIR_JSON,
      let base = batch.bytes(of: field).baseAddress?.assumingMemoryBound(to: UInt8.self),
      let node = OTLPNode(json: base, Int(field.value.slice.length))
    else {
      self = .field(field)
      return
    }
    self = node
  }

  /// A JSON text; nil when it is none.
  init?(json base: UnsafePointer<UInt8>, _ count: Int) {
    var value = weir_json_member()
    var result = weir_json_result()
    guard weir_json_value(base, count, &value, &result) == Int32(WEIR_JSON_OK) else { return nil }
    self = .json(value, base)
  }

  var isMap: Bool {
    switch self {
    case .field(let field): UInt32(field.type) == WEIR_MAP || UInt32(field.type) == WEIR_METADATA
    case .json(let value, _): Int(value.type) == Int(WEIR_JSON_OBJECT)
    }
  }

  /// The number, when it is a whole one that is not negative.
  var unsigned: UInt64? {
    switch self {
    case .field(let field):
      switch UInt32(field.type) {
      case WEIR_UINT64: field.value.u64
      case WEIR_INT64: field.value.i64 >= 0 ? UInt64(field.value.i64) : nil
      default: nil
      }
    case .json(let value, _):
      switch Int(value.type) {
      case Int(WEIR_JSON_U64): value.num.u64
      case Int(WEIR_JSON_I64): value.num.i64 >= 0 ? UInt64(value.num.i64) : nil
      default: nil
      }
    }
  }

  /// The member of a map with that key, or nil.
  func member(_ name: StaticString, _ batch: Batch) -> OTLPNode? {
    switch self {
    case .json(let value, let base):
      let text = base + Int(value.val_off)
      var found = weir_json_member()
      guard isMap,
        weir_json_find_member(
          text, Int(value.val_len), name.utf8Start, name.utf8CodeUnitCount, &found) == 1
      else { return nil }
      return .json(found, text)
    case .field(let field):
      guard isMap else { return nil }
      let first = batch.fields + Int(field.value.children.first)
      for i in 0..<Int(field.value.children.count)
      where OTLPNode.isEqual(batch.name(of: first[i].key), name) {
        return OTLPNode(first[i], batch)
      }
      return nil
    }
  }

  /// True when the bytes are that text.
  static func isEqual(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
    guard bytes.count == text.utf8CodeUnitCount, let base = bytes.baseAddress else { return false }
    return memcmp(base, text.utf8Start, bytes.count) == 0
  }
}
