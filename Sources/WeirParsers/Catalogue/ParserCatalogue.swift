public import WeirConfig
import WeirSystem

/// Every parser that may be used by name: the packaged ones and those of the configuration.
///
/// Built once per configuration. Its own parsers are compiled when it is built, so that a mistake
/// in any of them stops the start, and one start names all of them; packaged ones when they are
/// asked for. Any thread.
public final class ParserCatalogue: Sendable {
  private let own: [String: Parser]
  private let multiline: [String: MultilineParserDefinition]
  private let packaged = Locked<[String: Parser]>([:])

  /// Compiles definitions. One with the name of a packaged parser replaces it.
  ///
  /// - Throws: `ParserError.configuration` with everything that keeps a definition from use.
  public init(
    _ definitions: [ParserDefinition] = [], multiline: [MultilineParserDefinition] = []
  ) throws(ParserError) {
    var parsers: [String: Parser] = [:]
    var problems: [ConfigProblem] = []
    var unusable: Set<String> = []
    for definition in definitions {
      do { parsers[definition.name] = try Parser(definition) } catch {
        problems += error.problems(of: definition.name, at: definition.location)
        unusable.insert(definition.name)
      }
    }
    own = parsers
    var table: [String: MultilineParserDefinition] = [:]
    for definition in multiline { table[definition.name.lowercased()] = definition }
    self.multiline = table
    for definition in multiline where !unusable.contains(definition.parser ?? "") {
      do { _ = try multilineParser(named: definition.name) } catch {
        problems += error.problems(of: definition.name, at: definition.location)
      }
    }
    if !problems.isEmpty { throw .configuration(problems) }
  }

  /// The parser of that name, nil when there is none.
  public func parser(named name: String) -> Parser? {
    if let parser = own[name] { return parser }
    return packaged.withLock { cache in
      if let parser = cache[name] { return parser }
      // Packaged definitions are held valid by a test.
      guard let definition = PackagedParsers.definitions.first(where: { $0.name == name }),
        let parser = try? Parser(definition)
      else { return nil }
      cache[name] = parser
      return parser
    }
  }

  /// The `[MULTILINE_PARSER]` of that name in any case, nil when the configuration has none.
  public func multilineDefinition(named name: String) -> MultilineParserDefinition? {
    multiline[name.lowercased()]
  }
}

extension ParserCatalogue {
  /// The multiline parser of that name: one of the configuration, else a built-in one. The name's
  /// case doesn't matter.
  ///
  /// - Throws: `ParserError` for rules that don't fit or a `parser` that does not exist.
  public func multilineParser(named name: String) throws(ParserError) -> MultilineParser? {
    guard let definition = multilineDefinition(named: name) else {
      return try BuiltinMultiline.parser(named: name.lowercased())
    }
    var line: Parser?
    if let parserName = definition.parser {
      guard let found = parser(named: parserName) else {
        throw .definition(parser: name, reason: "its parser '\(parserName)' does not exist")
      }
      line = found
    }
    return try MultilineParser(definition, parser: line)
  }
}
