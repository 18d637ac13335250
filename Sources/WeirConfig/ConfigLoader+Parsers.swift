/// Parsers and multiline parsers, from properties whose variables are replaced.
extension ConfigLoader {
  /// Adds a parser; a second one of the same name is an error.
  mutating func addParser(_ properties: [Property], at location: SourceLocation) {
    let section = SectionReader(properties, ParserSchemas.parser, at: location)
    section.check(&problems, what: "parser")
    guard let name = section.required("name", &problems, of: "parser"),
      let format = section.required("format", &problems, of: "parser"),
      let kind = ParserDefinition.Format(rawValue: format.lowercased())
    else { return }
    if let first = configuration.parser(name) {
      problems.error(
        "the parser \(name) is already defined at \(first.location)", at: location, key: "name")
      return
    }
    var parser = ParserDefinition(
      name: name, format: kind, regex: section.text("regex"), location: location)
    if kind == .regex && parser.regex == nil {
      problems.error("a parser of format regex needs the key regex", at: location, key: "regex")
    }
    parser.skipEmptyValues = section.bool("skip_empty_values", true)
    parser.timeKey = section.text("time_key") ?? "time"
    parser.timeFormat = section.text("time_format")
    parser.timeKeep = section.bool("time_keep", false)
    parser.timeStrict = section.bool("time_strict", true)
    parser.timeSystemTimezone = section.bool("time_system_timezone", false)
    parser.timeZone = section.text("time_zone")
    parser.logfmtNoBareKeys = section.bool("logfmt_no_bare_keys", false)
    parser.timeOffsetSeconds =
      problems.collect { () throws(ConfigProblem) in
        try section.timeOffset()
      } ?? nil
    if parser.timeZone != nil, parser.timeOffsetSeconds != nil || parser.timeSystemTimezone {
      problems.error(
        "time_zone does not go together with time_offset or time_system_timezone", at: location)
    }
    parser.types = section.types(&problems)
    parser.decoders = section.decoders(&problems)
    configuration.parsers.append(parser)
  }

  /// Adds a multiline parser with its rules; names are unique without regard to case.
  mutating func addMultilineParser(
    _ properties: [Property], rules: [MultilineParserDefinition.Rule], at location: SourceLocation
  ) {
    let section = SectionReader(properties, ParserSchemas.multiline, at: location)
    section.check(&problems, what: "multiline parser")
    guard let name = section.required("name", &problems, of: "multiline parser"),
      let type = section.required("type", &problems, of: "multiline parser")?.lowercased(),
      let kind = type == "eq" ? .equal : MultilineParserDefinition.Kind(rawValue: type)
    else { return }
    let first = configuration.multilineParsers.first { $0.name.lowercased() == name.lowercased() }
    if let first {
      problems.error(
        "the multiline parser \(name) is already defined at \(first.location)", at: location,
        key: "name")
      return
    }
    var parser = MultilineParserDefinition(name: name, kind: kind, location: location)
    parser.matchString = section.text("match_string")
    parser.negate = section.bool("negate", false)
    parser.flushTimeoutMs =
      section.text("flush_timeout").flatMap(ValueGrammar.integer) ?? parser.flushTimeoutMs
    parser.keyContent = section.text("key_content")
    parser.keyPattern = section.text("key_pattern")
    parser.keyGroup = section.text("key_group")
    parser.parser = section.text("parser")
    parser.rules = rules
    check(parser)
    configuration.multilineParsers.append(parser)
  }

  private mutating func check(_ parser: MultilineParserDefinition) {
    guard parser.kind == .regex else {
      if parser.matchString == nil {
        problems.error(
          "a multiline parser of type \(parser.kind.rawValue) needs match_string",
          at: parser.location, key: "match_string")
      }
      return
    }
    guard let first = parser.rules.first else {
      problems.error(
        "a multiline parser of type regex needs rules", at: parser.location, key: "rule")
      return
    }
    if !first.fromStates.contains("start_state") {
      problems.error("the first rule has to be start_state", at: first.location, key: "rule")
    }
    let known = Set(parser.rules.flatMap(\.fromStates)).union(["start_state"])
    for rule in parser.rules where !known.contains(rule.toState) {
      problems.error(
        "no rule begins with the state \(rule.toState)", at: rule.location, key: "rule",
        suggestion: nearest(rule.toState, in: known.sorted()).map { "did you mean \"\($0)\"?" })
    }
  }

  /// The rules of a classic section: `rule "from" "/regex/" "to"`.
  mutating func rules(_ properties: [Property]) -> [MultilineParserDefinition.Rule] {
    var rules: [MultilineParserDefinition.Rule] = []
    for property in properties where property.key == "rule" {
      let tokens = ValueGrammar.spaceList(property.text)
      if tokens.count == 3 {
        rules.append(
          MultilineParserDefinition.Rule(
            fromStates: ValueGrammar.commaList(tokens[0]), regex: tokens[1], toState: tokens[2],
            location: property.location))
      } else {
        problems.add(
          property.problem(
            "a rule has three parts, here are \(tokens.count)",
            suggestion: "write \"state\" \"/regex/\" \"next state\", each in double quotes"))
      }
    }
    return rules
  }
}
