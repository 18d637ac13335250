/// The YAML tree as a configuration.
extension ConfigLoader {
  /// Reads a whole YAML document: variables and includes first, then every section in the order of
  /// the files, an include standing for what it names.
  mutating func interpretYAML(
    _ root: ConfigNode, _ path: String, _ seen: inout Set<FileIdentity>
  ) {
    var sections: [ConfigEntry] = []
    collect(root, path, &seen, depth: 0, into: &sections)
    for section in sections { interpret(section) }
  }

  private mutating func collect(
    _ root: ConfigNode, _ path: String, _ seen: inout Set<FileIdentity>, depth: Int,
    into sections: inout [ConfigEntry]
  ) {
    guard let entries = root.map else {
      problems.error("the file holds \(root.kindName) instead of a map", at: root.location)
      return
    }
    for entry in entries where entry.key == "env" { assignVariables(entry.value) }
    var hasService = false
    for entry in entries {
      switch entry.key {
      case "env": continue
      case "includes":
        for name in textItems(entry.value, of: "includes") {
          include(name, from: path, &seen, depth: depth, into: &sections)
        }
      case "service" where hasService:
        problems.error("service is given twice in one file", at: entry.keyLocation)
      default:
        hasService = hasService || entry.key == "service"
        sections.append(entry)
      }
    }
  }

  private mutating func include(
    _ name: ConfigNode, from path: String, _ seen: inout Set<FileIdentity>, depth: Int,
    into sections: inout [ConfigEntry]
  ) {
    if depth >= ConfigLimits.includeDepthMax {
      problems.error("includes nest too deep", at: name.location)
      return
    }
    let pattern = expanded(name).text ?? ""
    let found = ConfigPath.resolve(pattern, folder: ConfigPath.folder(path), files)
    if found.isEmpty {
      problems.error("no file matches \(pattern)", at: name.location, key: "includes")
    }
    for file in found {
      if let (root, _) = tree(file, seen: &seen, at: name.location, asYAML: true) {
        collect(root, file, &seen, depth: depth + 1, into: &sections)
      }
    }
  }

  private mutating func interpret(_ section: ConfigEntry) {
    let value = section.value
    switch section.key {
    case "service": addService(value)
    case "parsers": forEachMap(value, of: "parsers") { $0.addYAMLParser($1) }
    case "multiline_parsers":
      forEachMap(value, of: "multiline_parsers") { $0.addYAMLMultilineParser($1) }
    case "plugins": addPluginList(value)
    case "upstream_servers": forEachMap(value, of: "upstream_servers") { $0.addUpstream($1) }
    case "pipeline": addPipeline(value)
    case "stream_processor":
      if !(value.list ?? []).isEmpty {
        problems.error(
          "stream queries (SQL) do not exist here", at: section.keyLocation, key: section.key)
      }
    case "customs", "extensions":
      problems.warn("it has no meaning here", at: section.keyLocation, key: section.key)
    default:
      let known = [
        "service", "env", "includes", "parsers", "multiline_parsers", "plugins", "pipeline",
        "upstream_servers",
      ]
      problems.warn(
        "it is not known and ignored", at: section.keyLocation, key: section.key,
        suggestion: nearest(section.key, in: known).map { "did you mean \"\($0)\"?" })
    }
  }

  /// The parsers and multiline parsers of a YAML parsers file; its other sections are ignored.
  mutating func readYAMLParsers(_ root: ConfigNode) {
    for entry in root.map ?? [] {
      switch entry.key {
      case "env": assignVariables(entry.value)
      case "parsers", "multiline_parsers": interpret(entry)
      default:
        problems.warn("it is ignored in a parsers file", at: entry.keyLocation, key: entry.key)
      }
    }
  }

  // MARK: Variables and service

  private mutating func assignVariables(_ node: ConfigNode) {
    switch node.value {
    case .map(let entries):
      for entry in entries {
        guard let text = entry.value.text else {
          problems.error("a variable has to be a text", at: entry.value.location, key: entry.key)
          continue
        }
        assign(entry.key, text, at: entry.value.location)
      }
    case .list(let items): for item in items { assignExtended(item) }
    case .scalar(let scalar) where scalar.text.isEmpty: return
    case .scalar:
      problems.error("env has to be a map or a list of maps", at: node.location, key: "env")
    }
  }

