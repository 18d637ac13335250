import WeirBatch
import WeirConfig
import WeirParsers
public import WeirStage

/// What a `content_modifier` does to its key.
enum ContentAction {
  case insert(FieldName, ConstantText)
  case upsert(FieldName, ConstantText)
  case delete(FieldName)
  case rename(FieldName, to: FieldName)
  case hash(FieldName)
  case extract(FieldName, Regex, [Capture])
  case convert(FieldName, ConvertedType)

  enum ConvertedType { case string, boolean, int, double }

  /// A name of the expression and the groups that bear it.
  struct Capture {
    let name: FieldName
    let groups: [Int]
  }
}

/// `content_modifier`: the processor that changes one key of the body or of the event metadata.
public final class ContentModifier: Filter, @unchecked Sendable {
  // SAFETY: unchecked because of pointers into the pool; all is written in init only.
  let action: ContentAction
  /// Whether the event metadata is changed instead of the body.
  let isMetadata: Bool
  let pool = ConstantPool()

  init(_ config: InstanceConfig, _ context: FilterBuildContext) throws(ConfigProblem) {
    isMetadata = try ContentModifier.isMetadata(config)
    _ = try config.requiredText("action")
    let word = try config.choice(
      "action", ["insert", "upsert", "delete", "rename", "hash", "extract", "convert"],
      default: "insert")
    let key = pool.name(try ContentModifier.needed("key", word, config))
    switch word {
    case "insert":
      action = .insert(key, pool.text(try ContentModifier.needed("value", word, config)))
    case "upsert":
      action = .upsert(key, pool.text(try ContentModifier.needed("value", word, config)))
    case "delete": action = .delete(key)
    case "rename":
      action = .rename(key, to: pool.name(try ContentModifier.needed("value", word, config)))
    case "hash": action = .hash(key)
    case "extract": action = try ContentModifier.extract(key, config, pool)
    default: action = .convert(key, try ContentModifier.type(config))
    }
    ContentModifier.warnAboutUnused(word, config, context)
  }

  /// Makes the lane's match data.
  public func openLane(_ lane: LaneContext) -> any FilterLane { ContentModifierLane(self) }

  private static func isMetadata(_ config: InstanceConfig) throws(ConfigProblem) -> Bool {
    let word = try config.choice(
      "context", ["body", "message", "record", "attributes", "metadata"], default: "body")
    return word == "attributes" || word == "metadata"
  }

  private static func needed(
    _ option: String, _ action: String, _ config: InstanceConfig
  ) throws(ConfigProblem) -> String {
    guard let property = config.property(option), property.node.text != nil else {
      throw config.problem(
        "the action \(action) needs the option \"\(option)\"", key: option,
        suggestion: "add it to this processor")
    }
    return property.text
  }

  private static func extract(
    _ key: FieldName, _ config: InstanceConfig, _ pool: ConstantPool
  ) throws(ConfigProblem) -> ContentAction {
    let pattern = try needed("pattern", "extract", config)
    guard let property = config.property("pattern") else {
      throw config.problem("the action extract needs a pattern", key: "pattern")
    }
    let regex = try property.regex(pattern)
    let captures = regex.captureNames.map { name in
      ContentAction.Capture(
        name: pool.name(name),
        groups: regex.captures.filter { $0.name == name }.map(\.group))
    }
    if captures.isEmpty {
      throw property.problem(
        "the expression has no named group, so that nothing could be extracted",
        suggestion: "name a group: (?<name>...)")
    }
    return .extract(key, regex, captures)
  }

  private static func type(
    _ config: InstanceConfig
  ) throws(ConfigProblem) -> ContentAction.ConvertedType {
    _ = try needed("converted_type", "convert", config)
    switch try config.choice(
      "converted_type", ["string", "boolean", "int", "double"], default: "string")
    {
    case "boolean": return .boolean
    case "int": return .int
    case "double": return .double
    default: return .string
    }
  }

  private static func warnAboutUnused(
    _ action: String, _ config: InstanceConfig, _ context: FilterBuildContext
  ) {
    let used = [
      "insert": "value", "upsert": "value", "rename": "value", "extract": "pattern",
      "convert": "converted_type",
    ]
    for option in ["value", "pattern", "converted_type"] where option != used[action] {
      guard let property = config.property(option) else { continue }
      context.warn(property.warning("the action \(action) does not look at it"))
    }
  }
}
