/// One pass over a Ruby pattern that writes the PCRE2 pattern for one mode.
struct RubyTranslator {
  /// What the result is compiled for.
  enum Mode { case utf, bytes }

  /// An open group; the bottom one stands for the whole pattern.
  struct Group {
    /// Where the group begins in `out`.
    var start: Int
    /// Flags to restore when it closes.
    var flags: RubyFlags
    /// Groups opened inside by isolated options such as `(?i)`, closed together with this one.
    var isolated = 0
  }

  /// What a quantifier would apply to.
  enum Atom: Equatable {
    case none
    case plain(start: Int)
    /// A literal character that the required literal counted.
    case literal(start: Int)
    /// An assertion or something already quantified: PCRE2 wants it wrapped in a group first.
    case bare(start: Int)
  }

  /// Deepest nesting of groups and of classes.
  static let depthMax = 200

  let pattern: String
  let source: [UInt8]
  let mode: Mode
  /// The names found by the first pass, nil during it.
  let known: [RubyPattern.NamedGroup]?
  var position = 0
  var out: [UInt8] = []
  var groups: [Group] = []
  var flags: RubyFlags
  var atom = Atom.none
  var captureCount = 0
  var names: [RubyPattern.NamedGroup] = []
  var literal = RequiredLiteral()
  var startsAtAnchor = false

  init(
    _ pattern: String, _ source: [UInt8], _ flags: RubyFlags, mode: Mode,
    known: [RubyPattern.NamedGroup]?
  ) {
    self.pattern = pattern
    self.source = source
    self.flags = flags
    self.mode = mode
    self.known = known
  }

  /// Whether plain groups capture: Ruby's rule is that they don't as soon as one group has a name.
  var plainGroupsCapture: Bool { known?.isEmpty ?? true }

  /// Whether nothing has been written that could match or assert.
  var atPatternStart: Bool { groups.count == 1 && groups[0].isolated == 0 && atom == .none }

  mutating func run() throws(ParserError) {
    groups = [Group(start: 0, flags: flags)]
    if flags.ignoresCase { emit("(?i)") }
    if flags.dotMatchesNewline { emit("(?s)") }
    while position < source.count { try step() }
    guard groups.count == 1 else { throw failure("end of pattern with an unmatched parenthesis") }
    for _ in 0..<groups[0].isolated { emit(")") }
    literal.commit()
  }

  mutating func step() throws(ParserError) {
    let byte = source[position]
    switch byte {
    case UInt8(ascii: "\\"): try escape()
    case UInt8(ascii: "["): try characterClass()
    case UInt8(ascii: "("): try openGroup()
    case UInt8(ascii: ")"): try closeGroup()
    case UInt8(ascii: "|"): alternative()
    case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"): try simpleQuantifier(byte)
    case UInt8(ascii: "{"): try intervalOrLiteral()
    case UInt8(ascii: "."): plainAtom(".", width: 1)
    case UInt8(ascii: "^"):
      if atPatternStart, out.allSatisfy({ $0 != UInt8(ascii: "|") }) { startsAtAnchor = true }
      bareAtom("^", width: 1)
    case UInt8(ascii: "$"): bareAtom("$", width: 1)
    case UInt8(ascii: "#") where flags.extended: skipComment()
    case 0x09...0x0D, 0x20:
      if flags.extended { position += 1 } else { literalCharacter(width: 1) }
    default: literalCharacter(width: characterWidth(at: position))
    }
  }

  // MARK: Reading

  /// Bytes of the UTF-8 character at `index`; 1 for a byte that begins none.
  func characterWidth(at index: Int) -> Int {
    let width: Int =
      switch source[index] {
      case 0xC2...0xDF: 2
      case 0xE0...0xEF: 3
      case 0xF0...0xF4: 4
      default: 1
      }
    return Swift.min(width, source.count - index)
  }

  func peek(_ ahead: Int = 0) -> UInt8? {
    position + ahead < source.count ? source[position + ahead] : nil
  }

  func failure(_ reason: String) -> ParserError {
    .regex(pattern: pattern, offset: Swift.min(position, source.count), reason: reason)
  }

  private mutating func skipComment() {
    while position < source.count, source[position] != 0x0A { position += 1 }
  }

  // MARK: Writing

  mutating func emit(_ text: String) { out += Array(text.utf8) }

  mutating func plainAtom(_ text: String, width: Int) {
    literal.commit()
    atom = .plain(start: out.count)
    emit(text)
    position += width
  }

  mutating func bareAtom(_ text: String, width: Int) {
    literal.commit()
    atom = .bare(start: out.count)
    emit(text)
    position += width
  }

  /// Writes the literal character of `width` bytes at the current position.
  mutating func literalCharacter(width: Int) {
    emitLiteral(Array(source[position..<(position + width)]))
    position += width
  }

  /// Writes one literal character given as UTF-8.
  mutating func emitLiteral(_ bytes: [UInt8]) {
    let start = out.count
    out += RubyTranslator.quoted(bytes, mode: mode)
    if groups.count == 1, !flags.ignoresCase {
      literal.append(bytes)
      atom = .literal(start: start)
    } else {
      literal.commit()
      atom = .plain(start: start)
    }
  }

  /// One character as PCRE2 source that a quantifier can follow.
  static func quoted(_ bytes: [UInt8], mode: Mode) -> [UInt8] {
    if bytes.count == 1, bytes[0] < 0x80 {
      let byte = bytes[0]
      let isWord =
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
        || (0x61...0x7A).contains(byte) || byte == 0x5F
      if isWord { return bytes }
      if byte < 0x20 || byte == 0x7F { return Array(hexEscape(UInt32(byte)).utf8) }
      return [UInt8(ascii: "\\"), byte]
    }
    if mode == .utf { return bytes }
    return Array("(?:".utf8) + bytes.flatMap { Array(hexEscape(UInt32($0)).utf8) } + [0x29]
  }

  /// `\x{...}` of a code point or byte.
  static func hexEscape(_ value: UInt32) -> String { "\\x{" + String(value, radix: 16) + "}" }

  private mutating func alternative() {
    if groups.count == 1 {
      literal.disable()
      // An anchor binds its own alternative only.
      startsAtAnchor = false
    }
    literal.commit()
    atom = .none
    emit("|")
    position += 1
  }
}
