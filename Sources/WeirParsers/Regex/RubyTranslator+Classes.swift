extension RubyTranslator {
  mutating func characterClass() throws(ParserError) {
    position += 1
    let node = try readClass(depth: 0)
    literal.commit()
    atom = .plain(start: out.count)
    out += node.rendered(mode: mode)
  }

  /// Reads a class from behind its `[` to behind its `]`.
  private mutating func readClass(depth: Int) throws(ParserError) -> RubyClass {
    guard depth < Self.depthMax else { throw failure("classes nested too deep") }
    var result = RubyClass()
    var operand = RubyClass()
    if peek() == UInt8(ascii: "^") {
      result.isNegated = true
      position += 1
    }
    // A bracket right at the start is a member when another one closes the class.
    if peek() == UInt8(ascii: "]") {
      guard source[(position + 1)...].contains(UInt8(ascii: "]")) else {
        throw failure("an empty character class")
      }
      try readMember(into: &operand)
    }
    while let byte = peek() {
      if byte == UInt8(ascii: "]") {
        position += 1
        return finished(result, operand)
      }
      if byte == UInt8(ascii: "&"), peek(1) == UInt8(ascii: "&") {
        position += 2
        result.operands.append(operand)
        operand = RubyClass()
      } else if byte == UInt8(ascii: "["), let name = try posixName() {
        try insertNamed(name.text, negated: name.isNegated, into: &operand, bracket: true)
      } else if byte == UInt8(ascii: "[") {
        position += 1
        operand.form(union: try readClass(depth: depth + 1))
      } else {
        try readMember(into: &operand)
      }
    }
    throw failure("a character class without its end")
  }

  private func finished(_ result: RubyClass, _ last: RubyClass) -> RubyClass {
    var whole = result
    if whole.operands.isEmpty {
      whole.form(union: last)
    } else {
      whole.operands.append(last)
    }
    return whole
  }

  /// A character, a range or an escape.
  private mutating func readMember(into node: inout RubyClass) throws(ParserError) {
    guard let low = try readScalar(into: &node) else { return }
    guard peek() == UInt8(ascii: "-"), let next = peek(1), next != UInt8(ascii: "]"),
      !(next == UInt8(ascii: "&") && peek(2) == UInt8(ascii: "&")), next != UInt8(ascii: "[")
    else { return node.insert(low, mode: mode) }
    position += 1
    var rest = RubyClass()
    guard let high = try readScalar(into: &rest) else {
      // [a-\d]: the sign stands for itself.
      node.insert(low, mode: mode)
      node.insert("-", mode: mode)
      return node.form(union: rest)
    }
    guard low.value <= high.value else { throw failure("an empty range in a character class") }
    node.insert(low, through: high, mode: mode)
  }

  /// One character, or nil when it was an escape for a set, which has been added to `node`.
  private mutating func readScalar(
    into node: inout RubyClass
  ) throws(ParserError) -> UnicodeScalar? {
    guard let byte = peek() else { throw failure("a character class without its end") }
    guard byte == UInt8(ascii: "\\") else {
      let width = characterWidth(at: position)
      let text = String(decoding: source[position..<(position + width)], as: UTF8.self)
      position += width
      return text.unicodeScalars.first ?? "\u{FFFD}"
    }
    position += 1
    guard let escaped = peek() else { throw failure("end of pattern at an escape") }
    switch escaped {
    case UInt8(ascii: "b"):
      position += 1
      return "\u{8}"
    case UInt8(ascii: "d"), UInt8(ascii: "D"), UInt8(ascii: "s"), UInt8(ascii: "S"),
      UInt8(ascii: "w"), UInt8(ascii: "W"), UInt8(ascii: "h"), UInt8(ascii: "H"),
      UInt8(ascii: "p"), UInt8(ascii: "P"):
      try classEscape(into: &node)
      return nil
    default: return try characterEscape()
    }
  }

  /// `\d` and its kin; `position` is behind the backslash on entry.
  mutating func classEscape(into node: inout RubyClass) throws(ParserError) {
    let byte = source[position]
    position += 1
    let isUnicode = flags.alphabet == .unicode
    switch byte {
    case UInt8(ascii: "d"), UInt8(ascii: "D"):
      add(isUnicode ? "\\p{Nd}" : "0-9", negated: byte == UInt8(ascii: "D"), to: &node)
    case UInt8(ascii: "s"), UInt8(ascii: "S"):
      add(isUnicode ? "\\s\\p{Z}\\x{85}" : "\\s", negated: byte == UInt8(ascii: "S"), to: &node)
    case UInt8(ascii: "w"), UInt8(ascii: "W"):
      add(
        isUnicode ? "\\p{L}\\p{M}\\p{N}\\p{Pc}" : "\\w", negated: byte == UInt8(ascii: "W"),
        to: &node)
    case UInt8(ascii: "h"), UInt8(ascii: "H"):
      add("0-9a-fA-F", negated: byte == UInt8(ascii: "H"), to: &node)
    default: try property(negated: byte == UInt8(ascii: "P"), into: &node)
    }
  }

  private func add(_ text: String, negated: Bool, to node: inout RubyClass) {
    node.form(union: RubyClass(text, negated: negated))
  }

  /// `\p{Name}`, `\p{^Name}`, `\P{Name}`; `position` is behind the letter on entry.
  private mutating func property(negated: Bool, into node: inout RubyClass) throws(ParserError) {
    guard peek() == UInt8(ascii: "{"),
      let close = source[position...].firstIndex(of: UInt8(ascii: "}"))
    else { throw failure("a character property without its name in braces") }
    var isNegated = negated
    var start = position + 1
    if start < close, source[start] == UInt8(ascii: "^") {
      isNegated.toggle()
      start += 1
    }
    let name = String(decoding: source[start..<close], as: UTF8.self)
    try insertNamed(name, negated: isNegated, into: &node, bracket: false)
    position = close + 1
  }

  private func insertNamed(
    _ name: String, negated: Bool, into node: inout RubyClass, bracket: Bool
  ) throws(ParserError) {
    let isASCII = bracket && flags.alphabet == .ascii
    guard let text = RubyProperty.bracketText(name, bracket: bracket, ascii: isASCII) else {
      throw failure("an unknown character property '\(name)'")
    }
    add(text, negated: negated, to: &node)
  }

  /// The name in `[:name:]` or `[:^name:]` at the current position, and moves behind it; nil when
  /// there is none there.
  private mutating func posixName() throws(ParserError) -> (text: String, isNegated: Bool)? {
    guard peek(1) == UInt8(ascii: ":") else { return nil }
    var index = position + 2
    let isNegated = index < source.count && source[index] == UInt8(ascii: "^")
    if isNegated { index += 1 }
    let start = index
    while index < source.count, (0x61...0x7A).contains(source[index]) { index += 1 }
    guard index + 1 < source.count, index > start, source[index] == UInt8(ascii: ":"),
      source[index + 1] == UInt8(ascii: "]")
    else { return nil }
    let text = String(decoding: source[start..<index], as: UTF8.self)
    position = index + 2
    return (text, isNegated)
  }
}
