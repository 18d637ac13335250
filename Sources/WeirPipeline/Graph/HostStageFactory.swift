public import WeirConfig
import WeirFilters
import WeirInputs
import WeirOutputs
import WeirParsers
public import WeirPluginHost
public import WeirStage
import WeirTelemetry

/// Makes built-in stages and those of plugins, the way the program runs them.
public struct HostStageFactory: StageFactory {
  private let plugins: PluginHost
  private let service: ServiceConfig
  private let parsers: ParserCatalogue
  private let databases = CheckpointDatabases()
  private let filters: FilterBuildContext
  private let outputs: OutputBuildContext

  /// Compiles the parsers of a configuration.
  /// - Throws: what is wrong with one of them.
  public init(_ configuration: Configuration, _ plugins: PluginHost) throws {
    self.plugins = plugins
    service = configuration.service
    parsers = try ParserCatalogue(
      configuration.parsers, multiline: configuration.multilineParsers)
    filters = FilterBuildContext(parsers: parsers, warn: { Log.warn($0.description) })
    outputs = OutputBuildContext(service: configuration.service)
  }

  public func input(_ config: InstanceConfig) throws -> any Input {
    let lines = try BuiltinInputs.lineSettings(config)
    let multiline = try multilineDecoder(config, lines)
    let context = InputBuildContext(
      service: service, databases: databases, multiline: multiline,
      parallelStages: multiline == nil ? lineParser(config, lines) : [])
    if BuiltinInputs.names.contains(config.plugin) {
      return try BuiltinInputs.make(config, context)
    }
    let decoder: any Decoder = multiline ?? LineDecoder(lines)
    if let input = try plugins.input(config, decoder: decoder) { return input }
    throw unknown(config)
  }

  /// The decoder of `multiline.parser`, a comma list that may be repeated; it makes `parser`
  /// ignored.
  private func multilineDecoder(
    _ config: InstanceConfig, _ lines: LineSettings
  ) throws -> MultilineDecoder? {
    var found: [MultilineParser] = []
    for property in config.all("multiline.parser") {
      for name in ValueGrammar.commaList(property.text) {
        guard let parser = try parsers.multilineParser(named: name) else {
          throw property.problem("there is no multiline parser \"\(name)\"")
        }
        found.append(parser)
      }
    }
    guard !found.isEmpty else { return nil }
    return MultilineDecoder(found, lines, limitBytes: service.multilineBufferLimitBytes)
  }

  /// The stage of `parser`. An unknown name is told and leaves lines raw, as in the reference.
  private func lineParser(_ config: InstanceConfig, _ lines: LineSettings) -> [any Filter] {
    guard let property = config.property("parser") else { return [] }
    guard let parser = parsers.parser(named: property.text) else {
      Log.error("\(property.problem("there is no parser \"\(property.text)\"; lines stay raw"))")
      return []
    }
    return [LineParser(parser, key: lines.key)]
  }

  public func filter(_ config: InstanceConfig) throws -> any Filter {
    if BuiltinFilters.names.contains(config.plugin) {
      return try BuiltinFilters.make(config, filters)
    }
    if let filter = try plugins.filter(config) { return filter }
    throw unknown(config)
  }

  public func processor(_ definition: ProcessorDefinition) throws -> any Filter {
    if BuiltinFilters.names.contains(definition.instance.plugin) {
      return try BuiltinFilters.makeProcessor(definition, filters)
    }
    guard let filter = try plugins.filter(definition.instance) else {
      throw unknown(definition.instance)
    }
    guard let condition = definition.condition else { return filter }
    return ConditionalFilter(try Condition(condition), filter)
  }

  public func output(_ config: InstanceConfig) throws -> any Output {
    if BuiltinOutputs.names.contains(config.plugin) {
      return try BuiltinOutputs.make(config, outputs)
    }
    if let output = try plugins.output(config) { return output }
    throw unknown(config)
  }

  public func condition(_ definition: ConditionDefinition) throws -> RecordTestMaker {
    let condition = try Condition(definition)
    return RecordTestMaker {
      let lane = condition.openLane()
      return { batch, record in lane.evaluate(batch, record) }
    }
  }

  private func unknown(_ config: InstanceConfig) -> ConfigProblem {
    ConfigProblem(
      "there is no \(config.kind.rawValue) \"\(config.plugin)\"", at: config.location, key: "name")
  }
}
