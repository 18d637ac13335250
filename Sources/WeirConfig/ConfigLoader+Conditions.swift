/// Conditions of routes and processors.
extension ConfigLoader {
  /// A condition; nil, with a problem, when it cannot be understood.
  mutating func condition(_ node: ConfigNode) -> ConditionDefinition? {
    var made = ConditionDefinition(rules: [], location: node.location)
    for entry in mapEntries(node, of: "condition") {
      switch entry.key.lowercased() {
      case "op":
        let word = (expanded(entry.value).text ?? "").lowercased()
        if let combination = ConditionDefinition.Combination(rawValue: word) {
          made.combination = combination
        } else {
          problems.error(
            "\"\(word)\" is not accepted; accepted is and, or", at: entry.value.location, key: "op")
        }
      case "default": made.isDefault = flag(entry)
      case "rules":
        forEachMap(entry.value, of: "rules") { loader, item in
          if let rule = loader.conditionRule(item) { made.rules.append(rule) }
        }
      default:
        problems.error(
          "a condition does not know it", at: entry.keyLocation, key: entry.key,
          suggestion: "use op with rules, or default: true")
      }
    }
    if made.rules.isEmpty != made.isDefault {
      problems.error(
        made.isDefault
          ? "a default condition has no rules" : "a condition needs rules, or default: true",
        at: node.location, key: "condition")
      return nil
    }
    return made
  }

  private mutating func conditionRule(_ node: ConfigNode) -> ConditionDefinition.Rule? {
    var fields: [String: ConfigNode] = [:]
    for entry in node.map ?? [] {
      let key = entry.key.lowercased()
      fields[key] = expanded(entry.value)
      let keys = ["field", "op", "value", "context"]
      if keys.contains(key) { continue }
      problems.warn(
        "it is left out: a rule does not know it", at: entry.keyLocation, key: entry.key,
        suggestion: nearest(key, in: keys).map { "did you mean \"\($0)\"?" })
    }
    guard let field = fields["field"]?.text, let word = fields["op"]?.text?.lowercased(),
      let value = fields["value"]
    else {
      problems.error("a rule needs field, op and value", at: node.location, key: "rules")
      return nil
    }
    if !field.hasPrefix("$") {
      problems.error(
        "\"\(field)\" is no record accessor", at: fields["field"]?.location, key: "field",
        suggestion: "write $\(field)")
      return nil
    }
    let comparisons = ConditionDefinition.Comparison.allCases.map(\.rawValue)
    guard let comparison = ConditionDefinition.Comparison(rawValue: word) else {
      problems.error(
        "\"\(word)\" is not accepted; accepted is \(comparisons.joined(separator: ", "))",
        at: fields["op"]?.location, key: "op",
        suggestion: nearest(word, in: comparisons).map { "did you mean \"\($0)\"?" })
      return nil
    }
    let isList = comparison == .isIn || comparison == .isNotIn
    let values = (value.list ?? [value]).compactMap { item -> TypedScalar? in
      if case .scalar(let scalar) = item.value { scalar.typed } else { nil }
    }
    if values.isEmpty || (values.count > 1 && !isList) {
      problems.error(
        isList ? "it needs texts or numbers" : "only in and not_in take a list",
        at: value.location, key: "value")
      return nil
    }
    guard let context = context(fields["context"]) else { return nil }
    return ConditionDefinition.Rule(
      field: field, comparison: comparison, values: values, context: context,
      location: node.location)
  }

  private mutating func context(_ node: ConfigNode?) -> ConditionDefinition.Context? {
    guard let word = node?.text?.lowercased() else { return .body }
    if let context = ConditionDefinition.Context(rawValue: word) { return context }
    let words = ConditionDefinition.Context.allCases.map(\.rawValue)
    problems.error(
      "\"\(word)\" is not accepted; accepted is \(words.joined(separator: ", "))",
      at: node?.location, key: "context")
    return nil
  }
}
