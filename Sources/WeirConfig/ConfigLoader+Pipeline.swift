/// The pipeline section of the YAML format: instances, processors, routes.
extension ConfigLoader {
  mutating func addPipeline(_ node: ConfigNode) {
    for entry in mapEntries(node, of: "pipeline") {
      switch entry.key {
      case "inputs": forEachMap(entry.value, of: "inputs") { $0.addYAMLInstance(.input, $1) }
      case "filters": forEachMap(entry.value, of: "filters") { $0.addYAMLInstance(.filter, $1) }
      case "outputs": forEachMap(entry.value, of: "outputs") { $0.addYAMLInstance(.output, $1) }
      default:
        problems.error(
          "a pipeline has inputs, filters and outputs only", at: entry.keyLocation, key: entry.key,
          suggestion: nearest(entry.key, in: ["inputs", "filters", "outputs"])
            .map { "did you mean \"\($0)\"?" })
      }
    }
  }

  private mutating func addYAMLInstance(_ kind: StageKind, _ node: ConfigNode) {
    var processorList: [ProcessorDefinition] = []
    var routeList: [RouteDefinition] = []
    for entry in node.map ?? [] {
      switch entry.key {
      case "processors" where kind == .filter:
        problems.error("a filter has no processors", at: entry.keyLocation, key: entry.key)
      case "processors": processorList += processors(entry.value)
      case "routes" where kind == .input: routeList += routes(entry.value)
      case "routes":
        problems.error("only inputs have routes", at: entry.keyLocation, key: entry.key)
      default: continue
      }
    }
    let properties = flatProperties(node, allowing: ["processors", "routes"])
    addInstance(
      kind, properties, processors: processorList, routes: routeList, at: node.location)
  }

  // MARK: Processors

  /// The processors for logs: a map of signals, or the list alone.
  private mutating func processors(_ node: ConfigNode) -> [ProcessorDefinition] {
    var found: [ProcessorDefinition] = []
    if node.list != nil {
      forEachMap(node, of: "processors") { loader, item in
        if let made = loader.processor(item) { found.append(made) }
      }
      return found
    }
    for entry in mapEntries(node, of: "processors") {
      guard entry.key == "logs" else {
        problems.warn(
          "only logs pass here, so these processors never run", at: entry.keyLocation,
          key: entry.key)
        continue
      }
      forEachMap(entry.value, of: "logs") { loader, item in
        if let made = loader.processor(item) { found.append(made) }
      }
    }
    return found
  }

  private mutating func processor(_ node: ConfigNode) -> ProcessorDefinition? {
    var properties: [Property] = []
    var condition: ConditionDefinition?
    for entry in node.map ?? [] {
      if entry.key == "condition", entry.value.map != nil {
        condition = self.condition(entry.value)
        continue
      }
      let key = normalisedKey(entry.key)
      for value in repeated(entry.value) {
        properties.append(
          Property(key: key, node: expanded(value), keyLocation: entry.keyLocation))
      }
    }
    guard let made = instance(.processor, properties, index: [:], at: node.location) else {
      return nil
    }
    return ProcessorDefinition(instance: made, condition: condition)
  }

  /// A list of scalars is the option repeated; anything else is one value.
  private func repeated(_ node: ConfigNode) -> [ConfigNode] {
    guard let items = node.list, items.allSatisfy({ $0.text != nil }) else { return [node] }
    return items
  }

  // MARK: Routes

  private mutating func routes(_ node: ConfigNode) -> [RouteDefinition] {
    var found: [RouteDefinition] = []
    for entry in mapEntries(node, of: "routes") {
      guard entry.key == "logs" || entry.key == "any" else {
        problems.warn(
          "only logs pass here, so these routes are never taken", at: entry.keyLocation,
          key: entry.key)
        continue
      }
      forEachMap(entry.value, of: "routes") { loader, item in
        guard let route = loader.route(item) else { return }
        if found.contains(where: { $0.name == route.name }) {
          loader.problems.error(
            "the route \(route.name) is defined twice", at: item.location, key: "name")
        } else {
          found.append(route)
        }
      }
    }
    return found
  }

  private mutating func route(_ node: ConfigNode) -> RouteDefinition? {
    var route = RouteDefinition(name: "", targets: [], location: node.location)
    for entry in node.map ?? [] {
      switch entry.key.lowercased() {
      case "name": route.name = expanded(entry.value).text ?? ""
      case "condition": route.condition = condition(entry.value)
      case "per_record_routing": route.perRecord = flag(entry)
      case "processors": route.processors = processors(entry.value)
      case "to": route.targets = targets(entry.value)
      default:
        problems.error(
          "a route does not know it", at: entry.keyLocation, key: entry.key,
          suggestion: nearest(
            entry.key, in: ["name", "condition", "per_record_routing", "processors", "to"]
          ).map { "did you mean \"\($0)\"?" })
      }
    }
    if route.name.isEmpty {
      problems.error("a route needs a name", at: node.location, key: "name")
      return nil
    }
    if route.targets.isEmpty {
      problems.error(
        "the route \(route.name) leads nowhere", at: node.location, key: "to",
        suggestion: "name outputs under to: outputs:")
    }
    return route
  }

  private mutating func targets(_ node: ConfigNode) -> [RouteDefinition.Target] {
    var found: [RouteDefinition.Target] = []
    for entry in mapEntries(node, of: "to") {
      guard entry.key.lowercased() == "outputs" else {
        problems.error("it is not known", at: entry.keyLocation, key: entry.key)
        continue
      }
      for item in entry.value.list ?? [entry.value] {
        var name = expanded(item).text
        var fallback: String?
        for field in item.map ?? [] {
          switch field.key.lowercased() {
          case "name": name = expanded(field.value).text
          case "fallback": fallback = expanded(field.value).text
          default:
            problems.warn(
              "it is left out: an output of a route has name and fallback only",
              at: field.keyLocation, key: field.key)
          }
        }
        guard let name, !name.isEmpty else {
          problems.error("an output of a route needs a name", at: item.location, key: "outputs")
          continue
        }
        found.append(
          RouteDefinition.Target(name: name, fallback: fallback, location: item.location))
      }
    }
    return found
  }

  mutating func flag(_ entry: ConfigEntry) -> Bool {
    let text = expanded(entry.value).text ?? ""
    if let value = ValueGrammar.bool(text) { return value }
    problems.error(
      "\"\(text)\" is not accepted; accepted is \(ValueType.bool.accepted)",
      at: entry.value.location, key: entry.key)
    return false
  }
}
