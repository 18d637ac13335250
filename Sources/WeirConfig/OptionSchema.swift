/// The kinds of option values, by the value grammar.
public enum ValueType: Sendable, Hashable {
  /// Text, verbatim.
  case text
  case bool
  case integer
  case double
  /// Bytes, decimal units.
  case size
  /// Bytes, binary units.
  case binarySize
  /// Seconds with an optional unit.
  case time
  /// Comma-separated items.
  case commaList
  /// Blank-separated items, at least `min`; a token after the `max`-th takes the remainder.
  case spaceList(min: Int, max: Int)
  /// One of these words, any case.
  case choice([String])
  /// A record accessor, or plain text.
  case accessor
  /// A regular expression.
  case regex
  /// A number of retries, or a word for none or endless.
  case retryLimit
  /// A map or list of the richer format, read by its owner.
  case tree

  /// What is accepted, for messages.
  public var accepted: String {
    switch self {
    case .text, .accessor, .regex: "a text"
    case .bool: "true, on, yes, false, off or no"
    case .integer: "a whole number"
    case .double: "a decimal number"
    case .size: "a number of bytes such as 32768, 512K or 10M (units of 1,000)"
    case .binarySize: "a number of bytes such as 32768, 512K or 2M (units of 1,024)"
    case .time: "seconds, or a number with s, m, h or d"
    case .commaList: "items separated by commas"
    case .spaceList(let min, _): "at least \(min) item(s) separated by blanks"
    case .choice(let words): words.joined(separator: ", ")
    case .retryLimit: "a number from 1, or no_limits, false, off, no_retries"
    case .tree: "a map"
    }
  }

  /// Whether `text` is of this type.
  public func accepts(_ text: String) -> Bool {
    switch self {
    case .text, .accessor, .regex, .commaList, .tree: return true
    case .bool: return ValueGrammar.bool(text) != nil
    case .integer: return ValueGrammar.integer(text) != nil
    case .double: return ValueGrammar.double(text) != nil
    case .size: return ValueGrammar.size(text) != nil
    case .binarySize: return ValueGrammar.binarySize(text) != nil
    case .time: return ValueGrammar.seconds(text) != nil
    case .spaceList(let min, _): return ValueGrammar.spaceList(text).count >= min
    case .choice(let words): return words.contains(text.lowercased())
    case .retryLimit: return RetryLimit(text) != nil
    }
  }

  /// The message for a value that is not of this type; a secret is not repeated in it.
  func problem(_ property: Property, isSecret: Bool = false) -> ConfigProblem {
    if isSecret { return property.problem("the value is not accepted; accepted is \(accepted)") }
    var suggestion: String?
    if case .choice(let words) = self {
      suggestion = nearest(property.text, in: words).map { "did you mean \"\($0)\"?" }
    }
    return property.problem(
      "\"\(property.text)\" is not accepted; accepted is \(accepted)", suggestion: suggestion)
  }
}

/// How often an output tries again.
public enum RetryLimit: Sendable, Hashable {
  case none
  case limited(Int)
  case endless

  /// Reads `retry_limit`; numbers below 1 count as 1, as they always did.
  public init?(_ text: String) {
    switch text.lowercased() {
    case "no_limits", "false", "off": self = .endless
    case "no_retries": self = .none
    default:
      guard let number = Int(text) else { return nil }
      self = .limited(max(1, number))
    }
  }
}

/// What an option does here.
public enum OptionClass: Sendable, Hashable {
  /// It does what it says.
  case works
  /// Accepted without effect: it tunes a part that this engine does not have.
  case noCounterpart(String)
  /// An error: ignoring it would lose data or security.
  case refused(String)
  /// Accepted and available in the model, but what it switches on is not part of this version.
  case notYet(String)
}

