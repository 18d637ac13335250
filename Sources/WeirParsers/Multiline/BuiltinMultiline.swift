import WeirConfig

/// The multiline parsers that are there without configuration.
enum BuiltinMultiline {
  /// The parser of that name in lower case, nil when it is not built in.
  static func parser(named name: String) throws(ParserError) -> MultilineParser? {
    switch name {
    case "cri": return cri()
    case "docker": return try docker()
    case "go": return try rules(name, go)
    case "java": return try rules(name, java)
    case "python": return try rules(name, python)
    case "ruby": return try rules(name, ruby)
    default: return nil
    }
  }

  static let flushMilliseconds = 4_000

  private static func cri() -> MultilineParser {
    MultilineParser(
      name: "cri", kind: .text(match: Array("F".utf8), equals: true, negated: false),
      source: .cri, keyContent: "log", keyPattern: "_p", keyGroup: "stream",
      flushMilliseconds: flushMilliseconds)
  }

  private static func docker() throws(ParserError) -> MultilineParser {
    var definition = ParserDefinition(name: "docker", format: .json)
    definition.timeFormat = "%Y-%m-%dT%H:%M:%S.%L%z"
    definition.timeKeep = true
    definition.timeStrict = false
    return MultilineParser(
      name: "docker", kind: .text(match: [0x0A], equals: false, negated: false),
      source: .parser(try Parser(definition)), keyContent: "log", keyPattern: nil,
      keyGroup: "stream", flushMilliseconds: flushMilliseconds)
  }

  private static func rules(
    _ name: String, _ rules: [MultilineParserDefinition.Rule]
  ) throws(ParserError) -> MultilineParser {
    MultilineParser(
      name: name, kind: .regex(try MultilineRules(name, rules)), source: .line, keyContent: nil,
      keyPattern: nil, keyGroup: nil, flushMilliseconds: flushMilliseconds)
  }

  private static func rule(
    _ from: [String], _ regex: String, _ to: String
  ) -> MultilineParserDefinition.Rule {
    .init(fromStates: from, regex: regex, toState: to)
  }

  private static let start = MultilineRules.startState

  /// An exception's first line, stack frames, causes; those of .NET and V8 look alike.
  private static let java = [
    rule([start], #".(?:Exception|Error|Throwable|V8 errors stack trace)[:\r\n]"#, "thrown"),
    rule(["thrown"], #"^[\t ]*nested exception is:"#, "thrown"),
    rule(["thrown"], #"^[\r\n]*$"#, "trace"),
    rule(
      ["thrown", "trace"],
      #"^(?:[\t ]+(?:eval )?at |[\t ]*(?:Caused by|Suppressed):"#
        + #"|[\t ]*\.\.\. \d+ (?:more|common frames omitted))"#, "trace"),
    rule(
      ["thrown", "trace"],
      #"^(?:[\t ]+--- End of inner exception stack trace ---"#
        + #"|--- End of stack trace from previous location where exception was thrown ---)$"#,
      "trace"),
  ]

  /// A panic, then blocks of a goroutine line and pairs of call and location.
  private static let go = [
    rule([start], #"\bpanic: "#, "panic"),
    rule([start], "http: panic serving", "goroutine"),
    rule(["panic", "signal", "call"], "^$", "goroutine"),
    rule(["panic"], #"^\[signal "#, "signal"),
    rule(["goroutine"], #"^goroutine \d+ \[[^\]]+\]:$"#, "call"),
    rule(["call"], #"^(?:created by |[^\s:]*[^\s.():]\()"#, "location"),
    rule(["location"], #"^\s"#, "call"),
  ]

  /// Pairs of file and code lines, ended by the error.
  private static let python = [
    rule([start], #"^Traceback \(most recent call last\):$"#, "files"),
    rule(["files"], #"^[\t ]+File "#, "code"),
    rule(["code"], #"[^\t ]"#, "files"),
    rule(["files"], #"^[^\s.():]+(?:\.[^\s.():]+)*:"#, start),
  ]

  private static let ruby = [
    rule([start], #"^.+:\d+:in\s"#, "trace"),
    rule(["trace"], #"^\s+from\s+.*:\d+:in\s"#, "trace"),
  ]
}
