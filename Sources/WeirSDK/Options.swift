public import CWeirPlugin

/// A node of the finished options: validated by the schema, defaults filled in. Valid during
/// `init` of the instance only. A node that is not there answers with empty values.
public struct Options {
  let host: Host
  let node: OpaquePointer?

  /// Wraps what `create` was given.
  public init(host: Host, node: OpaquePointer?) {
    self.host = host
    self.node = node
  }

  /// The child of a key.
  public subscript(key: String) -> Options {
    var key = key
    let child = key.withUTF8 {
      host.function(\.node_get)?(node, $0.baseAddress, UInt64($0.count))
    }
    return Options(host: host, node: child ?? nil)
  }

  /// False when the user wrote nothing there and the schema has no default.
  public var isPresent: Bool { node != nil && type != WEIR_NODE_NULL }
  /// `WEIR_NODE_...`.
  public var type: UInt32 { host.function(\.node_type)?(node) ?? WEIR_NODE_NULL }
  /// The text as written.
  public var text: String {
    var text = weir_string()
    host.function(\.node_text)?(node, &text)
    return text.string
  }
  /// A whole number; sizes in bytes, times in seconds.
  public var integer: Int { Int(clamping: host.function(\.node_integer)?(node) ?? 0) }
  /// A number.
  public var number: Double { host.function(\.node_number)?(node) ?? 0 }
  /// True or false.
  public var bool: Bool { integer != 0 }

  /// The children of a list, or the values of a map.
  public var items: [Options] {
    let count = host.function(\.node_count)?(node) ?? 0
    return (0..<count).map { index in
      Options(host: host, node: host.function(\.node_child)?(node, index) ?? nil)
    }
  }

  /// The children of a map with their keys, in file order.
  public var entries: [(key: String, value: Options)] {
    items.map { item in
      var key = weir_string()
      host.function(\.node_key)?(item.node, &key)
      return (key.string, item)
    }
  }
}

extension weir_string {
  /// The text; damaged UTF-8 is repaired.
  public var string: String {
    String(decoding: UnsafeBufferPointer(start: data, count: Int(length)), as: UTF8.self)
  }

  /// A string of static memory.
  public init(_ text: StaticString) {
    self.init(data: text.utf8Start, length: UInt64(text.utf8CodeUnitCount))
  }
}
