/// Reads files and the command line into one `Configuration`.
///
/// Loading only reads: what plugins accept is checked afterwards by `ConfigValidator`, when the
/// plugins that the configuration names are loaded and their option tables registered.
public struct ConfigLoader {
  /// What came out: the configuration as far as it could be read, and everything that is wrong.
  public struct Loaded: Sendable {
    /// The configuration; incomplete when `problems` has errors.
    public var configuration: Configuration
    /// Errors and warnings of reading, in the order of finding.
    public var problems: ProblemList
  }

  let formats: ConfigFormatRegistry
  let files: any ConfigFiles
  var environment: Environment
  var problems = ProblemList()
  var configuration = Configuration()
  var servicePairs: [Property] = []
  var counters: [StageKind: [String: Int]] = [:]
  var mainFolder = ""
  private var fileCount = 0
  private var openFormatFiles = 0

  /// Makes a loader of these formats, variables and files.
  public init(
    formats: ConfigFormatRegistry = ConfigFormatRegistry(),
    environment: Environment = .current, files: any ConfigFiles = SystemConfigFiles()
  ) {
    self.formats = formats
    self.files = files
    self.environment = environment
  }

  /// Reads one main file.
  public func load(file: String) -> Loaded {
    var commandLine = CommandLineOptions()
    commandLine.configFile = file
    return load(commandLine)
  }

  /// Reads the command line's instances, then the main file if one is named, then the parsers and
  /// plugins files of both.
  public func load(_ commandLine: CommandLineOptions) -> Loaded {
    var loader = self
    loader.run(commandLine)
    loader.configuration.warnings = loader.problems.warnings
    return Loaded(configuration: loader.configuration, problems: loader.problems)
  }

  private mutating func run(_ commandLine: CommandLineOptions) {
    add(commandLine.instances)
    if let main = commandLine.configFile { readMain(main) }
    servicePairs += commandLine.serviceProperties
    applyService()
    let parserFiles = pathNodes("parsers_file") + commandLine.parserFiles
    for node in parserFiles { readParsersFile(node) }
    for node in pathNodes("plugins_file") { readPluginsFile(node) }
    configuration.pluginFiles += commandLine.pluginFiles
    for output in configuration.outputs {
      if let property = output.property("upstream") { readUpstreamFile(property.node) }
    }
    if !pathNodes("streams_file").isEmpty || !commandLine.streamTasks.isEmpty {
      refuseStreams(pathNodes("streams_file") + commandLine.streamTasks)
    }
  }

  private func pathNodes(_ key: String) -> [ConfigNode] {
    servicePairs.filter { $0.key == key }.map(\.node)
  }

  private mutating func refuseStreams(_ nodes: [ConfigNode]) {
    guard case .refused(let reason)? = ServiceSchema.option("streams_file")?.optionClass else {
      return
    }
    for node in nodes { problems.error(reason, at: node.location, key: "streams_file") }
  }

  // MARK: Files

  /// Reads a file and remembers it; the second time, or beyond the bounds, it is an error.
  mutating func bytes(
    _ path: String, seen: inout Set<FileIdentity>, at location: SourceLocation?
  ) -> [UInt8]? {
    if let identity = files.identity(path), !seen.insert(identity).inserted {
      problems.error(
        "\(path) is included twice", at: location, suggestion: "include each file once")
      return nil
    }
    fileCount += 1
    if fileCount > ConfigLimits.fileCountMax {
      problems.error("there are more than \(ConfigLimits.fileCountMax) files", at: location)
      return nil
    }
    switch files.read(path) {
    case .success(let bytes): return bytes
    case .failure(let failure):
      problems.error("cannot read \(path): \(failure.reason)", at: location)
      return nil
    }
  }

  /// The tree of a file with all its classic includes; nil when it cannot be read at all.
  mutating func tree(
    _ path: String, seen: inout Set<FileIdentity>, at location: SourceLocation?,
    asYAML: Bool = false
  ) -> (root: ConfigNode, isClassic: Bool)? {
    guard let bytes = bytes(path, seen: &seen, at: location) else { return nil }
    do {
      let format =
        asYAML
        ? try formats.yaml(for: path, at: location)
        : try formats.format(of: path, bytes, at: location)
      guard let format else { return (classicTree(bytes, path, &seen), true) }
      return (try parse(bytes, path, format, &seen), false)
    } catch {
      problems.add(error)
      return nil
    }
  }

  private mutating func parse(
    _ bytes: [UInt8], _ path: String, _ format: any ConfigFormat, _ seen: inout Set<FileIdentity>
  ) throws(ConfigProblem) -> ConfigNode {
    let builder = TreeBuilder(file: path)
    openFormatFiles += 1
    defer { openFormatFiles -= 1 }
    // An include directive of the format reads its file at once, while this file is being parsed.
    withoutActuallyEscaping(
      { (name: String, place: SourceLocation) -> ConfigNode? in
        if openFormatFiles > ConfigLimits.includeDepthMax { return nil }
        let found = ConfigPath.resolve(name, folder: ConfigPath.folder(path), files)
        guard let file = found.first else { return nil }
        return tree(file, seen: &seen, at: place)?.root
      },
      do: { reader in
        builder.includeReader = reader
        format.parse(bytes, into: builder)
        builder.includeReader = nil
      })
    for warning in builder.warnings { problems.add(warning) }
    return try builder.finish()
  }

  private mutating func classicTree(
    _ bytes: [UInt8], _ path: String, _ seen: inout Set<FileIdentity>
  ) -> ConfigNode {
    var reader = ClassicReader()
    readClassic(bytes, path, &reader, &seen, depth: 0)
    let root = reader.finish(file: path)
    problems.add(reader.problems)
    return root
  }

  private mutating func readClassic(
    _ bytes: [UInt8], _ path: String, _ reader: inout ClassicReader,
    _ seen: inout Set<FileIdentity>, depth: Int
  ) {
    // The main file knows itself, so that it cannot include itself.
    reader.read(bytes, file: path) { include, place, reader in
      if depth >= ConfigLimits.includeDepthMax {
        reader.add(ConfigProblem("includes nest too deep", at: place))
        return
      }
      let folder = mainFolder.isEmpty ? ConfigPath.folder(path) : mainFolder
      let found = ConfigPath.resolve(include, folder: folder, files)
      if found.isEmpty {
        reader.add(ConfigProblem("no file matches \(include)", at: place, key: "@INCLUDE"))
      }
      for file in found {
        if let bytes = self.bytes(file, seen: &seen, at: place) {
          readClassic(bytes, file, &reader, &seen, depth: depth + 1)
        }
      }
    }
  }

  /// The value of a scalar with its variables replaced.
  mutating func expanded(_ node: ConfigNode) -> ConfigNode {
    switch node.value {
    case .scalar(let scalar):
      guard scalar.text.utf8.contains(UInt8(ascii: "$")) else { return node }
      let text = environment.expand(scalar.text, at: node.location, &problems)
      if text == scalar.text { return node }
      return ConfigNode(text: text, style: scalar.style, at: node.location)
    case .list(let items):
      return ConfigNode(.list(items.map { expanded($0) }), at: node.location)
    case .map(let entries):
      let replaced = entries.map {
        ConfigEntry(key: $0.key, keyLocation: $0.keyLocation, value: expanded($0.value))
      }
      return ConfigNode(.map(replaced), at: node.location)
    }
  }
}
