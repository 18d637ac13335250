import WeirBatch
public import WeirConfig
import WeirParsers
import WeirStage

/// Turns a validated configuration into a graph of stages. Starts nothing.
public struct GraphBuilder {
  private let configuration: Configuration
  private let factory: any StageFactory

  public init(_ configuration: Configuration, _ factory: any StageFactory) {
    self.configuration = configuration
    self.factory = factory
  }

  /// Builds every stage that can be built; `problems` gets what is wrong with the others.
  public func build(_ problems: inout ProblemList) -> PipelineGraph {
    var folders: [String: SourceLocation?] = [:]
    let outputs = configuration.outputs.compactMap { config in
      collect(config, &problems) {
        let node = try output(config)
        try checkFolders(config, node, &folders)
        return node
      }
    }
    let inputs = configuration.inputs.compactMap { config in
      collect(config, &problems) { try input(config) }
    }
    let filters = configuration.filters.filter(\.isActive).compactMap { config in
      collect(config, &problems) {
        PipelineGraph.FilterNode(
          name: config.name, filter: try checked(config) { try factory.filter(config) },
          rule: try rule(config))
      }
    }
    return PipelineGraph(inputs: inputs, filters: filters, outputs: outputs)
  }

  /// What `make` makes; nil, with a problem, when it throws.
  private func collect<Node>(
    _ config: InstanceConfig, _ problems: inout ProblemList, _ make: () throws -> Node
  ) -> Node? {
    do {
      return try make()
    } catch {
      problems.add(error as? ConfigProblem ?? ConfigProblem("\(error)", at: config.location))
      return nil
    }
  }

  /// Refuses an output that would keep its files where another one does: both have one name.
  private func checkFolders(
    _ config: InstanceConfig, _ node: PipelineGraph.OutputNode,
    _ folders: inout [String: SourceLocation?]
  ) throws(ConfigProblem) {
    guard case .carried(_, let setup) = node.stage else { return }
    for folder in [setup.spool?.directory, setup.deadLetters?.directory].compactMap(\.self) {
      if let first = folders[folder] {
        let place = first.map { " at \($0)" } ?? ""
        throw config.problem(
          "another output of the name \(config.name)\(place) keeps its files in \(folder)",
          key: "alias", suggestion: "give each an alias of its own")
      }
      folders[folder] = .some(config.property("alias")?.location ?? config.location)
    }
  }

  private func input(_ config: InstanceConfig) throws -> PipelineGraph.InputNode {
    PipelineGraph.InputNode(
      name: config.name, input: try checked(config) { try factory.input(config) },
      processors: try config.processors.map(processor), routes: try config.routes.map(route),
      limits: try InputLimits(config, configuration.service))
  }

  private func output(_ config: InstanceConfig) throws -> PipelineGraph.OutputNode {
    var rule = try rule(config)
    // Exactly one input and one output and no rule: the output takes everything.
    if rule.isEmpty, configuration.inputs.count == 1, configuration.outputs.count == 1,
      configuration.inputs[0].routes.isEmpty
    {
      rule = MatchRule(pattern: "*", regex: nil)
    }
    let limit = try retryLimit(config)
    return PipelineGraph.OutputNode(
      name: config.name,
      stage: try checked(config) { try factory.output(config, retryLimit: limit) }, rule: rule,
      processors: try config.processors.map(processor), retryLimit: limit)
  }

  /// What `make` makes, unless it named a key too many.
  private func checked<Stage>(
    _ config: InstanceConfig, _ make: () throws -> Stage
  ) throws -> Stage {
    let stage = try make()
    if let problem = tooManyKeys(at: config.location) { throw problem }
    return stage
  }

  private func tooManyKeys(at location: SourceLocation?) -> ConfigProblem? {
    guard KeyTable.shared.refusedCount > 0 else { return nil }
    return ConfigProblem(
      "the configuration names more than \(KeyTable.configuredMax) different keys, in parsers, "
        + "filters and outputs together", at: location,
      suggestion: "leave out parsers and rules that are not used")
  }

  private func processor(_ definition: ProcessorDefinition) throws -> PipelineGraph.Processor {
    PipelineGraph.Processor(
      name: definition.instance.plugin,
      filter: try checked(definition.instance) { try factory.processor(definition) })
  }

  private func route(_ definition: RouteDefinition) throws -> PipelineGraph.Route {
    var test: RecordTestMaker?
    if let condition = definition.condition, !condition.isDefault {
      test = try factory.condition(condition)
    }
    return PipelineGraph.Route(
      name: definition.name, condition: test, isDefault: definition.condition?.isDefault ?? false,
      outputs: try definition.targets.map(outputIndex),
      processors: try definition.processors.map(processor))
  }

  /// The output that a route names: by alias, then instance name, then plugin name.
  private func outputIndex(_ target: RouteDefinition.Target) throws -> Int {
    let outputs = configuration.outputs
    let found =
      outputs.firstIndex { $0.alias == target.name }
      ?? outputs.firstIndex { $0.instanceName == target.name }
      ?? outputs.firstIndex { $0.plugin == target.name.lowercased() }
    guard let found else {
      throw ConfigProblem(
        "no output has the alias or name \"\(target.name)\"", at: target.location,
        suggestion: "name one of: \(outputs.map(\.name).joined(separator: ", "))")
    }
    return found
  }

  private func rule(_ config: InstanceConfig) throws -> MatchRule {
    guard let property = config.property("match_regex") else {
      return MatchRule(pattern: config.match, regex: nil)
    }
    do {
      return MatchRule(pattern: config.match, regex: try Regex(property.text))
    } catch {
      throw property.problem("\(error)")
    }
  }

  /// `retry_limit`: unset never gives up, because data is not lost over a server that is away.
  private func retryLimit(_ config: InstanceConfig) throws -> Int? {
    guard let property = config.property("retry_limit") else { return nil }
    switch property.text.lowercased() {
    case "no_limits", "false", "off": return nil
    case "no_retries": return 0
    default:
      guard let limit = Int(property.text) else {
        throw property.problem(
          "\"\(property.text)\" is no number of retries",
          suggestion: "give a number from 1, no_limits or no_retries")
      }
      return max(limit, 1)
    }
  }
}
