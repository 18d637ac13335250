/// The options of a component: a subset of JSON Schema with unit, secret and deprecated marks.
///
/// Every keyword that a schema uses is enforced; one that is not known is refused when the plugin
/// is loaded, so that no promise of a schema is silently empty.
public struct OptionsSchema: Sendable {
  /// One option, or the items of a list option.
  public indirect enum ValueKind: Sendable {
    case text(choices: [String])
    case bool
    case integer(minimum: Int64?, maximum: Int64?, unit: Unit)
    case number(minimum: Double?, maximum: Double?)
    case list(ValueKind)
    /// Any map or list of the richer format.
    case tree
  }

  /// What a whole number counts.
  public enum Unit: String, Sendable { case none, bytes, seconds }

  /// A named option.
  public struct Option: Sendable {
    /// The key, in lower case.
    public let name: String
    /// What its values are.
    public let kind: ValueKind
    /// The default as a user would write it.
    public let defaultText: String?
    /// Whether an instance cannot be without it.
    public let isRequired: Bool
    /// Never shown in messages or dumps.
    public let isSecret: Bool
    /// What to use instead; nil when it is not deprecated.
    public let deprecated: String?
    /// Why it is accepted without effect; nil when it does what it says.
    public let noEffect: String?
    /// One line.
    public let help: String
    /// What is accepted, for people.
    public var accepted: String { kind.accepted }
  }

  /// The options in the order of the schema.
  public let options: [Option]
  /// True when keys that the schema does not name are handed over as text.
  public let acceptsAny: Bool

  static let optionsMax = 256

  /// Reads a schema; an empty text is a component without options.
  init(json text: String) throws(SchemaError) {
    if text.isEmpty {
      options = []
      acceptsAny = false
      return
    }
    let root = try SchemaJSONReader.read(text)
    try Self.allow(
      root,
      [
        "type", "properties", "required", "additionalProperties", "title", "description", "$schema",
      ],
      "the schema")
    guard root["type"] == .string("object") else { throw SchemaError("its type is not object") }
    switch root["additionalProperties"] {
    case nil, .bool(false): acceptsAny = false
    case .bool(true): acceptsAny = true
    default: throw SchemaError("additionalProperties is neither true nor false")
    }
    var required: Set<String> = []
    if let list = root["required"] {
      guard case .array(let items) = list else { throw SchemaError("required is no list") }
      for item in items {
        guard case .string(let name) = item else { throw SchemaError("required lists no text") }
        required.insert(name)
      }
    }
    var options: [Option] = []
    if let properties = root["properties"] {
      guard case .object(let members) = properties else {
        throw SchemaError("properties is no object")
      }
      guard members.count <= Self.optionsMax else {
        throw SchemaError("more than \(Self.optionsMax) options")
      }
      for member in members {
        let isRequired = required.remove(member.key) != nil
        options.append(try Self.option(member.key, member.value, isRequired: isRequired))
      }
    }
    if let left = required.first { throw SchemaError("required names the unknown option \(left)") }
    self.options = options
  }

  private static func option(
    _ name: String, _ value: SchemaJSON, isRequired: Bool
  ) throws(SchemaError) -> Option {
    guard !name.isEmpty, name == name.lowercased() else {
      throw SchemaError("the option \"\(name)\" is not in lower case")
    }
    try allow(
      value,
      [
        "type", "enum", "default", "minimum", "maximum", "unit", "items", "secret", "deprecated",
        "no_effect", "description", "title",
      ], "the option \(name)")
    let kind = try kind(value, name)
    return Option(
      name: name, kind: kind, defaultText: try defaultText(value, kind, name),
      isRequired: isRequired, isSecret: value["secret"] == .bool(true),
      deprecated: try deprecated(value, name), noEffect: try noEffect(value, name),
      help: value["description"]?.scalarText ?? "")
  }

  private static func kind(_ value: SchemaJSON, _ name: String) throws(SchemaError) -> ValueKind {
    guard case .string(let type)? = value["type"] else {
      throw SchemaError("the option \(name) has no type")
    }
    switch type {
    case "string": return .text(choices: try choices(value["enum"], name))
    case "boolean": return .bool
    case "integer":
      guard let unit = Unit(rawValue: value["unit"]?.scalarText ?? "none") else {
        throw SchemaError("the option \(name) has another unit than bytes and seconds")
      }
      return .integer(
        minimum: try bound(value["minimum"], name) { Int64($0) },
        maximum: try bound(value["maximum"], name) { Int64($0) }, unit: unit)
    case "number":
      return .number(
        minimum: try bound(value["minimum"], name) { Double($0) },
        maximum: try bound(value["maximum"], name) { Double($0) })
    case "array":
      guard let items = value["items"] else { return .list(.text(choices: [])) }
      let inner = try kind(items, name)
      switch inner {
      case .list, .tree: throw SchemaError("the list \(name) has other than scalar items")
      default: return .list(inner)
      }
    case "object": return .tree
    default: throw SchemaError("the option \(name) has the unknown type \(type)")
    }
  }

  private static func bound<N>(
    _ value: SchemaJSON?, _ name: String, _ read: (String) -> N?
  ) throws(SchemaError) -> N? {
    guard let value else { return nil }
    guard case .number(let text) = value, let number = read(text) else {
      throw SchemaError("a bound of the option \(name) is no fitting number")
    }
    return number
  }

  private static func choices(
    _ value: SchemaJSON?, _ name: String
  ) throws(SchemaError) -> [String] {
    guard let value else { return [] }
    guard case .array(let items) = value, !items.isEmpty else {
      throw SchemaError("enum of the option \(name) is no list")
    }
    var words: [String] = []
    for item in items {
      guard case .string(let word) = item else {
        throw SchemaError("enum of the option \(name) lists other than text")
      }
      words.append(word)
    }
    return words
  }

  private static func defaultText(
    _ value: SchemaJSON, _ kind: ValueKind, _ name: String
  ) throws(SchemaError) -> String? {
    guard let given = value["default"] else { return nil }
    guard let text = given.scalarText else {
      throw SchemaError("the default of the option \(name) is no scalar")
    }
    guard kind.reads(text) else {
      throw SchemaError("the default of the option \(name) is not of its own type")
    }
    return text
  }

  private static func deprecated(
    _ value: SchemaJSON, _ name: String
  ) throws(SchemaError) -> String? {
    switch value["deprecated"] {
    case nil, .bool(false): return nil
    case .bool(true): return "something else"
    case .string(let instead): return instead
    default: throw SchemaError("deprecated of the option \(name) is neither a truth value nor text")
    }
  }

  private static func noEffect(
    _ value: SchemaJSON, _ name: String
  ) throws(SchemaError) -> String? {
    switch value["no_effect"] {
    case nil: return nil
    case .string(let reason): return reason
    default: throw SchemaError("no_effect of the option \(name) is no text")
    }
  }

  private static func allow(
    _ value: SchemaJSON, _ keywords: [String], _ what: String
  ) throws(SchemaError) {
    guard case .object(let members) = value else { throw SchemaError("\(what) is no object") }
    for member in members where !keywords.contains(member.key) {
      throw SchemaError("\(what) uses \(member.key), which hosts do not know")
    }
  }
}
