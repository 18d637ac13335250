import CWeirPlugin

/// Reading the finished options.
extension HostTable {
  static func addNodes(_ host: inout weir_host) {
    host.node_type = { HostTable.node($0)?.type ?? UInt32(WEIR_NODE_NULL) }
    host.node_count = { UInt64(HostTable.node($0)?.children.count ?? 0) }
    host.node_child = { pointer, index in
      guard let node = HostTable.node(pointer), index < UInt64(node.children.count) else {
        return nil
      }
      return HostTable.pointer(node.children[Int(index)])
    }
    host.node_get = { pointer, data, length in
      guard let node = HostTable.node(pointer),
        let key = HostTable.text(data, length, bytesMax: HostTable.nameBytesMax)
      else { return nil }
      let wanted = key.lowercased()
      let child = node.children.last { $0.key.string.lowercased() == wanted }
      return child.map(HostTable.pointer)
    }
    host.node_key = { pointer, place in
      place?.pointee = HostTable.node(pointer)?.key.raw ?? HostTable.empty.raw
    }
    host.node_text = { pointer, place in
      place?.pointee = HostTable.node(pointer)?.text.raw ?? HostTable.empty.raw
    }
    host.node_integer = { HostTable.node($0)?.integer ?? 0 }
    host.node_number = { HostTable.node($0)?.number ?? 0 }
    host.node_place = { pointer, file, line, column in
      let node = HostTable.node(pointer)
      file?.pointee = node?.file.raw ?? HostTable.empty.raw
      line?.pointee = node?.line ?? 0
      column?.pointee = node?.column ?? 0
    }
  }

  private static let empty = CText("")

  /// What the plugin gets of a node.
  static func pointer(_ node: OptionNode) -> OpaquePointer {
    // SAFETY: the instance keeps the whole tree until `destroy` has returned.
    OpaquePointer(Unmanaged.passUnretained(node).toOpaque())
  }

  private static func node(_ pointer: OpaquePointer?) -> OptionNode? {
    guard let pointer else { return nil }
    // SAFETY: made by `pointer(_:)`; the contract says that a plugin hands back nothing else.
    return Unmanaged<OptionNode>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
  }
}

extension CText {
  var string: String {
    String(decoding: UnsafeBufferPointer(start: data, count: count), as: UTF8.self)
  }
}
