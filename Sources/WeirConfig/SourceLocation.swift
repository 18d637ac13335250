/// A place in a configuration: what every message about a value points at.
///
/// Lines and columns count from 1; 0 means that the source has none (a command-line flag).
public struct SourceLocation: Sendable, Hashable, CustomStringConvertible {
  /// The file as the user would open it, or `command line`.
  public let file: String
  /// The line, from 1.
  public let line: Int
  /// The column in bytes, from 1.
  public let column: Int

  /// Makes a location; both numbers default to "none".
  public init(file: String, line: Int = 0, column: Int = 0) {
    self.file = file
    self.line = line
    self.column = column
  }

  /// `file:line:column`, shortened by what is unknown.
  public var description: String {
    if line == 0 { return file }
    if column == 0 { return "\(file):\(line)" }
    return "\(file):\(line):\(column)"
  }

  /// Where values come from that no file holds: flags and values that a program gives.
  public static let commandLine = SourceLocation(file: "command line")
}
