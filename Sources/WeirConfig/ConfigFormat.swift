/// A configuration format beside the classic one: usually the face of a plugin.
public protocol ConfigFormat: Sendable {
  /// What messages call it.
  var name: String { get }
  /// Whether a file is in this format, by its name and its first bytes (at most 4,096).
  func probe(name: String, firstBytes: ArraySlice<UInt8>) -> Bool
  /// Parses a whole file into the builder; what is wrong goes to `TreeBuilder.fail`.
  func parse(_ bytes: [UInt8], into builder: TreeBuilder)
}

/// The formats that are loaded; the host fills it.
public struct ConfigFormatRegistry: Sendable {
  private var formats: [any ConfigFormat] = []

  /// A registry of these formats.
  public init(_ formats: [any ConfigFormat] = []) { self.formats = formats }

  /// Adds a format; earlier ones are asked first.
  public mutating func register(_ format: any ConfigFormat) { formats.append(format) }

  /// The format of a file; nil means the classic one.
  ///
  /// The name decides: `.conf` and names without an ending are classic, whatever they hold.
  /// - Throws: for a YAML file when no format claims it.
  func format(of path: String, _ bytes: [UInt8], at location: SourceLocation?) throws(ConfigProblem)
    -> (any ConfigFormat)?
  {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    guard let dot = name.lastIndex(of: "."), name[dot...] != ".conf" else { return nil }
    if let format = formats.first(where: { $0.probe(name: name, firstBytes: bytes.prefix(4096)) }) {
      return format
    }
    if ConfigPath.isYAML(name) { throw Self.missingYAML(path, at: location) }
    return nil
  }

  /// The YAML format, for files that are YAML whatever their name.
  func yaml(for path: String, at location: SourceLocation?) throws(ConfigProblem)
    -> any ConfigFormat
  {
    if let format = formats.first(where: { $0.probe(name: "include.yaml", firstBytes: []) }) {
      return format
    }
    throw Self.missingYAML(path, at: location)
  }

  private static func missingYAML(
    _ path: String, at location: SourceLocation?
  ) -> ConfigProblem {
    ConfigProblem(
      "\(path) is YAML, but no plugin for YAML is loaded", at: location,
      suggestion: "put yaml.so into the folder plugins beside the executable, or load it with -e")
  }
}
