/// What `\b` and Unicode's `\w` mean in Ruby.
let rubyWordClass = "[\\p{L}\\p{M}\\p{N}\\p{Pc}]"

extension RubyTranslator {
  mutating func escape() throws(ParserError) {
    guard let byte = peek(1) else { throw failure("end of pattern at an escape") }
    switch byte {
    case UInt8(ascii: "A"):
      if atPatternStart, !out.contains(UInt8(ascii: "|")) { startsAtAnchor = true }
      bareAtom("\\A", width: 2)
    case UInt8(ascii: "Z"), UInt8(ascii: "z"), UInt8(ascii: "G"), UInt8(ascii: "K"):
      bareAtom("\\" + String(UnicodeScalar(byte)), width: 2)
    case UInt8(ascii: "b"), UInt8(ascii: "B"):
      wordBoundary(negated: byte == UInt8(ascii: "B"))
    case UInt8(ascii: "d"), UInt8(ascii: "D"), UInt8(ascii: "s"), UInt8(ascii: "S"),
      UInt8(ascii: "w"), UInt8(ascii: "W"), UInt8(ascii: "h"), UInt8(ascii: "H"),
      UInt8(ascii: "p"), UInt8(ascii: "P"):
      var node = RubyClass()
      position += 1
      try classEscape(into: &node)
      let text = String(decoding: node.rendered(mode: mode), as: UTF8.self)
      plainAtom(text, width: 0)
    case UInt8(ascii: "R"), UInt8(ascii: "X"):
      plainAtom("\\" + String(UnicodeScalar(byte)), width: 2)
    case UInt8(ascii: "k"): try backReference()
    case UInt8(ascii: "g"): try subexpressionCall()
    case UInt8(ascii: "1")...UInt8(ascii: "9") where try numberedReference(): break
    default:
      position += 1
      let scalar = try characterEscape()
      emitLiteral(Array(String(scalar).utf8))
    }
  }

  private mutating func wordBoundary(negated: Bool) {
    guard mode == .utf, flags.alphabet != .ascii else {
      return bareAtom(negated ? "\\B" : "\\b", width: 2)
    }
    let word = rubyWordClass
    bareAtom(
      negated
        ? "(?:(?<=\(word))(?=\(word))|(?<!\(word))(?!\(word)))"
        : "(?:(?<=\(word))(?!\(word))|(?<!\(word))(?=\(word)))", width: 2)
  }

  /// `\k<name>`; a duplicated name tries its groups from the last to the first, as Onigmo does.
  private mutating func backReference() throws(ParserError) {
    guard let close = referenceClose() else { return literalEscape() }
    let (name, end) = try scanName(from: position + 3, close: close)
    let numbers = try resolve(name).reversed().map { "\\g{\($0)}" }
    plainAtom(
      numbers.count == 1 ? numbers[0] : "(?:" + numbers.joined(separator: "|") + ")",
      width: end - position)
  }

  private mutating func subexpressionCall() throws(ParserError) {
    guard let close = referenceClose() else { return literalEscape() }
    let (name, end) = try scanName(from: position + 3, close: close)
    let number = name == "0" ? 0 : try resolve(name).first ?? 0
    plainAtom("(?\(number))", width: end - position)
  }

  private func referenceClose() -> UInt8? {
    switch peek(2) {
    case UInt8(ascii: "<"): UInt8(ascii: ">")
    case UInt8(ascii: "'"): UInt8(ascii: "'")
    default: nil
    }
  }

  private mutating func literalEscape() {
    position += 1
    literalCharacter(width: 1)
  }

  /// `\1` and up; false when the digits are an octal escape.
  private mutating func numberedReference() throws(ParserError) -> Bool {
    var index = position + 1
    var number = 0
    while index < source.count, (0x30...0x39).contains(source[index]), number < 1000 {
      number = number * 10 + Int(source[index] - 0x30)
      index += 1
    }
    guard number <= 9 || number <= captureCount else { return false }
    let group = try resolve(String(number)).first ?? number
    plainAtom("\\g{\(group)}", width: index - position)
    return true
  }

