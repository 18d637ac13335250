/// Names of the further counters that stages with a parser keep (`StageCounters.extra`).
public enum ParserCounterNames {
  /// Times that could not be read, or that no record can have.
  public static let timeFailures = "time_failures"
  /// Values that a cast of `types` left as text.
  public static let castFailures = "cast_failures"
  public static let all = [timeFailures, castFailures]
}
