/// One thing that is wrong, or suspicious, in a configuration: the one error type of this module.
public struct ConfigProblem: Error, Sendable, Hashable, CustomStringConvertible {
  /// How much a problem weighs.
  public enum Severity: Sendable, Hashable {
    /// Nothing may start.
    case error
    /// It runs, but likely not as the author thinks.
    case warning
  }

  /// Whether it stops the start.
  public let severity: Severity
  /// What is wrong, in one sentence without the place.
  public let message: String
  /// Where; nil when no source is to blame.
  public let location: SourceLocation?
  /// The option that it is about, as the user would write it.
  public let key: String?
  /// What to write instead, a full phrase such as `did you mean "path"?`.
  public let suggestion: String?

  /// Makes a problem; an error unless told otherwise.
  public init(
    _ message: String, at location: SourceLocation? = nil, key: String? = nil,
    suggestion: String? = nil, severity: Severity = .error
  ) {
    self.severity = severity
    self.message = message
    self.location = location
    self.key = key
    self.suggestion = suggestion
  }

  /// `file:line:column: error: message; suggestion`.
  public var description: String {
    var text = ""
    if let location { text += "\(location): " }
    text += severity == .error ? "error: " : "warning: "
    if let key { text += "\(key): " }
    text += message
    if let suggestion { text += "; \(suggestion)" }
    return text
  }
}

/// An error of another module that is one or more problems of a configuration.
public protocol ConfigProblems: Error {
  /// Each with its place.
  var problems: [ConfigProblem] { get }
}
