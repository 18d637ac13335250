/// A condition over a record: of a conditional route or a processor.
public struct ConditionDefinition: Sendable, Hashable {
  /// How rules combine.
  public enum Combination: String, Sendable, Hashable { case and, or }

  /// The comparisons of a rule.
  public enum Comparison: String, Sendable, Hashable, CaseIterable {
    case equal = "eq", notEqual = "neq", greater = "gt", less = "lt"
    case greaterOrEqual = "gte", lessOrEqual = "lte"
    case regex, notRegex = "not_regex", isIn = "in", isNotIn = "not_in"
  }

  /// What a rule looks into; only the body exists for logs that are read from files.
  public enum Context: String, Sendable, Hashable, CaseIterable {
    case body, metadata
    case groupMetadata = "group_metadata", groupAttributes = "group_attributes"
    case otelResourceAttributes = "otel_resource_attributes"
    case otelScopeAttributes = "otel_scope_attributes"
    case otelScopeMetadata = "otel_scope_metadata"
  }

  /// One comparison.
  public struct Rule: Sendable, Hashable {
    /// The record accessor, `$` included.
    public let field: String
    /// How to compare.
    public let comparison: Comparison
    /// What with; several for `in` and `not_in`, else one.
    public let values: [TypedScalar]
    /// Where to look.
    public let context: Context
    /// Where it stands.
    public let location: SourceLocation

    /// Makes a rule.
    public init(
      field: String, comparison: Comparison, values: [TypedScalar], context: Context = .body,
      location: SourceLocation = .commandLine
    ) {
      self.field = field
      self.comparison = comparison
      self.values = values
      self.context = context
      self.location = location
    }
  }

  /// How the rules combine.
  public var combination: Combination
  /// The rules; empty only when `isDefault`.
  public var rules: [Rule]
  /// `default: true`: takes what no other conditional route of the input took.
  public var isDefault: Bool
  /// Where it stands.
  public var location: SourceLocation

  /// Makes a condition.
  public init(
    combination: Combination = .and, rules: [Rule], isDefault: Bool = false,
    location: SourceLocation = .commandLine
  ) {
    self.combination = combination
    self.rules = rules
    self.isDefault = isDefault
    self.location = location
  }
}

/// One entry under `processors.logs`: a processor, or a filter used as one.
public struct ProcessorDefinition: Sendable, Hashable {
  /// Name and options; its kind is `.processor`.
  public var instance: InstanceConfig
  /// Only records that meet it are processed; nil means all.
  public var condition: ConditionDefinition?

  /// Makes a processor.
  public init(instance: InstanceConfig, condition: ConditionDefinition? = nil) {
    self.instance = instance
    self.condition = condition
  }
}

/// One conditional route of an input.
public struct RouteDefinition: Sendable, Hashable {
  /// An output that a route leads to.
  public struct Target: Sendable, Hashable {
    /// An alias, an instance name or a plugin name; resolved in that order.
    public let name: String
    /// The output that takes over when this one cannot.
    public let fallback: String?
    /// Where it stands.
    public let location: SourceLocation

    /// Makes a target.
    public init(name: String, fallback: String? = nil, location: SourceLocation = .commandLine) {
      self.name = name
      self.fallback = fallback
      self.location = location
    }
  }

  /// Unique within the input; it becomes the tag of the records that take the route.
  public var name: String
  /// Nil applies always.
  public var condition: ConditionDefinition?
  /// Decide record by record.
  public var perRecord: Bool
  /// Processors of this route.
  public var processors: [ProcessorDefinition]
  /// Where to.
  public var targets: [Target]
  /// Where it stands.
  public var location: SourceLocation

  /// Makes a route.
  public init(
    name: String, condition: ConditionDefinition? = nil, perRecord: Bool = false,
    processors: [ProcessorDefinition] = [], targets: [Target],
    location: SourceLocation = .commandLine
  ) {
    self.name = name
    self.condition = condition
    self.perRecord = perRecord
    self.processors = processors
    self.targets = targets
    self.location = location
  }
}

/// A group of servers that an output takes turns with.
public struct UpstreamDefinition: Sendable, Hashable {
  /// One server; its other options override those of the output.
  public struct Node: Sendable, Hashable {
    /// The name in messages.
    public let name: String
    /// Host name or address.
    public let host: String
    /// TCP port.
    public let port: Int
    /// Everything else that was written, in order.
    public let properties: [Property]
    /// Where it stands.
    public let location: SourceLocation
  }

  /// The name that outputs use.
  public let name: String
  /// The file it came from, as the output names it; nil when it stands in the configuration.
  public let file: String?
  /// The servers in order.
  public let nodes: [Node]
  /// Where it stands.
  public let location: SourceLocation
}
