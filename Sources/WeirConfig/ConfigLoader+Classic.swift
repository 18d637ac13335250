/// The classic tree as a configuration, and the secondary files of both formats.
extension ConfigLoader {
  /// Reads the main file, of either format.
  mutating func readMain(_ path: String) {
    mainFolder = ConfigPath.folder(path)
    configuration.mainFile = SourceLocation(file: path)
    var seen: Set<FileIdentity> = []
    guard let (root, isClassic) = tree(path, seen: &seen, at: nil) else { return }
    if isClassic {
      interpretClassic(root)
    } else {
      interpretYAML(root, path, &seen)
    }
  }

  private mutating func interpretClassic(_ root: ConfigNode) {
    applySets(root)
    for entry in root.map ?? [] {
      let properties = classicProperties(entry)
      switch entry.key {
      case "@set", "@meta": continue
      case "service": servicePairs += properties
      case "input": addInstance(.input, properties, at: entry.keyLocation)
      case "filter": addInstance(.filter, properties, at: entry.keyLocation)
      case "output": addInstance(.output, properties, at: entry.keyLocation)
      case "plugins": addPlugins(properties)
      case "parser", "multiline_parser":
        problems.error(
          "the section [\(entry.key.uppercased())] does not belong into the main file",
          at: entry.keyLocation,
          suggestion: "move it to a file of its own and name that as parsers_file under [SERVICE]")
      default: refuseOrIgnore(entry)
      }
    }
  }

  /// All `@SET` lines hold before any section is read, wherever they stand.
  private mutating func applySets(_ root: ConfigNode) {
    for entry in root.map ?? [] where entry.key == "@set" {
      guard let text = entry.value.text, let equal = text.firstIndex(of: "=") else { continue }
      let value = String(text[text.index(after: equal)...])
      assign(String(text[..<equal]), value, at: entry.keyLocation)
    }
  }

  /// Sets a variable; a `file://` value is the content of that file.
  mutating func assign(_ name: String, _ value: String, at location: SourceLocation) {
    let prefix = "file://"
    guard value.hasPrefix(prefix + "/") else {
      environment.assign(name, environment.expand(value, at: location, &problems))
      return
    }
    let path = String(value.dropFirst(prefix.count))
    switch files.read(path) {
    case .failure(let failure):
      problems.error(
        "cannot read \(path) for the variable \(name): \(failure.reason)", at: location)
    case .success(var bytes):
      if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
      guard !bytes.isEmpty, let text = String(validating: bytes, as: UTF8.self) else {
        problems.error(
          "\(path) for the variable \(name) is empty or not UTF-8", at: location)
        return
      }
      environment.assign(name, text)
    }
  }

  /// The keys of a section, variables replaced; groups are left out with a warning.
  mutating func classicProperties(_ section: ConfigEntry) -> [Property] {
    var properties: [Property] = []
    for entry in section.value.map ?? [] {
      if entry.value.map != nil {
        problems.warn(
          "a group inside a section of the classic format has no meaning here",
          at: entry.keyLocation, key: entry.key)
        continue
      }
      properties.append(
        Property(
          key: entry.key, node: expanded(entry.value), keyLocation: entry.keyLocation))
    }
    return properties
  }

  private mutating func refuseOrIgnore(_ entry: ConfigEntry) {
    switch entry.key {
    case "stream_task":
      problems.error("stream queries (SQL) do not exist here", at: entry.keyLocation)
    case "upstream", "node":
      problems.error(
        "the section [\(entry.key.uppercased())] does not belong into the main file",
        at: entry.keyLocation, suggestion: "name its file as upstream of an output")
    default:
      let known = ["service", "input", "filter", "output", "plugins"]
      problems.warn(
        "the section [\(entry.key.uppercased())] is not known and ignored", at: entry.keyLocation,
        suggestion: nearest(entry.key, in: known).map { "did you mean [\($0.uppercased())]?" })
    }
  }

  // MARK: Secondary files

  /// Finds a secondary file: the working directory first, then the folder of the main file.
  private func locate(_ node: ConfigNode) -> String {
    let path = node.text ?? ""
    return ConfigPath.resolve(path, folder: mainFolder, files).first ?? path
  }

  /// Reads a parsers file of either format.
  mutating func readParsersFile(_ node: ConfigNode) {
    let path = locate(node)
    var seen: Set<FileIdentity> = []
    guard let (root, isClassic) = tree(path, seen: &seen, at: node.location) else { return }
    if !isClassic {
      readYAMLParsers(root)
      return
    }
    applySets(root)
    for entry in root.map ?? [] {
      switch entry.key {
      case "parser": addParser(classicProperties(entry), at: entry.keyLocation)
      case "multiline_parser":
        let properties = classicProperties(entry)
        addMultilineParser(properties, rules: rules(properties), at: entry.keyLocation)
      case "@set", "@meta": continue
      default:
        problems.warn(
          "the section [\(entry.key.uppercased())] is ignored in a parsers file",
          at: entry.keyLocation)
      }
    }
  }

  /// Reads a plugins file: `[PLUGINS]` with a `Path` per plugin.
  mutating func readPluginsFile(_ node: ConfigNode) {
    let path = locate(node)
    var seen: Set<FileIdentity> = []
    guard let (root, isClassic) = tree(path, seen: &seen, at: node.location) else { return }
    for entry in root.map ?? [] where entry.key == "plugins" {
      if isClassic {
        addPlugins(classicProperties(entry))
      } else {
        addPluginList(entry.value)
      }
    }
  }

  /// Reads one upstream file by itself; nil, with problems, when it holds no group.
  public func loadUpstream(
    file path: String
  ) -> (definition: UpstreamDefinition?, problems: ProblemList) {
    var loader = self
    loader.readUpstreamFile(ConfigNode(text: path))
    return (loader.configuration.upstreams.first, loader.problems)
  }

  /// Reads the file that an output names as `upstream`, unless a group of that name is defined or
  /// the file was read for another output. The group takes the file's path as its second name.
  mutating func readUpstreamFile(_ node: ConfigNode) {
    let path = node.text ?? ""
    if configuration.upstreams.contains(where: { $0.name == path || $0.file == path }) { return }
    var seen: Set<FileIdentity> = []
    guard let (root, _) = tree(locate(node), seen: &seen, at: node.location) else { return }
    applySets(root)
    var name: String?
    var nodes: [UpstreamDefinition.Node] = []
    for entry in root.map ?? [] {
      let properties = classicProperties(entry)
      switch entry.key {
      case "upstream": name = properties.last { $0.key == "name" }?.text
      case "node":
        if let made = upstreamNode(properties, at: entry.keyLocation) { nodes.append(made) }
      case "@set", "@meta": continue
      default:
        problems.warn(
          "the section [\(entry.key.uppercased())] is ignored in an upstream file",
          at: entry.keyLocation)
      }
    }
    guard let name, !nodes.isEmpty else {
      problems.error(
        "an upstream file needs [UPSTREAM] with a name, and [NODE]s", at: root.location)
      return
    }
    configuration.upstreams.append(
      UpstreamDefinition(name: name, file: path, nodes: nodes, location: root.location))
  }

  private mutating func addPlugins(_ properties: [Property]) {
    for property in properties {
      if property.key == "path" {
        configuration.pluginFiles.append(property.node)
      } else {
        problems.warn(
          "it is not known in [PLUGINS]", at: property.keyLocation, key: property.key,
          suggestion: "use path")
      }
    }
  }
}