  private mutating func assignExtended(_ node: ConfigNode) {
    var fields: [String: ConfigNode] = [:]
    for entry in node.map ?? [] { fields[entry.key] = entry.value }
    guard let name = fields["name"]?.text, let value = (fields["value"] ?? fields["uri"])?.text
    else {
      problems.error(
        "an entry of env needs name, and value or uri", at: node.location, key: "env")
      return
    }
    if let interval = fields["refresh_interval"] {
      problems.warn(
        "the value is read once, at the start", at: interval.location, key: "refresh_interval")
    }
    assign(name, value, at: node.location)
  }

  private mutating func addService(_ node: ConfigNode) {
    for entry in mapEntries(node, of: "service") {
      if entry.value.map != nil {
        if entry.key == "telemetry" {
          flatten(entry.value, "telemetry")
        } else {
          problems.error("only telemetry may be a map", at: entry.value.location, key: entry.key)
        }
        continue
      }
      for value in textItems(entry.value, of: entry.key) {
        servicePairs.append(
          Property(
            key: normalisedKey(entry.key), node: expanded(value), keyLocation: entry.keyLocation))
      }
    }
  }

  private mutating func flatten(_ node: ConfigNode, _ prefix: String) {
    for entry in node.map ?? [] {
      let key = "\(prefix).\(entry.key)"
      if entry.value.map != nil {
        flatten(entry.value, key)
      } else {
        servicePairs.append(
          Property(key: key, node: expanded(entry.value), keyLocation: entry.keyLocation))
      }
    }
  }

  // MARK: Parsers, plugins, upstreams

  private mutating func addYAMLParser(_ entry: ConfigNode) {
    addParser(flatProperties(entry, allowing: []), at: entry.location)
  }

  private mutating func addYAMLMultilineParser(_ entry: ConfigNode) {
    let properties = flatProperties(entry, allowing: ["rules"])
    var rules = rules(properties)
    for key in entry.map ?? [] where key.key == "rules" {
      forEachMap(key.value, of: "rules") { loader, rule in
        if let made = loader.rule(rule) { rules.append(made) }
      }
    }
    addMultilineParser(properties, rules: rules, at: entry.location)
  }

  private mutating func rule(_ node: ConfigNode) -> MultilineParserDefinition.Rule? {
    var fields: [String: String] = [:]
    for property in flatProperties(node, allowing: []) { fields[property.key] = property.text }
    guard let state = fields["state"], let regex = fields["regex"], let next = fields["next_state"]
    else {
      problems.error("a rule needs state, regex and next_state", at: node.location, key: "rules")
      return nil
    }
    return MultilineParserDefinition.Rule(
      fromStates: ValueGrammar.commaList(state), regex: regex, toState: next,
      location: node.location)
  }

  mutating func addPluginList(_ node: ConfigNode) {
    for item in textItems(node, of: "plugins") {
      configuration.pluginFiles.append(expanded(item))
    }
  }

  private mutating func addUpstream(_ node: ConfigNode) {
    var name: String?
    var nodes: [UpstreamDefinition.Node] = []
    for entry in node.map ?? [] {
      switch entry.key {
      case "name": name = expanded(entry.value).text
      case "nodes":
        forEachMap(entry.value, of: "nodes") { loader, item in
          let properties = loader.flatProperties(item, allowing: [])
          if let made = loader.upstreamNode(properties, at: item.location) { nodes.append(made) }
        }
      default:
        problems.warn("it is not known and ignored", at: entry.keyLocation, key: entry.key)
      }
    }
    guard let name, !nodes.isEmpty else {
      problems.error("an upstream needs a name and nodes", at: node.location)
      return
    }
    configuration.upstreams.append(
      UpstreamDefinition(name: name, file: nil, nodes: nodes, location: node.location))
  }

  /// One server of an upstream; nil, with a problem, without name, host or port.
  mutating func upstreamNode(
    _ properties: [Property], at location: SourceLocation
  ) -> UpstreamDefinition.Node? {
    var fields: [String: String] = [:]
    for property in properties { fields[property.key] = property.text }
    guard let name = fields["name"], let host = fields["host"],
      let port = fields["port"].flatMap(ValueGrammar.integer), (1...65535).contains(port)
    else {
      problems.error("a node needs a name, a host and a port", at: location)
      return nil
    }
    return UpstreamDefinition.Node(
      name: name, host: host, port: port,
      properties: properties.filter { !["name", "host", "port"].contains($0.key) },
      location: location)
  }
}
