/// One `[PARSER]`, read and checked; what it says is compiled elsewhere.
public struct ParserDefinition: Sendable, Hashable {
  /// The formats a parser can have.
  public enum Format: String, Sendable, Hashable, CaseIterable {
    case regex, json, ltsv, logfmt
  }

  /// The type a field is cast to.
  public enum FieldType: String, Sendable, Hashable, CaseIterable {
    case integer, bool, float, hex, string
  }

  /// One entry of `types`.
  public struct TypedField: Sendable, Hashable {
    /// The field.
    public let key: String
    /// Its type.
    public let type: FieldType

    /// Makes an entry.
    public init(key: String, type: FieldType) {
      self.key = key
      self.type = type
    }
  }

  /// One `decode_field` or `decode_field_as` rule.
  public struct Decoder: Sendable, Hashable {
    /// What decodes.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
      case json, escaped, mysqlQuoted = "mysql_quoted", escapedUTF8 = "escaped_utf8"
    }
    /// What comes after this rule.
    public enum Action: String, Sendable, Hashable, CaseIterable {
      case stop = "", tryNext = "try_next", doNext = "do_next"
    }
    /// True for `decode_field_as`: the value is replaced; false: the result's keys are appended.
    public let replacesValue: Bool
    /// The decoder.
    public let kind: Kind
    /// The field it works on.
    public let field: String
    /// What follows on failure or success.
    public let action: Action

    /// Makes a rule.
    public init(replacesValue: Bool, kind: Kind, field: String, action: Action = .stop) {
      self.replacesValue = replacesValue
      self.kind = kind
      self.field = field
      self.action = action
    }
  }

  /// The name that inputs and filters use.
  public var name: String
  /// The format.
  public var format: Format
  /// The expression of the regex format, slashes and flags kept as written.
  public var regex: String?
  /// Leave out empty captures (regex).
  public var skipEmptyValues = true
  /// The field that holds the time.
  public var timeKey = "time"
  /// The strptime format; nil leaves the time field alone.
  public var timeFormat: String?
  /// Keep the time field after use.
  public var timeKeep = false
  /// Refuse a partially read time.
  public var timeStrict = true
  /// Seconds east of UTC for times without a zone.
  public var timeOffsetSeconds: Int?
  /// Read times without a zone in the system's zone.
  public var timeSystemTimezone = false
  /// The IANA zone of times without one.
  public var timeZone: String?
  /// Casts (regex, ltsv, logfmt).
  public var types: [TypedField] = []
  /// Decoders in order.
  public var decoders: [Decoder] = []
  /// Refuse keys without `=` (logfmt).
  public var logfmtNoBareKeys = false
  /// Where it is defined.
  public var location: SourceLocation

  /// Makes a definition with every default.
  public init(
    name: String, format: Format, regex: String? = nil, location: SourceLocation = .commandLine
  ) {
    self.name = name
    self.format = format
    self.regex = regex
    self.location = location
  }
}

/// One `[MULTILINE_PARSER]`, read and checked.
public struct MultilineParserDefinition: Sendable, Hashable {
  /// How a record's end is recognised.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case regex, endsWith = "endswith", equal
  }

  /// One rule of the state machine.
  public struct Rule: Sendable, Hashable {
    /// The states it applies in.
    public let fromStates: [String]
    /// The expression, slashes kept.
    public let regex: String
    /// The state after it.
    public let toState: String
    /// Where it stands.
    public let location: SourceLocation

    /// Makes a rule.
    public init(
      fromStates: [String], regex: String, toState: String,
      location: SourceLocation = .commandLine
    ) {
      self.fromStates = fromStates
      self.regex = regex
      self.toState = toState
      self.location = location
    }
  }

  /// The name, looked up without regard to case.
  public var name: String
  /// The kind.
  public var kind: Kind
  /// What `endswith` and `equal` compare with.
  public var matchString: String?
  /// Turns the comparison around.
  public var negate = false
  /// Milliseconds after which an open record is flushed.
  public var flushTimeoutMs = 4000
  /// The field that is joined; nil joins whole lines.
  public var keyContent: String?
  /// The field that is compared; nil means `keyContent`.
  public var keyPattern: String?
  /// The field that tells interleaved groups apart.
  public var keyGroup: String?
  /// The parser that is applied to each line first.
  public var parser: String?
  /// The rules, `start_state` first.
  public var rules: [Rule] = []
  /// Where it is defined.
  public var location: SourceLocation

  /// Makes a definition with every default.
  public init(name: String, kind: Kind, location: SourceLocation = .commandLine) {
    self.name = name
    self.kind = kind
    self.location = location
  }
}
