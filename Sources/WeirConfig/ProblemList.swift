/// The problems found so far: all of them are collected, so that one run names everything.
public struct ProblemList: Sendable {
  /// In the order of finding, at most `ConfigLimits.problemCountMax`.
  public private(set) var all: [ConfigProblem] = []
  /// How many more there were.
  public private(set) var omittedCount = 0

  /// An empty list.
  public init() {}

  /// Whether anything stops the start.
  public var hasErrors: Bool { all.contains { $0.severity == .error } || omittedCount > 0 }
  /// The errors.
  public var errors: [ConfigProblem] { all.filter { $0.severity == .error } }
  /// The warnings.
  public var warnings: [ConfigProblem] { all.filter { $0.severity == .warning } }

  /// Adds a problem; the same one a second time is left out.
  public mutating func add(_ problem: ConfigProblem) {
    if all.contains(problem) { return }
    if all.count >= ConfigLimits.problemCountMax {
      omittedCount += 1
    } else {
      all.append(problem)
    }
  }

  /// Adds all problems of another list.
  public mutating func add(_ list: ProblemList) {
    for problem in list.all { add(problem) }
    omittedCount += list.omittedCount
  }

  /// Adds what an error says: its problems where it has some, else its text.
  public mutating func add(failure error: any Error) {
    if let several = error as? any ConfigProblems {
      for problem in several.problems { add(problem) }
    } else {
      add(error as? ConfigProblem ?? ConfigProblem("\(error)"))
    }
  }

  mutating func error(
    _ message: String, at location: SourceLocation?, key: String? = nil,
    suggestion: String? = nil
  ) {
    add(ConfigProblem(message, at: location, key: key, suggestion: suggestion))
  }

  mutating func warn(
    _ message: String, at location: SourceLocation?, key: String? = nil,
    suggestion: String? = nil
  ) {
    add(
      ConfigProblem(message, at: location, key: key, suggestion: suggestion, severity: .warning))
  }

  /// Runs `body` and keeps what it throws; nil then.
  mutating func collect<Value>(_ body: () throws(ConfigProblem) -> Value) -> Value? {
    do {
      return try body()
    } catch {
      add(error)
      return nil
    }
  }
}
