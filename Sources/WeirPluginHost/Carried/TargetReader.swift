import CWeirPlugin
import WeirConfig
import WeirStage

/// Asks a plugin where requests go, and copies the answer, checked: nothing of it may break a
/// request line or a header.
struct TargetReader {
  static let pathBytesMax = 8 << 10
  static let nameBytesMax = 256
  static let valueBytesMax = 8 << 10

  private let instance: PluginInstance
  private let http: weir_http

  init(_ instance: PluginInstance, _ http: weir_http) {
    self.instance = instance
    self.http = http
  }

  /// The target of all requests.
  func read() throws(PluginHostError) -> CarriedTarget {
    let raw = try describe(nil)
    var target = CarriedTarget()
    let method = try text(raw.method, "method", bytesMax: 16)
    if !method.isEmpty { target.method = method }
    target.path = try path(raw)
    target.headers = try headers(raw)
    let host = try text(raw.host, "host", bytesMax: Self.nameBytesMax)
    target.host = host.isEmpty ? nil : host
    guard raw.port <= 65535 else { throw wrong("a port of \(raw.port)") }
    target.port = raw.port == 0 ? nil : Int(raw.port)
    switch raw.tls {
    case UInt32(WEIR_TLS_AS_CONFIGURED): target.usesTLS = nil
    case UInt32(WEIR_TLS_OFF): target.usesTLS = false
    case UInt32(WEIR_TLS_ON): target.usesTLS = true
    default: throw wrong("an unknown use of TLS")
    }
    switch raw.encoding {
    case UInt32(WEIR_ENCODING_IDENTITY): target.encoding = .identity
    case UInt32(WEIR_ENCODING_GZIP): target.encoding = .gzip
    default: throw wrong("an unknown encoding")
    }
    target.isOrdered = raw.flags & UInt32(WEIR_TARGET_ORDERED) != 0
    return target
  }

  /// What is different for one server of an `upstream` group.
  func read(_ node: UpstreamDefinition.Node) throws(PluginHostError) -> CarriedNode {
    let tree = OptionNode(.map, key: "", at: node.location)
    for property in node.properties where !Self.isConnection(property.key) {
      tree.append(OptionNode(.text(property.text), key: property.key, at: property.location))
    }
    let raw = try describe(tree)
    return CarriedNode(
      name: node.name, host: node.host, port: node.port,
      options: node.properties.filter { Self.isConnection($0.key) }.map { ($0.key, $0.text) },
      path: try path(raw), headers: try headers(raw))
  }

  private static func isConnection(_ key: String) -> Bool {
    key == "tls" || key == "ipv6" || key.hasPrefix("tls.") || key.hasPrefix("net.")
  }

  private func describe(_ server: OptionNode?) throws(PluginHostError) -> weir_http_target {
    var raw = weir_http_target()
    raw.struct_size = UInt32(MemoryLayout<weir_http_target>.size)
    var error = ErrorStruct.make()
    // The node lives until describe has returned; it is the plugin's to copy what it needs.
    let result = withExtendedLifetime(server) {
      http.describe(instance.raw, server.map { HostTable.pointer($0) }, &raw, &error)
    }
    guard result == WEIR_OK else {
      throw PluginInstance.refusal(
        instance.context.name, result, error, server ?? instance.options)
    }
    return raw
  }

  private func path(_ raw: weir_http_target) throws(PluginHostError) -> String {
    let path = try text(raw.path, "path", bytesMax: Self.pathBytesMax)
    guard path.utf8.first == UInt8(ascii: "/"), !path.utf8.contains(UInt8(ascii: " ")) else {
      throw wrong("a path that does not begin with / or holds a blank")
    }
    return path
  }

  private func headers(_ raw: weir_http_target) throws(PluginHostError) -> [CarriedHeader] {
    let count = Int(raw.header_count)
    guard count <= Int(WEIR_HEADERS_MAX) else { throw wrong("\(count) headers") }
    guard count > 0, let first = raw.headers else { return [] }
    var headers: [CarriedHeader] = []
    for i in 0..<count {
      let name = try text(first[i].name, "header", bytesMax: Self.nameBytesMax)
      let value = try text(first[i].value, "header \(name)", bytesMax: Self.valueBytesMax)
      guard !name.isEmpty, !name.utf8.contains(where: { ": ".utf8.contains($0) }) else {
        throw wrong("a header without a proper name")
      }
      headers.append(
        CarriedHeader(name, value, isSecret: first[i].flags & UInt32(WEIR_HEADER_SECRET) != 0))
    }
    return headers
  }

  private func text(
    _ raw: weir_string, _ what: String, bytesMax: Int
  ) throws(PluginHostError) -> String {
    guard let text = HostTable.text(raw.data, raw.length, bytesMax: bytesMax) else {
      throw wrong("a \(what) of \(raw.length) bytes")
    }
    guard !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else {
      throw wrong("a \(what) with control characters")
    }
    return text
  }

  private func wrong(_ what: String) -> PluginHostError {
    .refused(component: instance.context.name, what: "describe gives \(what)")
  }
}
