import WeirBatch
import WeirConfig
import WeirParsers
public import WeirStage

/// One rule of `modify`.
enum ModifyRule {
  case set(FieldName, ConstantText)
  case add(FieldName, ConstantText)
  case remove(FieldName)
  case removeMatching(KeyPattern)
  case rename(FieldName, to: FieldName, isHard: Bool)
  case copy(FieldName, to: FieldName, isHard: Bool)
  case move(KeyPattern, toStart: Bool)
}

/// One condition of `modify`; `positive` is false for the form that denies it.
enum ModifyCondition {
  case keyExists(RecordAccessor, positive: Bool)
  case keyMatches(Regex, positive: Bool)
  case valueEquals(RecordAccessor, ConstantText, positive: Bool)
  case valueMatches(RecordAccessor, Regex, positive: Bool)
  case matchingKeysHave(Regex, Regex, positive: Bool)
}

/// `modify`: changes top-level keys of the records that meet all conditions, rule after rule in
/// the order of the configuration.
public final class ModifyFilter: Filter, @unchecked Sendable {
  // SAFETY: unchecked because rules hold pointers into the pool; all is written in init only.
  let rules: [ModifyRule]
  let conditions: [ModifyCondition]
  let pool = ConstantPool()

  private static let ruleKeys: Set<String> = [
    "set", "add", "remove", "remove_wildcard", "remove_regex", "rename",
    "hard_rename", "copy", "hard_copy", "move_to_start", "move_to_end",
  ]

  init(_ config: InstanceConfig, _ context: FilterBuildContext) throws(ConfigProblem) {
    var rules: [ModifyRule] = []
    var conditions: [ModifyCondition] = []
    for property in config.properties {
      if property.key == "condition" {
        conditions.append(try ModifyFilter.condition(property, pool))
      } else if ModifyFilter.ruleKeys.contains(property.key) {
        rules.append(try ModifyFilter.rule(property, pool, context))
      }
    }
    self.rules = rules
    self.conditions = conditions
  }

  /// Makes the lane's match data.
  public func openLane(_ lane: LaneContext) -> any FilterLane { ModifyLane(self) }

  // MARK: Rules

  private static func rule(
    _ property: Property, _ pool: ConstantPool, _ context: FilterBuildContext
  ) throws(ConfigProblem) -> ModifyRule {
    let tokens = ValueGrammar.quoteAwareList(property.text)
    switch property.key {
    case "set", "add":
      let (name, value) = try nameAndText(property, tokens, pool)
      return property.key == "set" ? .set(name, value) : .add(name, value)
    case "remove": return .remove(pool.name(try one(property, tokens)))
    case "remove_wildcard":
      // A star is part of the prefix: the check of the configuration warns about it.
      return .removeMatching(.prefix(Array(try one(property, tokens).utf8)))
    case "remove_regex":
      return .removeMatching(.regex(try property.regex(try one(property, tokens))))
    case "rename", "hard_rename", "copy", "hard_copy":
      return try twoNames(property, tokens, pool, context)
    default:
      var prefix = Array(try one(property, tokens).utf8)
      if prefix.last == UInt8(ascii: "*") { prefix.removeLast() }
      return .move(.prefix(prefix), toStart: property.key == "move_to_start")
    }
  }

  private static func one(
    _ property: Property, _ tokens: [String]
  ) throws(ConfigProblem) -> String {
    guard tokens.count == 1, let token = tokens.first, !token.isEmpty else {
      throw property.problem(
        "one name is needed, \(tokens.count) were given", suggestion: "quote a name with blanks")
    }
    return token
  }

  private static func twoNames(
    _ property: Property, _ tokens: [String], _ pool: ConstantPool, _ context: FilterBuildContext
  ) throws(ConfigProblem) -> ModifyRule {
    guard tokens.count == 2 else {
      throw property.problem(
        "two names are needed, \(tokens.count) were given", suggestion: "quote names with blanks")
    }
    if tokens[0] == tokens[1] {
      context.warn(property.warning("both names are the same, so that nothing happens"))
    }
    let isHard = property.key.hasPrefix("hard_")
    let (from, to) = (pool.name(tokens[0]), pool.name(tokens[1]))
    return property.key.hasSuffix("copy")
      ? .copy(from, to: to, isHard: isHard) : .rename(from, to: to, isHard: isHard)
  }

  /// A name and a text. Several unquoted words make one text; the check of the configuration warns.
  private static func nameAndText(
    _ property: Property, _ tokens: [String], _ pool: ConstantPool
  ) throws(ConfigProblem) -> (FieldName, ConstantText) {
    guard tokens.count >= 2 else {
      throw property.problem("a key and a value are needed: KEY VALUE")
    }
    return (pool.name(tokens[0]), pool.text(tokens[1...].joined(separator: " ")))
  }

  // MARK: Conditions

  private static func condition(
    _ property: Property, _ pool: ConstantPool
  ) throws(ConfigProblem) -> ModifyCondition {
    let tokens = ValueGrammar.quoteAwareList(property.text)
    let kind = tokens.first?.lowercased() ?? ""
    let isPositive = !kind.contains("not") && !kind.hasPrefix("no_")
    let wanted = kind.hasPrefix("key_value") || kind.hasPrefix("matching") ? 3 : 2
    guard let names = argumentNames[kind] else {
      throw property.problem(
        "\"\(tokens.first ?? "")\" is no condition; accepted is "
          + argumentNames.keys.sorted().joined(separator: ", "))
    }
    guard tokens.count == wanted, tokens.dropFirst().allSatisfy({ !$0.isEmpty }) else {
      throw property.problem(
        "\(kind) needs \(names), \(tokens.count - 1) arguments were given",
        suggestion: "quote arguments with blanks")
    }
    switch kind {
    case "key_exists", "key_does_not_exist":
      return .keyExists(try property.accessor(tokens[1]), positive: isPositive)
    case "a_key_matches", "no_key_matches":
      return .keyMatches(try property.regex(tokens[1]), positive: isPositive)
    case "key_value_equals", "key_value_does_not_equal":
      return .valueEquals(
        try property.accessor(tokens[1]), pool.text(tokens[2]), positive: isPositive)
    case "key_value_matches", "key_value_does_not_match":
      return .valueMatches(
        try property.accessor(tokens[1]), try property.regex(tokens[2]), positive: isPositive)
    default:
      return .matchingKeysHave(
        try property.regex(tokens[1]), try property.regex(tokens[2]), positive: isPositive)
    }
  }

  private static let argumentNames = [
    "key_exists": "KEY", "key_does_not_exist": "KEY", "a_key_matches": "REGEX",
    "no_key_matches": "REGEX", "key_value_equals": "KEY VALUE",
    "key_value_does_not_equal": "KEY VALUE", "key_value_matches": "KEY REGEX",
    "key_value_does_not_match": "KEY REGEX",
    "matching_keys_have_matching_values": "REGEX REGEX",
    "matching_keys_do_not_have_matching_values": "REGEX REGEX",
  ]
}
