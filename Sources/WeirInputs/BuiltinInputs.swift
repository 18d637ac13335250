import CWeirSystem
import Glibc
public import WeirConfig
import WeirDelivery
public import WeirParsers
public import WeirStage
import WeirSystem
import WeirTelemetry

/// What the pipeline brings to the making of inputs.
public struct InputBuildContext: Sendable {
  public var service: ServiceConfig
  /// The parsers that options name.
  public var parsers: ParserCatalogue
  /// The checkpoint databases of the process; inputs that name one file share it.
  public var databases: CheckpointDatabases
  /// How many files may be open at once.
  public var descriptors: DescriptorBudget

  public init(
    service: ServiceConfig, parsers: ParserCatalogue,
    databases: CheckpointDatabases = CheckpointDatabases(),
    descriptors: DescriptorBudget = .shared
  ) {
    self.descriptors = descriptors
    self.service = service
    self.parsers = parsers
    self.databases = databases
  }
}

/// The checkpoint databases of a process, one per file.
public final class CheckpointDatabases: Sendable {
  /// Where positions are kept when neither `db` nor `storage.path` says so, if it exists.
  public static let defaultDirectory = "/var/lib/weir"
  private let open = Locked<[String: CheckpointDatabase]>([:])
  private let users = Locked<Set<String>>([])

  public init() {}

  /// Notes the name of an input that stores positions; called for all before the first one starts.
  func use(by input: String) { users.withLock { _ = $0.insert(input) } }

  /// The inputs that store positions.
  var userNames: Set<String> { users.withLock { $0 } }

  /// The database of a file, opened once.
  func database(
    _ path: String, _ options: CheckpointOptions
  ) throws(CheckpointError) -> CheckpointDatabase {
    if let known = open.withLock({ $0[path] }) { return known }
    let database = try CheckpointDatabase(path: path, options: options)
    return open.withLock { all in
      if let known = all[path] { return known }
      all[path] = database
      return database
    }
  }

  /// The database of the default folder, or one in memory where that is not there.
  func fallback(
    _ name: String, _ options: CheckpointOptions
  ) throws(CheckpointError) -> CheckpointDatabase {
    if access(CheckpointDatabases.defaultDirectory, W_OK) == 0,
      let database = try? database("\(CheckpointDatabases.defaultDirectory)/\(name)", options)
    {
      return database
    }
    return try CheckpointDatabase(path: nil)
  }

  /// Stores everything, and waits for it. Called when everything is drained.
  public func flush() {
    for database in open.withLock({ Array($0.values) }) { database.flush() }
  }
}

/// The inputs that are built in: `tail`, `stdin`, `dummy`.
public enum BuiltinInputs {
  public static let names = ["tail", "stdin", "dummy"]

  /// Makes an input. Files are opened and threads begun by its `start`.
  /// - Throws: `ConfigProblem`, or an error that prints as a message.
  public static func make(
    _ config: InstanceConfig, _ context: InputBuildContext
  ) throws -> any Input {
    switch config.plugin {
    case "tail":
      context.databases.use(by: config.name)
      return try TailInput(
        config, lines: lines(config, context), databases: context.databases,
        descriptors: context.descriptors,
        openDatabase: database(config, context))
    case "stdin":
      let isParsed = config.text("parser") != nil
      return try StdinInput(config, lines: isParsed ? lines(config, context) : nil)
    case "dummy": return try DummyInput(config)
    default:
      throw config.problem(
        "there is no built-in input \"\(config.plugin)\"",
        suggestion: "use one of \(names.joined(separator: ", "))")
    }
  }

  private static func lines(
    _ config: InstanceConfig, _ context: InputBuildContext
  ) throws(ConfigProblem) -> LineDecoding {
    try LineDecoding(
      config, context.parsers,
      multilineLimitBytes: context.service.multilineBufferLimitBytes)
  }

  /// Where a tail keeps its positions: `db`, else the state directory, else nowhere.
  private static func database(
    _ config: InstanceConfig, _ context: InputBuildContext
  ) throws -> @Sendable () throws -> CheckpointDatabase {
    var options = CheckpointOptions()
    options.sync = try config.choice(
      "db.sync", ["extra", "full", "normal", "off"], default: "normal")
    options.journal = try config.choice(
      "db.journal_mode", ["delete", "truncate", "persist", "memory", "wal", "off"], default: "wal")
    options.isExclusive = try config.bool("db.locking")
    let name = "tail-\(config.name).db"
    let place = config.text("db") ?? context.service.storagePath.map { "\($0)/\(name)" }
    let databases = context.databases
    return { [options] in
      guard let place else { return try databases.fallback(name, options) }
      if let end = place.lastIndex(of: "/"), end != place.startIndex {
        makeDirectory(String(place[..<end]))
      }
      do { return try databases.database(place, options) } catch {
        let key = config.text("db") == nil ? "storage.path" : "db"
        throw config.problem("\(error)", key: key)
      }
    }
  }

  private static func makeDirectory(_ path: String) {
    var end = path.startIndex
    while end < path.endIndex {
      end = path[path.index(after: end)...].firstIndex(of: "/") ?? path.endIndex
      mkdir(String(path[..<end]), 0o755)
    }
  }
}
