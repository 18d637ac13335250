// Users write regular expressions in Ruby's dialect, as the reference runs them with Onigmo. PCRE2
// is eight times as fast, so a pattern is translated once, when the configuration is read. The two
// dialects look alike and differ in small ways that change what matches:
//
//   Ruby                                  PCRE2
//   a named group: plain ones don't capture   all groups capture
//   ^ and $ are line anchors, always          PCRE2_MULTILINE
//   (?m) lets the dot match a newline         (?s)
//   a(?i)b|c    means a(?i:b|c)               (a(?i)b)|((?i)c)
//   x{2,3}+     means (?:x{2,3})+             possessive
//   x{2}?       means (?:x{2})?               lazy
//   [a-z&&[^x]] is an intersection            literals
//   \h hex digit, \v vertical tab             horizontal and vertical blanks
//   POSIX brackets and \b know Unicode        ASCII, unless \d and \w know it too
//
// Names never reach PCRE2: groups are numbered here, which lifts its limits on names (length,
// alphabet, duplicates).

/// A Ruby regular expression translated to PCRE2, in a form for UTF-8 text and a twin for bytes.
public struct RubyPattern: Sendable {
  /// A name and the capture groups that carry it, in pattern order; more than one when duplicated.
  public struct NamedGroup: Sendable, Equatable {
    public var name: String
    /// Capture indexes, 1 and up.
    public var groups: [Int]
  }

  /// Longest pattern accepted, in bytes.
  public static let lengthBytesMax = 65_536

  /// The pattern as the user wrote it.
  public let source: String
  /// PCRE2 source for PCRE2_UTF mode.
  public let utf: [UInt8]
  /// PCRE2 source for byte mode: what matches text that is not valid UTF-8.
  public let bytes: [UInt8]
  /// Named groups in the order in which their names first appear.
  public let names: [NamedGroup]
  /// Number of capture groups, the whole match not counted.
  public let captureCount: Int
  /// Bytes that every match contains, empty when none are known.
  public let literal: [UInt8]
  /// Whether a match can only begin at the start of a line or of the text.
  public let startsAtAnchor: Bool

  /// Translates `pattern`, which may be wrapped as `/.../` with flags `imxo` behind it.
  ///
  /// - Throws: `ParserError.regex` naming the construct that PCRE2 has no counterpart for.
  public init(_ pattern: String) throws(ParserError) {
    source = pattern
    let raw = Array(pattern.utf8)
    guard raw.count <= Self.lengthBytesMax else {
      throw .regex(pattern: pattern, offset: 0, reason: "longer than \(Self.lengthBytesMax) bytes")
    }
    let (body, flags) = Self.unwrapped(raw)
    // The first pass learns the names, which decide whether plain groups capture.
    var scout = RubyTranslator(pattern, body, flags, mode: .utf, known: nil)
    try scout.run()
    let known = scout.names
    var text = RubyTranslator(pattern, body, flags, mode: .utf, known: known)
    try text.run()
    var twin = RubyTranslator(pattern, body, flags, mode: .bytes, known: known)
    try twin.run()
    utf = text.out
    bytes = twin.out
    names = known
    captureCount = text.captureCount
    literal = text.literal.best
    startsAtAnchor = text.startsAtAnchor
  }

  /// The body of `/body/flags`; anything not wrapped so is the body itself.
  static func unwrapped(_ raw: [UInt8]) -> (body: [UInt8], flags: RubyFlags) {
    var flags = RubyFlags()
    guard raw.count >= 2, raw[0] == UInt8(ascii: "/"),
      let last = raw.lastIndex(of: UInt8(ascii: "/")), last > 0
    else { return (raw, flags) }
    for byte in raw[(last + 1)...] {
      switch byte {
      case UInt8(ascii: "i"): flags.ignoresCase = true
      case UInt8(ascii: "m"): flags.dotMatchesNewline = true
      case UInt8(ascii: "x"): flags.extended = true
      case UInt8(ascii: "o"): continue
      default: return (raw, RubyFlags())
      }
    }
    return (Array(raw[1..<last]), flags)
  }
}

/// The options in force at a place of a pattern.
struct RubyFlags: Sendable, Equatable {
  /// Which characters `\w`, `\d`, `\s`, `\b` and POSIX brackets know: Ruby's `(?d)`, `(?a)` and
  /// `(?u)`.
  enum Alphabet: Sendable { case mixed, ascii, unicode }

  var ignoresCase = false
  var dotMatchesNewline = false
  var extended = false
  var alphabet = Alphabet.mixed
}

/// Collects the longest run of bytes that every match has to contain.
struct RequiredLiteral {
  private(set) var best: [UInt8] = []
  private var run: [UInt8] = []
  private var lastCount = 0
  private var disabled = false

  /// Adds one literal character.
  mutating func append(_ bytes: [UInt8]) {
    run += bytes
    lastCount = bytes.count
  }

  /// A quantifier follows the last character: it ends the run, and takes the character when it may
  /// repeat it zero times.
  mutating func quantify(min: Int) {
    if min == 0, lastCount > 0 { run.removeLast(lastCount) }
    commit()
  }

  /// Something that is not a literal follows.
  mutating func commit() {
    if !disabled, run.count > best.count { best = run }
    run.removeAll(keepingCapacity: true)
    lastCount = 0
  }

  /// An alternative at the top: nothing is required.
  mutating func disable() {
    disabled = true
    best = []
    run = []
    lastCount = 0
  }
}
