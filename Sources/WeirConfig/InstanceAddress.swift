/// An instance as `-i`, `-F` and `-o` name it: `name`, or `name://host:port/path`.
struct InstanceAddress {
  /// `name`, and what else it says.
  private(set) var properties: [Property] = []

  /// - Throws: a problem that names the text when it is no address, or has a path where the plugin
  ///   has no use for one.
  init(_ kind: StageKind, _ text: String) throws(ConfigProblem) {
    guard let mark = text.firstRange(of: "://") else {
      add("name", text)
      return
    }
    let name = text[..<mark.lowerBound]
    add("name", name)
    let rest = text[mark.upperBound...]
    let server = rest.prefix { $0 != "/" }
    try addServer(server, of: text)
    let path = rest.dropFirst(server.count)
    if path.count > 1 { try addPath(path, kind, name.lowercased(), of: text) }
  }

  private mutating func add(_ key: String, _ value: some StringProtocol) {
    properties.append(Property(key: key, node: ConfigNode(text: String(value))))
  }

  /// `host`, `host:port`, `[address]:port`; either may be left out.
  private mutating func addServer(
    _ server: Substring, of text: String
  ) throws(ConfigProblem) {
    var host = server.prefix { $0 != ":" }
    var port = server.dropFirst(host.count)
    if server.hasPrefix("[") {
      guard let end = server.firstIndex(of: "]") else {
        throw wrong("the address has no ] at its end", text)
      }
      host = server[server.index(after: server.startIndex)..<end]
      port = server[server.index(after: end)...]
      guard port.isEmpty || port.hasPrefix(":") else {
        throw wrong("only :PORT may follow the ]", text)
      }
    }
    if port.dropFirst().contains(":") {
      throw wrong("an IPv6 address needs brackets, as in [::1]:9200", text)
    }
    if !host.isEmpty { add("host", host) }
    if port.count > 1 { add("port", port.dropFirst()) }
  }

  /// Index and type for Elasticsearch and OpenSearch, else the option `uri` where there is one.
  private mutating func addPath(
    _ path: Substring, _ kind: StageKind, _ name: String, of text: String
  ) throws(ConfigProblem) {
    if kind == .output, name == "es" || name == "opensearch" {
      let parts = path.split(separator: "/")
      guard parts.count <= 2 else { throw wrong("the path is INDEX or INDEX/TYPE", text) }
      for (key, part) in zip(["index", "type"], parts) { add(key, part) }
      return
    }
    if let schema = SchemaRegistry.builtin.schema(kind, name), schema.option("uri") == nil {
      throw wrong("the \(kind.rawValue) \(name) has no use for the path \(path)", text)
    }
    add("uri", path)
  }

  private func wrong(_ message: String, _ text: String) -> ConfigProblem {
    ConfigProblem(message, at: .commandLine, key: text)
  }
}
