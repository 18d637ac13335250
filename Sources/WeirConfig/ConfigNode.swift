/// A value of a configuration with its place: the one tree that both formats become.
public struct ConfigNode: Sendable, Hashable {
  /// What a node can be.
  public enum Value: Sendable, Hashable {
    case scalar(ConfigScalar)
    case list([ConfigNode])
    case map([ConfigEntry])
  }

  /// The value.
  public var value: Value
  /// Where it begins.
  public let location: SourceLocation

  /// Makes a node.
  public init(_ value: Value, at location: SourceLocation) {
    self.value = value
    self.location = location
  }

  /// Makes a scalar node from text, plain unless told otherwise.
  public init(
    text: String, style: ConfigScalar.Style = .plain, at location: SourceLocation = .commandLine
  ) {
    self.init(.scalar(ConfigScalar(text: text, style: style)), at: location)
  }

  /// The text of a scalar; nil for lists and maps.
  public var text: String? {
    if case .scalar(let scalar) = value { scalar.text } else { nil }
  }

  /// The items of a list; nil for anything else.
  public var list: [ConfigNode]? {
    if case .list(let items) = value { items } else { nil }
  }

  /// The entries of a map in file order, repeated keys kept; nil for anything else.
  public var map: [ConfigEntry]? {
    if case .map(let entries) = value { entries } else { nil }
  }

  /// What this is, for messages: `a text`, `a list` or `a map`.
  var kindName: String {
    switch value {
    case .scalar: "a text"
    case .list: "a list"
    case .map: "a map"
    }
  }
}

/// One key of a map with its value.
public struct ConfigEntry: Sendable, Hashable {
  /// The key as it was written.
  public let key: String
  /// Where the key stands.
  public let keyLocation: SourceLocation
  /// The value.
  public var value: ConfigNode

  /// Makes an entry.
  public init(key: String, keyLocation: SourceLocation, value: ConfigNode) {
    self.key = key
    self.keyLocation = keyLocation
    self.value = value
  }
}

/// A scalar: its text, and how it was quoted, which decides its type in processors.
public struct ConfigScalar: Sendable, Hashable {
  /// How the source wrote it.
  public enum Style: Sendable, Hashable {
    case plain, singleQuoted, doubleQuoted, block
  }

  /// The text, unquoted.
  public var text: String
  /// The quoting.
  public let style: Style

  /// Makes a scalar.
  public init(text: String, style: Style = .plain) {
    self.text = text
    self.style = style
  }

  /// The typed form, as processor options and conditions use it: unquoted words and numbers get
  /// their type, everything quoted stays text.
  public var typed: TypedScalar {
    style == .plain ? TypedScalar(plain: text) : .text(text)
  }
}

/// A scalar with its type.
public enum TypedScalar: Sendable, Hashable {
  case null
  case bool(Bool)
  case integer(Int64)
  case double(Double)
  case text(String)

  /// Reads the type of an unquoted scalar.
  public init(plain text: String) {
    switch text.lowercased() {
    case "", "~", "null": self = .null
    case "true", "on", "yes": self = .bool(true)
    case "false", "off", "no": self = .bool(false)
    default:
      if let integer = Int64(text) {
        self = .integer(integer)
      } else if TypedScalar.looksNumeric(text), let double = Double(text) {
        self = .double(double)
      } else {
        self = .text(text)
      }
    }
  }

  /// The value as text, as comparisons on stringified fields need it.
  public var text: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .integer(let value): String(value)
    case .double(let value): String(value)
    case .text(let value): value
    }
  }

  /// Words such as `nan`, `inf` and hexadecimal floats stay text.
  private static func looksNumeric(_ text: String) -> Bool {
    var hasDigit = false
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): hasDigit = true
      case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "e"),
        UInt8(ascii: "E"):
        continue
      default: return false
      }
    }
    return hasDigit
  }
}
