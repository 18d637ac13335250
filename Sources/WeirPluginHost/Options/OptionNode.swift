import CWeirPlugin
import WeirConfig

/// A node of the finished options, as plugins read it through the host table. Immutable once the
/// tree is finished; its bytes live as long as it does.
public final class OptionNode: @unchecked Sendable {
  /// What a node can be.
  public enum Value: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case text(String)
    case list
    case map
  }

  let value: Value
  let key: CText
  let text: CText
  let file: CText
  let line: UInt32
  let column: UInt32
  private(set) var children: [OptionNode] = []

  init(_ value: Value, key: String, text: String = "", at location: SourceLocation? = nil) {
    self.value = value
    self.key = CText(key)
    if case .text(let own) = value { self.text = CText(own) } else { self.text = CText(text) }
    file = CText(location?.file ?? "")
    line = UInt32(clamping: location?.line ?? 0)
    column = UInt32(clamping: location?.column ?? 0)
  }

  /// A tree as it was written: unquoted scalars get their type.
  convenience init(tree node: ConfigNode, key: String) {
    switch node.value {
    case .scalar(let scalar):
      let value: Value =
        switch scalar.typed {
        case .null: .null
        case .bool(let value): .bool(value)
        case .integer(let value): .integer(value)
        case .double(let value): .number(value)
        case .text(let value): .text(value)
        }
      self.init(value, key: key, text: scalar.text, at: node.location)
    case .list(let items):
      self.init(.list, key: key, at: node.location)
      for item in items { append(OptionNode(tree: item, key: "")) }
    case .map(let entries):
      self.init(.map, key: key, at: node.location)
      for entry in entries { append(OptionNode(tree: entry.value, key: entry.key)) }
    }
  }

  func append(_ child: OptionNode) { children.append(child) }

  /// `WEIR_NODE_...`.
  var type: UInt32 {
    switch value {
    case .null: UInt32(WEIR_NODE_NULL)
    case .bool: UInt32(WEIR_NODE_BOOL)
    case .integer: UInt32(WEIR_NODE_INTEGER)
    case .number: UInt32(WEIR_NODE_NUMBER)
    case .text: UInt32(WEIR_NODE_TEXT)
    case .list: UInt32(WEIR_NODE_LIST)
    case .map: UInt32(WEIR_NODE_MAP)
    }
  }

  var integer: Int64 {
    switch value {
    case .bool(let value): value ? 1 : 0
    case .integer(let value): value
    case .number(let value): Int64(exactly: value.rounded()) ?? 0
    case .null, .text, .list, .map: 0
    }
  }

  var number: Double {
    switch value {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: Double(integer)
    }
  }
}

/// Text in memory of its own, for the other side to point at.
final class CText: @unchecked Sendable {
  let data: UnsafeMutablePointer<UInt8>
  let count: Int

  init(_ text: String) {
    let bytes = Array(text.utf8)
    count = bytes.count
    // One byte more, a zero: for authors who hand the text to C functions.
    data = .allocate(capacity: bytes.count + 1)
    data.update(from: bytes, count: bytes.count)
    data[bytes.count] = 0
  }

  deinit { data.deallocate() }

  var raw: weir_string { weir_string(data: data, length: UInt64(count)) }
}
