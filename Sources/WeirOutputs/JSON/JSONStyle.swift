public import WeirConfig

/// The form of a record's time in JSON.
public enum JSONDateFormat: Sendable, Hashable {
  /// Seconds rounded to microseconds: `1770091506.123457`, `7.0`.
  case double
  /// `2026-02-03T04:05:06.123456Z` with so many digits of the second.
  case iso8601(digits: Int32)
  /// Seconds.
  case epoch
  /// Milliseconds.
  case epochMilliseconds
  /// `2026-02-03 04:05:06.123456`.
  case javaSQLTimestamp

  /// The format of a configuration word (`json_date_format`), or nil.
  public init?(word: String) {
    switch word.lowercased() {
    case "double": self = .double
    case "iso8601": self = .iso8601(digits: 6)
    case "epoch": self = .epoch
    case "epoch_ms": self = .epochMilliseconds
    case "java_sql_timestamp": self = .javaSQLTimestamp
    default: return nil
    }
  }
}

/// What a JSON writer is told once.
public struct JSONStyle: Sendable, Hashable {
  /// Non-ASCII as `\uXXXX` with surrogate pairs, lowercase; else raw UTF-8.
  public var escapeUnicode = true
  /// NaN and infinities become null; else they are written raw (`nan`, `inf`).
  public var nanToNull = false
  /// `.` becomes `_` in keys of every level; items only (`appendItem`).
  public var replacesDots = false
  /// Key of the record's time, written first; nil for none. A record's own key of that name wins.
  public var dateKey: String?
  /// Form of the time.
  public var dateFormat = JSONDateFormat.double
  /// Writes `"__internal__":{"log_metadata":{…}}` for records that have metadata.
  public var includesMetadata = false

  /// A style without a date.
  public init(escapeUnicode: Bool = true, nanToNull: Bool = false) {
    self.escapeUnicode = escapeUnicode
    self.nanToNull = nanToNull
  }

  /// The style that `json_date_key` and `json_date_format` of an instance ask for.
  public init(
    _ config: InstanceConfig, escapeUnicode: Bool, nanToNull: Bool
  ) throws(ConfigProblem) {
    self.init(escapeUnicode: escapeUnicode, nanToNull: nanToNull)
    includesMetadata = true
    let key = config.text("json_date_key", default: "date")
    dateKey = ValueGrammar.bool(key) == false ? nil : key
    let word = config.text("json_date_format", default: "double")
    guard let format = JSONDateFormat(word: word) else {
      throw config.problem(
        "\"\(word)\" is not accepted; accepted is double, iso8601, epoch, epoch_ms, "
          + "java_sql_timestamp", key: "json_date_format")
    }
    dateFormat = format
  }
}
