/// Typed reading of a parser section against its table.
struct SectionReader {
  private let properties: [Property]
  private let options: [OptionSchema]
  private let location: SourceLocation

  init(_ properties: [Property], _ options: [OptionSchema], at location: SourceLocation) {
    self.properties = properties
    self.options = options
    self.location = location
  }

  /// The last value of a key; empty counts as not set.
  func text(_ key: String) -> String? {
    properties.last { $0.key == key && !$0.text.isEmpty }?.text
  }

  func bool(_ key: String, _ fallback: Bool) -> Bool {
    text(key).flatMap(ValueGrammar.bool) ?? fallback
  }

  /// The value of a key that has to be there.
  func required(_ key: String, _ problems: inout ProblemList, of what: String) -> String? {
    if let value = text(key) { return value }
    problems.error("this \(what) has no \(key)", at: location, key: key)
    return nil
  }

  /// Names unknown keys (a warning: they were always ignored) and values of the wrong type.
  func check(_ problems: inout ProblemList, what: String) {
    for property in properties {
      guard let option = options.first(where: { $0.covers(property.key) }) else {
        problems.warn(
          "a \(what) does not know this key; it is ignored", at: property.keyLocation,
          key: property.key,
          suggestion: nearest(property.key, in: options.map(\.name))
            .map { "did you mean \"\($0)\"?" })
        continue
      }
      if !property.text.isEmpty, !option.type.accepts(property.text) {
        problems.add(option.type.problem(property))
      }
    }
  }

  /// `+HHMM`, `-HH:MM` or `Z` as seconds east of UTC.
  func timeOffset() throws(ConfigProblem) -> Int? {
    guard let property = properties.last(where: { $0.key == "time_offset" }) else { return nil }
    var digits = property.text.filter { $0 != ":" }
    if digits.lowercased() == "z" { return 0 }
    let sign = digits.first == "-" ? -1 : 1
    if digits.first == "-" || digits.first == "+" { digits.removeFirst() }
    guard digits.utf8.count == 4, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let hours = Int(digits.prefix(2)), let minutes = Int(digits.suffix(2)), hours < 24,
      minutes < 60
    else {
      throw property.problem(
        "\"\(property.text)\" is not accepted; accepted is +HHMM, -HHMM, +HH:MM or -HH:MM")
    }
    return sign * (hours * 3600 + minutes * 60)
  }

  /// The casts of `types`; an unknown type is warned about and means text.
  func types(_ problems: inout ProblemList) -> [ParserDefinition.TypedField] {
    var fields: [ParserDefinition.TypedField] = []
    for property in properties where property.key == "types" {
      for item in ValueGrammar.spaceList(property.text) {
        guard let colon = item.lastIndex(of: ":") else {
          problems.add(property.problem("\"\(item)\" has no type; write it as key:type"))
          continue
        }
        let word = item[item.index(after: colon)...].lowercased()
        let type = ParserDefinition.FieldType(rawValue: word == "int" ? "integer" : word)
        if type == nil {
          problems.warn(
            "the type \(word) is not known; the field stays text", at: property.location,
            key: "types",
            suggestion: "use \(names(ParserDefinition.FieldType.self))")
        }
        fields.append(
          ParserDefinition.TypedField(key: String(item[..<colon]), type: type ?? .string))
      }
    }
    return fields
  }

  /// The decoders in order.
  func decoders(_ problems: inout ProblemList) -> [ParserDefinition.Decoder] {
    var decoders: [ParserDefinition.Decoder] = []
    for property in properties where property.key.hasPrefix("decode_field") {
      let tokens = ValueGrammar.spaceList(property.text)
      guard tokens.count == 2 || tokens.count == 3 else {
        problems.add(
          property.problem("it needs a decoder and a field", suggestion: "write: json log"))
        continue
      }
      guard let kind = ParserDefinition.Decoder.Kind(rawValue: tokens[0].lowercased()) else {
        problems.add(
          property.problem(
            "there is no decoder \(tokens[0])",
            suggestion: "use \(names(ParserDefinition.Decoder.Kind.self))"))
        continue
      }
      let word = tokens.count == 3 ? tokens[2].lowercased() : ""
      guard let action = ParserDefinition.Decoder.Action(rawValue: word) else {
        problems.add(
          property.problem(
            "\"\(word)\" is not accepted; accepted is try_next or do_next"))
        continue
      }
      decoders.append(
        ParserDefinition.Decoder(
          replacesValue: property.key == "decode_field_as", kind: kind, field: tokens[1],
          action: action))
    }
    return decoders
  }

  private func names<Words: CaseIterable & RawRepresentable>(_ type: Words.Type) -> String
  where Words.RawValue == String {
    type.allCases.map(\.rawValue).joined(separator: ", ")
  }
}