  /// The character that an escape stands for; `position` is behind the backslash on entry and
  /// behind the escape on return.
  mutating func characterEscape() throws(ParserError) -> UnicodeScalar {
    let byte = source[position]
    switch byte {
    case UInt8(ascii: "t"): return control(0x09)
    case UInt8(ascii: "n"): return control(0x0A)
    case UInt8(ascii: "v"): return control(0x0B)
    case UInt8(ascii: "f"): return control(0x0C)
    case UInt8(ascii: "r"): return control(0x0D)
    case UInt8(ascii: "a"): return control(0x07)
    case UInt8(ascii: "e"): return control(0x1B)
    case UInt8(ascii: "x"): return try hexCharacter()
    case UInt8(ascii: "u"): return try scalar(digits(4, from: position + 1, exact: true))
    case UInt8(ascii: "0")...UInt8(ascii: "7"): return try octalCharacter()
    case UInt8(ascii: "c"): return try controlCharacter(at: position + 1)
    case UInt8(ascii: "C") where peek(1) == UInt8(ascii: "-"):
      return try controlCharacter(at: position + 2)
    case UInt8(ascii: "M") where peek(1) == UInt8(ascii: "-"):
      throw failure("meta escapes (\\M-x) are not supported")
    default:
      let width = characterWidth(at: position)
      let text = String(decoding: source[position..<(position + width)], as: UTF8.self)
      position += width
      return text.unicodeScalars.first ?? "\u{FFFD}"
    }
  }

  private mutating func control(_ value: UInt8) -> UnicodeScalar {
    position += 1
    return UnicodeScalar(value)
  }

  private mutating func controlCharacter(at index: Int) throws(ParserError) -> UnicodeScalar {
    guard index < source.count, source[index] < 0x80 else {
      throw failure("a control escape without its character")
    }
    position = index + 1
    return UnicodeScalar(source[index] & 0x1F)
  }

  private mutating func hexCharacter() throws(ParserError) -> UnicodeScalar {
    if peek(1) == UInt8(ascii: "{") {
      let found = digits(8, from: position + 2, exact: false)
      guard found.end < source.count, source[found.end] == UInt8(ascii: "}") else {
        throw failure("a hexadecimal escape without its end")
      }
      return try scalar((found.value, found.end + 1))
    }
    let found = digits(2, from: position + 1, exact: false)
    guard let value = found.value else { throw failure("a hexadecimal escape without digits") }
    if value < 0x80 { return try scalar(found) }
    return try encodedCharacter()
  }

  /// A run of `\xHH` above 7F spells the bytes of one UTF-8 character.
  private mutating func encodedCharacter() throws(ParserError) -> UnicodeScalar {
    var bytes: [UInt8] = []
    var index = position
    while bytes.count < 4, index < source.count, source[index] == UInt8(ascii: "x") {
      let found = digits(2, from: index + 1, exact: true)
      guard let value = found.value, value >= 0x80 else { break }
      bytes.append(UInt8(value))
      if let text = String(validating: bytes, as: UTF8.self), let first = text.unicodeScalars.first
      {
        position = found.end
        return first
      }
      index = found.end
      guard index < source.count, source[index] == UInt8(ascii: "\\") else { break }
      index += 1
    }
    throw failure("byte escapes that are not the UTF-8 form of a character")
  }

  private mutating func octalCharacter() throws(ParserError) -> UnicodeScalar {
    var value: UInt32 = 0
    var count = 0
    while count < 3, let byte = peek(), (0x30...0x37).contains(byte) {
      value = value * 8 + UInt32(byte - 0x30)
      position += 1
      count += 1
    }
    return try scalar((value & 0xFF, position))
  }

  private mutating func scalar(_ found: (value: UInt32?, end: Int)) throws(ParserError)
    -> UnicodeScalar
  {
    guard let value = found.value, let scalar = UnicodeScalar(value) else {
      throw failure("an escape that is no character")
    }
    position = found.end
    return scalar
  }

  /// Up to `limit` hexadecimal digits from `start`; no value when `exact` and fewer are there.
  private func digits(_ limit: Int, from start: Int, exact: Bool) -> (value: UInt32?, end: Int) {
    var index = start
    var value: UInt32 = 0
    while index < source.count, index - start < limit,
      let digit = Character(UnicodeScalar(source[index])).hexDigitValue
    {
      value = value << 4 | UInt32(digit)
      index += 1
    }
    let count = index - start
    return (count == 0 || (exact && count < limit) ? nil : value, index)
  }
}
