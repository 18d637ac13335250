/// One server of an `upstream` file, as it was written.
public struct UpstreamNode: Sendable {
  /// What the file calls it.
  public let name: String
  /// Where it listens.
  public let host: String
  /// The port there.
  public let port: Int
  /// Its other keys, in file order: they stand before the output's own options.
  public let properties: [Property]
  /// Where its section begins.
  public let location: SourceLocation
}

/// Reads the file that an output's `upstream` names: a section `[UPSTREAM]` with a `name`, and one
/// `[NODE]` with `name`, `host` and `port` for each server.
public enum UpstreamFile {
  /// Servers that one file may have.
  public static let nodesMax = 256

  /// Reads the file that a property names; a relative path is looked for in the working directory,
  /// then beside the configuration that names it.
  /// - Throws: what is wrong, located in that file.
  public static func read(
    _ property: Property, _ files: any ConfigFiles = SystemConfigFiles(),
    environment: Environment = .current
  ) throws(ConfigProblem) -> [UpstreamNode] {
    let folder = ConfigPath.folder(property.location.file)
    guard let path = ConfigPath.resolve(property.text, folder: folder, files).first else {
      throw property.problem("there is no file \(property.text)")
    }
    let bytes: [UInt8]
    switch files.read(path) {
    case .success(let read): bytes = read
    case .failure(let failure): throw property.problem("\(path): \(failure.reason)")
    }
    var reader = ClassicReader()
    reader.read(bytes, file: path) { included, place, reader in
      reader.add(ConfigProblem("an upstream file includes no other (\(included))", at: place))
    }
    let root = reader.finish(file: path)
    if let problem = reader.problems.errors.first { throw problem }
    return try nodes(root, environment, property)
  }

  private static func nodes(
    _ root: ConfigNode, _ environment: Environment, _ property: Property
  ) throws(ConfigProblem) -> [UpstreamNode] {
    guard case .map(let sections) = root.value else { return [] }
    var nodes: [UpstreamNode] = []
    for section in sections {
      switch section.key {
      case "upstream", "@set", "@meta": continue
      case "node":
        guard nodes.count < nodesMax else {
          throw ConfigProblem("more than \(nodesMax) nodes", at: section.keyLocation)
        }
        nodes.append(try node(section, environment))
      default:
        throw ConfigProblem(
          "an upstream file has no section \(section.key)", at: section.keyLocation,
          suggestion: "it has [UPSTREAM] and [NODE]")
      }
    }
    if nodes.isEmpty { throw property.problem("\(property.text) has no [NODE]") }
    return nodes
  }

  private static func node(
    _ section: ConfigEntry, _ environment: Environment
  ) throws(ConfigProblem) -> UpstreamNode {
    guard case .map(let entries) = section.value.value else {
      throw ConfigProblem("a [NODE] holds keys", at: section.keyLocation)
    }
    var ignored = ProblemList()
    let properties = entries.map { entry in
      let at = entry.value.location
      let text = environment.expand(entry.value.text ?? "", at: at, &ignored)
      return Property(
        key: entry.key, node: ConfigNode(text: text, at: at), keyLocation: entry.keyLocation)
    }
    func needed(_ key: String) throws(ConfigProblem) -> Property {
      guard let found = properties.last(where: { $0.key == key }), !found.text.isEmpty else {
        throw ConfigProblem("this node has no \(key)", at: section.keyLocation, key: key)
      }
      return found
    }
    let name = try needed("name")
    let host = try needed("host")
    let port = try needed("port")
    guard let number = Int(port.text), (1...65535).contains(number) else {
      throw port.problem("\"\(port.text)\" is no port; accepted is 1 to 65535")
    }
    return UpstreamNode(
      name: name.text, host: host.text, port: number,
      properties: properties.filter { !["name", "host", "port"].contains($0.key) },
      location: section.keyLocation)
  }
}
