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
  private let configuration: Configuration
  private let plugins: PluginHost
  private let inputs: InputBuildContext
  private let filters: FilterBuildContext
  private let outputs: OutputBuildContext

  /// Compiles the parsers of a configuration.
  /// - Throws: what is wrong with one of them.
  public init(_ configuration: Configuration, _ plugins: PluginHost) throws {
    self.configuration = configuration
    self.plugins = plugins
    let parsers = try ParserCatalogue(
      configuration.parsers, multiline: configuration.multilineParsers)
    inputs = InputBuildContext(
      service: configuration.service, parsers: parsers, databases: CheckpointDatabases())
    filters = FilterBuildContext(parsers: parsers, warn: { Log.warn($0.description) })
    outputs = OutputBuildContext(service: configuration.service)
  }

  /// The input of an instance.
  public func input(_ config: InstanceConfig) throws -> any Input {
    if BuiltinInputs.names.contains(config.plugin) {
      return try BuiltinInputs.make(config, inputs)
    }
    let lines = try LineDecoding(
      config, inputs.parsers,
      multilineLimitBytes: inputs.service.multilineBufferLimitBytes)
    if let input = try plugins.input(config, decoder: lines.decoder, stages: lines.stages) {
      return input
    }
    throw unknown(config)
  }

  /// The filter of an instance.
  public func filter(_ config: InstanceConfig) throws -> any Filter {
    if BuiltinFilters.names.contains(config.plugin) {
      return try BuiltinFilters.make(config, filters)
    }
    if let filter = try plugins.filter(config) { return filter }
    throw unknown(config)
  }

  /// A processor with its condition.
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

  /// The output of an instance.
  public func output(
    _ config: InstanceConfig, retryLimit: Int?
  ) throws -> PipelineGraph.OutputStage {
    if BuiltinOutputs.names.contains(config.plugin) {
      return .ordered(try BuiltinOutputs.make(config, outputs))
    }
    let carried = try plugins.carriedOutput(
      config, service: configuration.service, upstreams: configuration.upstreams)
    if let output = carried {
      let setup = try CarriedSetup(config, configuration, retryLimit: retryLimit)
      // What is wrong with a server shows before anything starts.
      _ = try setup.servers(output.target)
      return .carried(output, setup)
    }
    if let output = try plugins.output(config) { return .ordered(output) }
    throw unknown(config)
  }

  /// The test of a conditional route.
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
