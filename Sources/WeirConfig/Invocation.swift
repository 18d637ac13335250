import CWeirSystem
import Glibc
import Synchronization

/// A command line, understood: what to do, and what it adds to the configuration.
public struct Invocation: Sendable {
  /// What to do.
  public enum Action: Sendable, Hashable {
    /// Run the pipeline.
    case run
    /// Load and check, print a verdict, start nothing (`-D`).
    case dryRun
    /// Print the version.
    case version
    /// Print the general help; as JSON with `-J`.
    case help(json: Bool)
    /// Print the options of a plugin (`-i tail -h`); as JSON with `-J`.
    case pluginHelp(StageKind, String, json: Bool)
    /// `weir check FILE`: print every problem.
    case check
    /// `weir plugin ...`: the words after it.
    case plugin([String])
    /// `weir spool ...`: the words after it.
    case spool([String])
    /// `weir dlq ...`: the words after it.
    case deadLetters([String])
  }

  /// What to do.
  public internal(set) var action = Action.run
  /// Instances, service keys, files.
  public internal(set) var options = CommandLineOptions()
  /// The folder to change to first.
  public internal(set) var workingDirectory: String?
  /// How many `v` were given.
  public internal(set) var verbosity = 0
  /// `-q`: no log at all.
  public internal(set) var isQuiet = false

  /// Reads the words of a command line, the program's name first.
  ///
  /// - Throws: a problem that names the flag. Thread-safe; getopt_long(3) is used under a lock.
  public static func parse(_ words: [String]) throws(ConfigProblem) -> Invocation {
    var parser = InvocationParser()
    var rest = words
    if words.count > 1, let action = command(words[1], Array(words.dropFirst(2))) {
      parser.invocation.action = action
      return parser.invocation
    }
    if words.count > 1, words[1] == "check" {
      parser.invocation.action = .check
      rest.remove(at: 1)
    }
    // getopt_long keeps state of its own beside its globals: one command line at a time.
    let operands = try lock.withLock { _ throws(ConfigProblem) in try parser.read(rest) }
    try parser.finish(operands)
    return parser.invocation
  }

  /// Commands that read their words themselves.
  private static func command(_ name: String, _ rest: [String]) -> Action? {
    switch name {
    case "plugin": .plugin(rest)
    case "spool": .spool(rest)
    case "dlq": .deadLetters(rest)
    default: nil
    }
  }

  private static let lock = Mutex<Void>(())
}

/// Takes one flag after the other into an `Invocation`.
struct InvocationParser {
  var invocation = Invocation()
  private var wantsHelp = false
  private var wantsJSON = false

  /// Reads all flags; the words that are none come back.
  mutating func read(_ words: [String]) throws(ConfigProblem) -> [String] {
    let copies = unsafe words.map { unsafe strdup($0) }
    let names = unsafe Flag.all.map { unsafe strdup($0.name) }
    defer {
      for index in unsafe copies.indices { unsafe free(copies[index]) }
      for index in unsafe names.indices { unsafe free(names[index]) }
    }
    var arguments: [UnsafeMutablePointer<CChar>?] = unsafe copies + [nil]
    // SAFETY: copies and names live until the defer above; the tables end in a null entry, as
    // getopt_long needs, and it keeps nothing beyond the last call.
    let longs =
      unsafe zip(Flag.all, names).map { flag, name in
        unsafe option(
          name: UnsafePointer(name), has_arg: flag.hasValue ? 1 : 0, flag: nil, val: flag.code)
      } + [option()]
    var index: Int32 = 0
    while true {
      var value: UnsafePointer<CChar>?
      var refused: Int32 = 0
      let code = unsafe weir_getopt(
        Int32(words.count), &arguments, Flag.shorts, longs, &index, &value, &refused)
      if code == -1 { break }
      let text = unsafe value.map { unsafe String(cString: $0) } ?? ""
      guard let flag = Flag.all.first(where: { $0.code == code }) else {
        throw Flag.problem(refused, near: words, index)
      }
      try apply(flag, text)
    }
    return unsafe arguments[Int(index)..<words.count].compactMap {
      unsafe $0.map { unsafe String(cString: $0) }
    }
  }

