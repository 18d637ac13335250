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

  /// Whether parts are separated by line feeds.
  public var separatesLines: Bool {
    if case .regex = kind { return true }
    return keyContent == nil
  }

  init(
    name: String, kind: Kind, source: Source, keyContent: String?, keyPattern: String?,
    keyGroup: String?, flushMilliseconds: Int
  ) {
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
