/// The stages that a configuration can name.
public enum StageKind: String, Sendable, Hashable, CaseIterable {
  case input, filter, output, processor
}

/// One option of an instance, in the order of the file.
public struct Property: Sendable, Hashable {
  /// The key in lower case, camelCase already turned into snake_case.
  public let key: String
  /// The value, variables replaced. A map or list only in processors.
  public let node: ConfigNode
  /// Where the value stands; `keyLocation` is where the key stands.
  public var location: SourceLocation { node.location }
  /// Where the key stands.
  public let keyLocation: SourceLocation

  /// Makes a property; the key is lowered here.
  public init(key: String, node: ConfigNode, keyLocation: SourceLocation? = nil) {
    self.key = key.lowercased()
    self.node = node
    self.keyLocation = keyLocation ?? node.location
  }

  /// The text of the value; empty for maps and lists.
  public var text: String { node.text ?? "" }

  /// The value with its type, as processors read it; nil for maps and lists.
  public var typed: TypedScalar? {
    if case .scalar(let scalar) = node.value { scalar.typed } else { nil }
  }

  /// An error about this property.
  public func problem(_ message: String, suggestion: String? = nil) -> ConfigProblem {
    ConfigProblem(message, at: location, key: key, suggestion: suggestion)
  }
}

/// One input, filter, output or processor as the configuration describes it.
///
/// Its getters (`InstanceConfig+Values.swift`) read options by the value grammar, fall back to the
/// defaults of the option table, and throw a `ConfigProblem` that names file, line and key.
public struct InstanceConfig: Sendable, Hashable {
  /// What kind of stage this is.
  public let kind: StageKind
  /// The plugin type in lower case, `tail`.
  public let plugin: String
  /// Counts from 0 per kind and plugin type: the `0` of `tail.0`.
  public internal(set) var index: Int
  /// Where the instance begins.
  public let location: SourceLocation
  /// All options in file order, `name` left out, repeated ones kept.
  public internal(set) var properties: [Property]
  /// Processors for logs, in order; inputs and outputs only.
  public internal(set) var processors: [ProcessorDefinition]
  /// Conditional routes of an input, in order.
  public internal(set) var routes: [RouteDefinition]
  /// The option table; nil when nobody knows the plugin.
  public internal(set) var schema: PluginSchema?

  /// Makes an instance; a table is looked up among the built-in ones if none is given.
  public init(
    kind: StageKind, plugin: String, index: Int = 0, properties: [Property] = [],
    processors: [ProcessorDefinition] = [], routes: [RouteDefinition] = [],
    schema: PluginSchema? = nil, location: SourceLocation = .commandLine
  ) {
    self.kind = kind
    self.plugin = plugin.lowercased()
    self.index = index
    self.location = location
    self.properties = properties
    self.processors = processors
    self.routes = routes
    self.schema = schema ?? SchemaRegistry.builtin.schema(kind, plugin.lowercased())
  }

  /// Makes an instance from keys and texts, for tests and programs.
  public init(
    kind: StageKind, plugin: String, options: KeyValuePairs<String, String>, index: Int = 0
  ) {
    self.init(
      kind: kind, plugin: plugin, index: index,
      properties: options.map { Property(key: $0.key, node: ConfigNode(text: $0.value)) })
  }

  /// `tail.0`: the name without an alias, and the default tag of an input.
  public var instanceName: String { "\(plugin).\(index)" }
  /// The alias, else `tail.0`: what metrics and logs call it.
  public var name: String { alias ?? instanceName }
  /// The alias the user gave.
  public var alias: String? { text("alias") }
  /// The tag of an input as written; nil means `instanceName`.
  public var tag: String? { text("tag") }
  /// The wildcard pattern of a filter or output.
  public var match: String? { text("match") }
  /// The expression of a filter or output, tried before `match`.
  public var matchRegex: String? { text("match_regex") }
  /// False only for a filter with `active false` or `active 0`.
  public var isActive: Bool {
    guard kind == .filter, let word = text("active")?.lowercased() else { return true }
    return word != "false" && word != "0"
  }
}
