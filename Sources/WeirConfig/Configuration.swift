/// A whole configuration: what both formats and the command line become.
public struct Configuration: Sendable {
  /// The service section.
  public var service = ServiceConfig()
  /// Parsers of all parsers files, by order of definition; names are unique.
  public var parsers: [ParserDefinition] = []
  /// Multiline parsers; names are unique without regard to case.
  public var multilineParsers: [MultilineParserDefinition] = []
  /// Inputs in file order.
  public var inputs: [InstanceConfig] = []
  /// Filters in file order, which is the order they run in; inactive ones included.
  public var filters: [InstanceConfig] = []
  /// Outputs in file order.
  public var outputs: [InstanceConfig] = []
  /// Plugins to load before instances are validated, as absolute or working-directory paths.
  public var pluginFiles: [ConfigNode] = []
  /// Upstream groups of the richer format, and of upstream files.
  public var upstreams: [UpstreamDefinition] = []
  /// The main file; nil when everything comes from the command line.
  public var mainFile: SourceLocation?
  /// Warnings of reading.
  public var warnings: [ConfigProblem] = []

  /// An empty configuration.
  public init() {}

  /// All instances of the three kinds.
  public var instances: [InstanceConfig] { inputs + filters + outputs }

  /// The instances of a kind; processors belong to their inputs and outputs.
  public func instances(_ kind: StageKind) -> [InstanceConfig] {
    switch kind {
    case .input: inputs
    case .filter: filters
    case .output: outputs
    case .processor: (inputs + outputs).flatMap { $0.processors.map(\.instance) }
    }
  }

  /// The parser of a name, exactly as written.
  public func parser(_ name: String) -> ParserDefinition? { parsers.first { $0.name == name } }
}
