public import WeirConfig

extension OptionsSchema.ValueKind {
  /// Whether a text is a value of this kind.
  func reads(_ text: String) -> Bool {
    if case .list(let item) = self { return item.reads(text) }
    return scalar(text) != nil
  }

  /// The typed value of a text; nil when it is none.
  func scalar(_ text: String) -> OptionNode.Value? {
    switch self {
    case .text(let choices):
      if choices.isEmpty { return .text(text) }
      return choices.first { $0.lowercased() == text.lowercased() }.map { .text($0) }
    case .bool: return ValueGrammar.bool(text).map { .bool($0) }
    case .integer(let minimum, let maximum, let unit):
      guard let read = unit.read(text) else { return nil }
      let number = Int64(read)
      guard number >= minimum ?? Int64.min, number <= maximum ?? Int64.max else { return nil }
      return .integer(number)
    case .number(let minimum, let maximum):
      guard let number = ValueGrammar.double(text), number >= minimum ?? -.infinity,
        number <= maximum ?? .infinity
      else { return nil }
      return .number(number)
    case .list, .tree: return nil
    }
  }

  /// What is accepted, for messages.
  var accepted: String {
    switch self {
    case .text(let choices):
      choices.isEmpty ? "a text" : choices.joined(separator: ", ")
    case .bool: "true, on, yes, false, off or no"
    case .integer(let minimum, let maximum, let unit):
      "a whole number\(unit.suffix)\(Self.range(minimum, maximum))"
    case .number(let minimum, let maximum): "a number\(Self.range(minimum, maximum))"
    case .list(let item): "a list, each item \(item.accepted)"
    case .tree: "a map or list"
    }
  }

  private static func range<N>(_ minimum: N?, _ maximum: N?) -> String {
    switch (minimum, maximum) {
    case (let low?, let high?): " from \(low) to \(high)"
    case (let low?, nil): " from \(low)"
    case (nil, let high?): " up to \(high)"
    case (nil, nil): ""
    }
  }

  var valueType: ValueType {
    switch self {
    case .text(let choices): choices.isEmpty ? .text : .choice(choices.map { $0.lowercased() })
    case .bool: .bool
    case .integer(_, _, let unit):
      switch unit {
      case .none: .integer
      case .bytes: .size
      case .seconds: .time
      }
    case .number: .double
    case .list, .tree: .tree
    }
  }
}

extension OptionsSchema.Unit {
  /// A whole number with this unit's endings.
  fileprivate func read(_ text: String) -> Int? {
    switch self {
    case .none: ValueGrammar.integer(text)
    case .bytes: ValueGrammar.size(text)
    case .seconds: ValueGrammar.seconds(text)
    }
  }

  fileprivate var suffix: String { self == .none ? "" : " of \(rawValue)" }
}

extension OptionsSchema {
  /// The option table that the configuration's validator works with. The options in `adding` are
  /// the host's; one that the component names itself is the component's. With `usesNetwork` the
  /// options of a connection work (`tls`, `net.*` …), because the host makes it.
  public func table(
    kind: StageKind, name: String, help: String, adding more: [OptionSchema] = [],
    usesNetwork: Bool = false
  ) -> PluginSchema {
    let own = Set(options.map(\.name))
    return PluginSchema(
      kind: kind, name: name, help: help, acceptsAnyOption: acceptsAny, usesNetwork: usesNetwork,
      options: options.map { option in
        var isList = false
        if case .list = option.kind { isList = true }
        return OptionSchema(
          option.name, option.kind.valueType, default: option.defaultText, repeatable: isList,
          option.noEffect.map { .noCounterpart($0) } ?? .works, required: option.isRequired,
          secret: option.isSecret, deprecated: option.deprecated,
          help: option.help)
      } + more.filter { !own.contains($0.name) })
  }

  /// Turns what the user wrote into the finished tree: typed, defaults filled in.
  ///
  /// Keys that the schema does not name are left out unless it accepts any: the global options of
  /// a stage (`match`, `alias`) are the host's.
  public func finish(_ properties: [Property]) throws(ConfigProblem) -> OptionNode {
    let root = OptionNode(.map, key: "")
    for option in options {
      let given = properties.filter { $0.key == option.name }
      if let node = try finish(option, given) {
        root.append(node)
      } else if option.isRequired {
        throw ConfigProblem("it needs the option \"\(option.name)\"", key: option.name)
      }
    }
    if acceptsAny {
      for property in properties where !options.contains(where: { $0.name == property.key }) {
        root.append(OptionNode(tree: property.node, key: property.key))
      }
    }
    return root
  }

  private func finish(
    _ option: Option, _ given: [Property]
  ) throws(ConfigProblem) -> OptionNode? {
    switch option.kind {
    case .tree:
      return given.last.map { OptionNode(tree: $0.node, key: option.name) }
    case .list(let item):
      if given.isEmpty && option.defaultText == nil { return nil }
      let list = OptionNode(.list, key: option.name, at: given.first?.location)
      for property in given {
        for node in property.node.list ?? [property.node] {
          list.append(try scalar(node, item, option))
        }
      }
      if given.isEmpty, let text = option.defaultText, let value = item.scalar(text) {
        list.append(OptionNode(value, key: "", text: text))
      }
      return list
    default:
      if let property = given.last {
        return try scalar(property.node, option.kind, option, key: option.name)
      }
      guard let text = option.defaultText, let value = option.kind.scalar(text) else { return nil }
      return OptionNode(value, key: option.name, text: text)
    }
  }

  private func scalar(
    _ node: ConfigNode, _ kind: ValueKind, _ option: Option, key: String = ""
  ) throws(ConfigProblem) -> OptionNode {
    guard let text = node.text, let value = kind.scalar(text) else {
      let shown = option.isSecret ? "the value" : "\"\(node.text ?? "this")\""
      throw ConfigProblem(
        "\(shown) is not accepted; accepted is \(kind.accepted)", at: node.location,
        key: option.name)
    }
    return OptionNode(value, key: key, text: text, at: node.location)
  }
}
