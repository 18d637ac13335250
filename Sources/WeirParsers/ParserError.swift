public import WeirConfig

/// What can be wrong with a parser's configuration; each case carries what the user has to change.
///
/// Nothing is thrown while records are parsed: there a failure is an outcome, not an error.
public enum ParserError: ConfigProblems, Equatable, CustomStringConvertible {
  /// A regular expression that cannot be used; `offset` is a byte offset into `pattern`.
  case regex(pattern: String, offset: Int, reason: String)
  /// A time format that cannot be used.
  case timeFormat(format: String, reason: String)
  /// A time zone or offset that is unknown or unreadable.
  case timeZone(name: String, reason: String)
  /// A parser definition with a missing or contradictory option.
  case definition(parser: String, reason: String)
  /// Everything that is wrong with parsers of a configuration, each with its place.
  case configuration([ConfigProblem])

  public var description: String {
    switch self {
    case .regex(let pattern, let offset, let reason):
      "regular expression '\(pattern)', at byte \(offset): \(reason)"
    case .timeFormat(let format, let reason):
      "time format '\(format)': \(reason)"
    case .timeZone(let name, let reason):
      "time zone '\(name)': \(reason)"
    case .definition(let parser, let reason):
      "parser '\(parser)': \(reason)"
    case .configuration(let problems):
      problems.map(\.description).joined(separator: "\n")
    }
  }

  /// Those of the configuration; another error is one without a place.
  public var problems: [ConfigProblem] {
    if case .configuration(let problems) = self { problems } else { [ConfigProblem(description)] }
  }

  /// The error as problems of the parser, and the place, that it belongs to.
  ///
  /// - Parameter key: the option; nil finds it by the kind of the error.
  func problems(
    of parser: String, at location: SourceLocation, key: String? = nil
  ) -> [ConfigProblem] {
    switch self {
    case .configuration(let problems): problems
    case .definition: [ConfigProblem(description, at: location, key: key)]
    case .regex, .timeFormat, .timeZone:
      [ConfigProblem("parser '\(parser)': \(self)", at: location, key: key ?? option)]
    }
  }

  /// The option whose value it is about.
  private var option: String? {
    switch self {
    case .regex: "regex"
    case .timeFormat: "time_format"
    case .timeZone: "time_zone"
    case .definition, .configuration: nil
    }
  }
}