/// One option of a plugin, a service or a parser.
public struct OptionSchema: Sendable, Hashable {
  /// The key in lower case; a last `*` stands for any text, a last `#` for a number.
  public let name: String
  /// The type of its value.
  public let type: ValueType
  /// The default as a user would write it; nil for none.
  public let defaultText: String?
  /// Whether it may be given more than once.
  public let isRepeatable: Bool
  /// What it does here.
  public let optionClass: OptionClass
  /// Never shown in messages or dumps.
  public let isSecret: Bool
  /// What to use instead, when it is deprecated.
  public let deprecated: String?
  /// Whether the plugin cannot start without it.
  public let isRequired: Bool
  /// One line of help.
  public let help: String

  /// Makes an option.
  public init(
    _ name: String, _ type: ValueType = .text, default defaultText: String? = nil,
    repeatable isRepeatable: Bool = false, _ optionClass: OptionClass = .works,
    required isRequired: Bool = false, secret isSecret: Bool = false, deprecated: String? = nil,
    help: String = ""
  ) {
    self.name = name
    self.type = type
    self.defaultText = defaultText
    self.isRepeatable = isRepeatable
    self.optionClass = optionClass
    self.isRequired = isRequired
    self.isSecret = isSecret
    self.deprecated = deprecated
    self.help = help
  }

  /// Makes a text option without default of a class other than `works`.
  public init(_ name: String, _ optionClass: OptionClass, help: String = "") {
    self.init(name, .text, optionClass, help: help)
  }

  /// Whether `text` says the same as the default, so that the class of the option does not matter.
  func isDefault(_ text: String) -> Bool {
    guard let defaultText else { return false }
    switch type {
    case .bool: return ValueGrammar.bool(text) == ValueGrammar.bool(defaultText)
    case .size: return ValueGrammar.size(text) == ValueGrammar.size(defaultText)
    case .time: return ValueGrammar.seconds(text) == ValueGrammar.seconds(defaultText)
    case .double: return ValueGrammar.double(text) == ValueGrammar.double(defaultText)
    default: return text.lowercased() == defaultText.lowercased()
    }
  }

  /// Whether this entry speaks of `key` (lower case).
  func covers(_ key: String) -> Bool {
    if key == name { return true }
    let stem = name.dropLast()
    guard key.hasPrefix(stem) else { return false }
    if name.hasSuffix("*") { return true }
    let rest = key.utf8.dropFirst(stem.utf8.count)
    return name.hasSuffix("#") && !rest.isEmpty && rest.allSatisfy { (0x30...0x39).contains($0) }
  }
}

/// The option table of one plugin.
public struct PluginSchema: Sendable, Hashable {
  /// The stage kind.
  public let kind: StageKind
  /// The plugin type in lower case.
  public let name: String
  /// One line of help.
  public let help: String
  /// Its options, without the global ones of its kind.
  public let options: [OptionSchema]
  /// True for plugins that publish no table: any key is accepted.
  public let acceptsAnyOption: Bool
  /// Whether it connects to servers: host, port, TLS and network options then work.
  public let usesNetwork: Bool

  /// Makes a table.
  public init(
    kind: StageKind, name: String, help: String = "", acceptsAnyOption: Bool = false,
    usesNetwork: Bool = false, options: [OptionSchema]
  ) {
    self.kind = kind
    self.name = name.lowercased()
    self.help = help
    self.options = options
    self.acceptsAnyOption = acceptsAnyOption
    self.usesNetwork = usesNetwork
  }

  /// The entry for a key, own options first, then the global ones of the kind.
  public func option(_ key: String) -> OptionSchema? {
    options.first { $0.covers(key) } ?? globalOptions.first { $0.covers(key) }
  }

  /// What every stage of this kind has, network options of outputs included.
  public var globalOptions: [OptionSchema] {
    let common = GlobalOptions.of(kind)
    guard kind == .output else { return common }
    return usesNetwork
      ? common + NetworkOptions.client
      : GlobalOptions.localOutput + common + NetworkOptions.ignored
  }
}
