import WeirConfig

/// One server of an upstream group: where it is, and what else the group says about it.
public struct UpstreamNode: Sendable, Hashable {
  /// The name in messages.
  public let name: String
  /// The server, with the TLS and network options of the node before those of the output.
  public let endpoint: HTTPEndpoint
  /// Options of the plugin that hold for this node, in order: everything but where the server is
  /// and how it is reached. The plugin checks them.
  public let properties: [Property]
  /// Where the node stands.
  public let location: SourceLocation

  /// Makes a node of its definition, for this output.
  ///
  /// A node takes each TLS and network option from its own keys, else from the output. (In Fluent
  /// Bit a node without `tls` is plain even below an output with `tls on`; here it is encrypted.)
  init(
    _ node: UpstreamDefinition.Node, of output: InstanceConfig, environment: Environment
  ) throws(ConfigProblem) {
    var own: [Property] = []
    var rest: [Property] = []
    for property in node.properties {
      if UpstreamNode.isAddress(property.key) {
        own.append(property)
      } else {
        rest.append(property)
      }
    }
    for property in own where !NetworkOptions.client.contains(where: { $0.name == property.key }) {
      throw property.problem("a node does not know this key")
    }
    own.append(Property(key: "host", node: ConfigNode(text: node.host, at: node.location)))
    own.append(Property(key: "port", node: ConfigNode(text: "\(node.port)", at: node.location)))
    let merged = InstanceConfig(
      kind: output.kind, plugin: output.plugin, index: output.index,
      properties: output.properties + own, schema: output.schema, location: node.location)
    name = node.name
    endpoint = try HTTPEndpoint(merged, defaultPort: node.port, environment: environment)
    properties = rest
    location = node.location
  }

  private static func isAddress(_ key: String) -> Bool {
    key == "tls" || key == "ipv6" || key.hasPrefix("tls.") || key.hasPrefix("net.")
  }
}

/// The servers of an output with `upstream`, to be used in turn.
public enum UpstreamFile {
  /// The nodes of the group that an output names: one of the configuration, or a file, which the
  /// configuration's loader has read. Nil for an output without `upstream`.
  public static func nodes(
    of output: InstanceConfig, in upstreams: [UpstreamDefinition],
    environment: Environment = .current
  ) throws(ConfigProblem) -> [UpstreamNode]? {
    guard let property = output.property("upstream"), !property.text.isEmpty else { return nil }
    let found = upstreams.first { $0.file == property.text || $0.name == property.text }
    guard let found else {
      throw property.problem(
        "there is no upstream \(property.text)",
        suggestion: "name a file with [UPSTREAM] and [NODE]s, or an entry of upstream_servers")
    }
    return try nodes(of: found, output, environment)
  }

  /// Reads a file with `[UPSTREAM]` and `[NODE]` sections, for this output.
  public static func load(
    _ path: String, for output: InstanceConfig, with loader: ConfigLoader = ConfigLoader(),
    environment: Environment = .current
  ) throws(ConfigProblem) -> [UpstreamNode] {
    let (definition, problems) = loader.loadUpstream(file: path)
    if let problem = problems.errors.first { throw problem }
    guard let definition else { throw ConfigProblem("\(path) holds no upstream") }
    return try nodes(of: definition, output, environment)
  }

  private static func nodes(
    of definition: UpstreamDefinition, _ output: InstanceConfig, _ environment: Environment
  ) throws(ConfigProblem) -> [UpstreamNode] {
    var nodes: [UpstreamNode] = []
    for node in definition.nodes {
      nodes.append(try UpstreamNode(node, of: output, environment: environment))
    }
    return nodes
  }
}
