// A character class as a set expression. PCRE2 10.42 has unions only, so an intersection or a
// negated part becomes lookaheads around one character:
//
//   [a-z&&[^aeiou]]   (?:(?=[a-z])[^aeiou])
//   [x[:^alnum:]]     (?:[x]|[^\p{L}\p{M}\p{Nd}])

/// A set of characters, built while a class is read.
struct RubyClass {
  /// PCRE2 text valid between brackets: characters, ranges, `\d`, `\p{..}`.
  var flat: [UInt8] = []
  /// Members that cannot be written between brackets.
  var nested: [RubyClass] = []
  /// Byte sequences that are members, used for non-ASCII characters in byte mode.
  var sequences: [[UInt8]] = []
  /// Sets that the members so far are intersected with.
  var operands: [RubyClass] = []
  var isNegated = false

  /// Whether brackets alone can express it.
  var isFlat: Bool { nested.isEmpty && sequences.isEmpty && operands.isEmpty && !flat.isEmpty }

  /// A set of bracket text.
  init(_ text: String = "", negated: Bool = false) {
    flat = Array(text.utf8)
    isNegated = negated
  }

  /// Adds all members of `other`.
  mutating func form(union other: RubyClass) {
    if other.operands.isEmpty, !other.isNegated {
      flat += other.flat
      nested += other.nested
      sequences += other.sequences
    } else {
      nested.append(other)
    }
  }

  /// Adds a character.
  mutating func insert(_ scalar: UnicodeScalar, mode: RubyTranslator.Mode) {
    if mode == .bytes, scalar.value > 0x7F {
      sequences.append(Array(String(scalar).utf8))
    } else {
      flat += Array(RubyTranslator.hexEscape(scalar.value).utf8)
    }
  }

  /// Adds a range of characters. In byte mode its part above ASCII is any multi-byte character.
  mutating func insert(
    _ low: UnicodeScalar, through high: UnicodeScalar, mode: RubyTranslator.Mode
  ) {
    if mode == .utf || high.value < 0x80 {
      return flat += Array(
        (RubyTranslator.hexEscape(low.value) + "-" + RubyTranslator.hexEscape(high.value)).utf8)
    }
    if low.value < 0x80 {
      flat += Array((RubyTranslator.hexEscape(low.value) + "-\\x{7f}").utf8)
    }
    flat += Array("\\x{80}-\\x{ff}".utf8)
  }

  /// PCRE2 source that matches exactly one member.
  func rendered(mode: RubyTranslator.Mode) -> [UInt8] {
    if isFlat { return bracketed(isNegated) }
    if flat.isEmpty, sequences.isEmpty, operands.isEmpty, nested.count == 1 {
      var only = nested[0]
      only.isNegated = only.isNegated != isNegated
      return only.rendered(mode: mode)
    }
    var members = operands.isEmpty ? union(mode) : Array("(?:".utf8)
    if !operands.isEmpty {
      for operand in operands.dropLast() {
        members += Array("(?=".utf8) + operand.rendered(mode: mode) + [0x29]
      }
      members += (operands.last ?? RubyClass()).rendered(mode: mode) + [0x29]
    }
    guard isNegated else { return members }
    return Array("(?:(?!".utf8) + members + Array(")(?s:.))".utf8)
  }

  private func bracketed(_ negated: Bool) -> [UInt8] {
    [UInt8(ascii: "[")] + (negated ? [UInt8(ascii: "^")] : []) + flat + [UInt8(ascii: "]")]
  }

  private func union(_ mode: RubyTranslator.Mode) -> [UInt8] {
    var parts: [[UInt8]] = flat.isEmpty ? [] : [bracketed(false)]
    parts += sequences.map { $0.flatMap { Array(RubyTranslator.hexEscape(UInt32($0)).utf8) } }
    parts += nested.map { $0.rendered(mode: mode) }
    if parts.isEmpty { return Array("(?!)".utf8) }
    return Array("(?:".utf8) + Array(parts.joined(separator: [UInt8(ascii: "|")])) + [0x29]
  }
}