  private mutating func apply(_ flag: Flag, _ value: String) throws(ConfigProblem) {
    switch flag.meaning {
    case .config: invocation.options.configFile = value
    case .instance(let kind): try addInstance(kind, value)
    case .property: try addProperty(value)
    case .match: try setLast("match", value, among: [.filter, .output], flag)
    case .tag: try setLast("tag", value, among: [.input], flag)
    case .parsers: invocation.options.parserFiles.append(ConfigNode(text: value))
    case .plugin: invocation.options.pluginFiles.append(ConfigNode(text: value))
    case .streamTask: invocation.options.streamTasks.append(ConfigNode(text: value))
    case .service(let key, let fixed):
      invocation.options.serviceProperties.append(
        Property(key: key, node: ConfigNode(text: fixed ?? value)))
    case .verbose: invocation.verbosity += 1
    case .quiet: invocation.isQuiet = true
    case .workingDirectory: invocation.workingDirectory = value
    case .dryRun: invocation.action = .dryRun
    case .version: invocation.action = .version
    case .help: wantsHelp = true
    case .helpJSON:
      wantsHelp = true
      wantsJSON = true
    case .refused(let reason): throw ConfigProblem(reason, at: .commandLine, key: flag.text)
    }
  }

  // MARK: Instances

  /// A bare name, or `name://host:port/uri`.
  private mutating func addInstance(_ kind: StageKind, _ text: String) throws(ConfigProblem) {
    let address = try InstanceAddress(kind, text)
    invocation.options.instances.append(.init(kind: kind, properties: address.properties))
  }

  /// `key=value`, or several of them in one word when every further key is known to the plugin.
  private mutating func addProperty(_ text: String) throws(ConfigProblem) {
    guard let last = invocation.options.instances.last else {
      throw ConfigProblem(
        "there is no input, filter or output before it", at: .commandLine, key: "-p \(text)")
    }
    let name = last.properties.first { $0.key == "name" }?.text ?? ""
    for pair in pairs(text, SchemaRegistry.builtin.schema(last.kind, name)) {
      guard let equal = pair.firstIndex(of: "="), equal != pair.startIndex else {
        throw ConfigProblem("it needs key=value", at: .commandLine, key: "-p \(text)")
      }
      set(String(pair[..<equal]), String(pair[pair.index(after: equal)...]))
    }
  }

  private func pairs(_ text: String, _ schema: PluginSchema?) -> [String] {
    let words = text.split(separator: " ").map(String.init)
    let isSeveral = words.dropFirst().allSatisfy { word in
      guard let equal = word.firstIndex(of: "=") else { return false }
      return schema?.option(word[..<equal].lowercased()) != nil
    }
    return words.count > 1 && isSeveral ? words : [text]
  }

  private mutating func set(_ key: String, _ value: String) {
    let last = invocation.options.instances.count - 1
    invocation.options.instances[last].properties.append(
      Property(key: ValueGrammar.trim(key), node: ConfigNode(text: value)))
  }

  private mutating func setLast(
    _ key: String, _ value: String, among kinds: [StageKind], _ flag: Flag
  ) throws(ConfigProblem) {
    guard let last = invocation.options.instances.last, kinds.contains(last.kind) else {
      throw ConfigProblem(
        "it has to follow \(kinds == [.input] ? "-i" : "-F or -o")",
        at: .commandLine, key: "\(flag.text) \(value)")
    }
    set(key, value)
  }

  // MARK: The end

  /// Takes the words that are no flags, and decides between help and work.
  mutating func finish(_ operands: [String]) throws(ConfigProblem) {
    if case .check = invocation.action, invocation.options.configFile == nil {
      invocation.options.configFile = operands.first
      if operands.isEmpty {
        throw ConfigProblem("no file is named", at: .commandLine, suggestion: "weir check FILE")
      }
    } else if let extra = operands.first {
      throw ConfigProblem(
        "the word \(extra) belongs to no flag", at: .commandLine,
        suggestion: "name a configuration with -c \(extra)")
    }
    if invocation.isQuiet {
      setLogLevel("off")
    } else if invocation.verbosity > 0 {
      setLogLevel(invocation.verbosity == 1 ? "debug" : "trace")
    }
    guard wantsHelp else { return }
    if let last = invocation.options.instances.last {
      let name = last.properties.first { $0.key == "name" }?.text ?? ""
      invocation.action = .pluginHelp(last.kind, name.lowercased(), json: wantsJSON)
    } else {
      invocation.action = .help(json: wantsJSON)
    }
  }

  private mutating func setLogLevel(_ level: String) {
    invocation.options.serviceProperties.append(
      Property(key: "log_level", node: ConfigNode(text: level)))
  }
}
