import WeirConfig

/// A file system in memory.
struct MemoryFiles: ConfigFiles {
  var contents: [String: String] = [:]

  func read(_ path: String) -> Result<[UInt8], ConfigFileFailure> {
    guard let text = contents[path] else { return .failure(ConfigFileFailure("no such file")) }
    return .success(Array(text.utf8))
  }

  func identity(_ path: String) -> FileIdentity? {
    guard contents[path] != nil else { return nil }
    // One inode per path: the place of the path in the sorted list.
    let number = contents.keys.sorted().firstIndex(of: path) ?? 0
    return FileIdentity(device: 1, inode: UInt64(number))
  }

  func glob(_ pattern: String) -> [String] {
    let parts = pattern.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false)
    return contents.keys.sorted().filter { path in
      path.hasPrefix(parts[0]) && path.hasSuffix(parts[1])
    }
  }
}

/// A format whose files hold the name of another file, or nothing.
struct IncludingFormat: ConfigFormat {
  let name = "including"

  func probe(name: String, firstBytes: ArraySlice<UInt8>) -> Bool { name.hasSuffix(".inc") }

  func parse(_ bytes: [UInt8], into builder: TreeBuilder) {
    builder.beginMap(line: 1, column: 1)
    builder.key("parsers", line: 1, column: 1)
    if bytes.isEmpty {
      builder.scalar("", style: .plain, line: 1, column: 1)
    } else {
      builder.beginList(line: 1, column: 1)
      builder.include(String(decoding: bytes, as: UTF8.self), line: 1, column: 1)
      builder.endList()
    }
    builder.endMap()
  }
}

/// Loads a main file out of memory and validates it.
func load(
  _ contents: [String: String], main: String = "main.conf", env: [String: String] = [:],
  options: CommandLineOptions? = nil
) -> (configuration: Configuration, problems: ProblemList) {
  let loader = ConfigLoader(
    formats: ConfigFormatRegistry([YAMLForTests()]), environment: Environment(process: env),
    files: MemoryFiles(contents: contents))
  var commandLine = options ?? CommandLineOptions()
  if options == nil { commandLine.configFile = main }
  var loaded = loader.load(commandLine)
  var problems = loaded.problems
  problems.add(ConfigValidator().validate(&loaded.configuration))
  return (loaded.configuration, problems)
}

extension ProblemList {
  /// All of it, a line each.
  var text: String { all.map(\.description).joined(separator: "\n") }
}
