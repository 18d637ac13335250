public import WeirConfig
public import WeirStage

/// The filters and processors that are part of the host.
public enum BuiltinFilters {
  /// The plugin types that `make` knows, in lower case.
  public static let names = ["grep", "modify", "parser", "record_modifier", "content_modifier"]

  /// Builds the filter that a configuration describes.
  /// - Throws: a located problem for what it refuses, or for a type that is not in `names`.
  public static func make(
    _ config: InstanceConfig, _ context: FilterBuildContext
  ) throws(ConfigProblem) -> any Filter {
    switch config.plugin {
    case "grep": return try GrepFilter(config, context)
    case "modify": return try ModifyFilter(config, context)
    case "parser": return try ParserFilter(config, context)
    case "record_modifier": return try RecordModifierFilter(config, context)
    case "content_modifier" where config.kind == .processor:
      return try ContentModifier(config, context)
    default:
      throw ConfigProblem(
        "there is no \(config.kind.rawValue) \"\(config.plugin)\" here", at: config.location,
        key: "name")
    }
  }

  /// Builds a processor: any filter, or one that is a processor only, with its condition.
  /// - Throws: a located problem.
  public static func makeProcessor(
    _ definition: ProcessorDefinition, _ context: FilterBuildContext
  ) throws(ConfigProblem) -> any Filter {
    let inner = try make(definition.instance, context)
    guard let condition = definition.condition else { return inner }
    return ConditionalFilter(try Condition(condition), inner)
  }
}
