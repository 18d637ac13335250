public import WeirBatch
public import WeirConfig

/// A `[MULTILINE_PARSER]` or a built-in one, compiled: decides which lines belong together.
///
/// Immutable and shared; what is open is held by whoever joins, per stream and group.
public final class MultilineParser: Sendable {
  /// How lines are recognised.
  public enum Kind: Sendable {
    /// Rules that lead from state to state.
    case regex(MultilineRules)
    /// A record is complete with a text that ends with (`equals`: that is) `match`, or with one
    /// that doesn't when negated.
    case text(match: [UInt8], equals: Bool, negated: Bool)
    /// A line that `first` takes begins a record; one that one of `more` takes adds its fields;
    /// any other goes on with the last text of the record.
    case firstLine(first: Parser, more: [Parser])
  }

  /// Where a line's fields come from before it is looked at.
  public enum Source: Sendable {
    /// The line is the text.
    case line
    /// The CRI format: fields time, stream, _p, log.
    case cri
    /// A `[PARSER]`; a line that it refuses is not accepted.
    case parser(Parser)
  }

  public let name: String
  public let kind: Kind
  public let source: Source
  /// The field that is joined; nil joins whole lines, each with a line feed behind it.
  public let keyContent: KeyID?
  /// The field that is looked at; nil looks at what is joined.
  public let keyPattern: KeyID?
  /// The field that tells interleaved groups apart.
  public let keyGroup: KeyID?
  /// How long an open record waits for its next part, in nanoseconds.
  public let flushNanoseconds: Int64
  /// The joined record has the fields and time of its last part instead of the first.
  let keepsLastFields: Bool
  /// Complete texts go on joining until one matches this.
  let recordStart: Regex?

  /// Whether parts are separated by line feeds.
  public var separatesLines: Bool {
    if case .text = kind { return keyContent == nil }
    return true
  }

  /// Whether whole lines are joined, so that every record ends in a line feed.
  public var joinsWholeLines: Bool {
    if case .firstLine = kind { return false }
    return keyContent == nil
  }

  init(
    name: String, kind: Kind, source: Source, keyContent: String?, keyPattern: String?,
    keyGroup: String?, flushMilliseconds: Int, keepsLastFields: Bool = false,
    recordStart: Regex? = nil
  ) {
    self.keepsLastFields = keepsLastFields
    self.recordStart = recordStart
    let keys = KeyTable.shared
    self.name = name
    self.kind = kind
    self.source = source
    self.keyContent = keyContent.map { keys.intern($0) }
    self.keyPattern = (keyPattern ?? keyContent).map { keys.intern($0) }
    self.keyGroup = keyGroup.map { keys.intern($0) }
    flushNanoseconds = Int64(max(flushMilliseconds, 1)) * 1_000_000
  }

  /// Compiles a definition; `parser` is the one that it names.
  ///
  /// - Throws: `ParserError` for rules that don't fit together or expressions that cannot be used.
  public convenience init(
    _ definition: MultilineParserDefinition, parser: Parser?
  ) throws(ParserError) {
    let kind: Kind
    switch definition.kind {
    case .regex: kind = .regex(try MultilineRules(definition.name, definition.rules))
    case .endsWith, .equal:
      guard let match = definition.matchString, !match.isEmpty else {
        throw .definition(
          parser: definition.name,
          reason: "type \(definition.kind.rawValue) needs 'match_string'")
      }
      kind = .text(
        match: Array(match.utf8), equals: definition.kind == .equal, negated: definition.negate)
    }
    self.init(
      name: definition.name, kind: kind, source: parser.map { .parser($0) } ?? .line,
      keyContent: definition.keyContent, keyPattern: definition.keyPattern,
      keyGroup: definition.keyGroup, flushMilliseconds: definition.flushTimeoutMs)
  }

  /// `docker_mode` of an input: docker's parts, with the fields of the last one; with a
  /// `docker_mode_parser` a record goes on until a text that this parser's expression takes.
  static func dockerMode(
    _ line: Parser, firstLine: Parser?, flushMilliseconds: Int
  ) -> MultilineParser {
    MultilineParser(
      name: "docker_mode", kind: .text(match: [0x0A], equals: false, negated: false),
      source: .parser(line), keyContent: "log", keyPattern: nil, keyGroup: "stream",
      flushMilliseconds: flushMilliseconds, keepsLastFields: true, recordStart: firstLine?.regex)
  }

  /// `multiline on` of an input.
  static func firstLineMode(
    _ first: Parser, more: [Parser], flushMilliseconds: Int
  ) -> MultilineParser {
    MultilineParser(
      name: "multiline", kind: .firstLine(first: first, more: more), source: .line,
      keyContent: nil, keyPattern: nil, keyGroup: nil, flushMilliseconds: flushMilliseconds)
  }

  /// Whether a text completes its record, for parsers of kind `text`.
  @inline(__always)
  public static func completes(
    _ p: UnsafePointer<UInt8>, _ count: Int, match: [UInt8], equals: Bool, negated: Bool
  ) -> Bool {
    guard count >= match.count, !equals || count == match.count else { return negated }
    let start = count &- match.count
    for index in 0..<match.count where p[start &+ index] != match[index] { return negated }
    return !negated
  }
}
