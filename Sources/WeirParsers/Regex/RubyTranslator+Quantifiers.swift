extension RubyTranslator {
  /// `*`, `+`, `?`, with `?` (lazy) or `+` (possessive) behind.
  mutating func simpleQuantifier(_ byte: UInt8) throws(ParserError) {
    try prepareTarget(min: byte == UInt8(ascii: "+") ? 1 : 0)
    out.append(byte)
    position += 1
    if let next = peek(), next == UInt8(ascii: "?") || next == UInt8(ascii: "+") {
      out.append(next)
      position += 1
    }
  }

  /// `{n}`, `{n,}`, `{,m}`, `{n,m}`, or a brace that is just a brace.
  mutating func intervalOrLiteral() throws(ParserError) {
    guard let interval = scanInterval() else { return literalCharacter(width: 1) }
    try prepareTarget(min: interval.min)
    let upper = interval.max.map(String.init) ?? ""
    let isFixed = interval.max == interval.min
    emit(isFixed ? "{\(interval.min)}" : "{\(interval.min),\(upper)}")
    position = interval.end
    guard peek() == UInt8(ascii: "?") else { return }
    // A fixed count has nothing to be lazy about: in Ruby the mark makes it optional.
    if isFixed {
      try simpleQuantifier(UInt8(ascii: "?"))
    } else {
      emit("?")
      position += 1
    }
  }

  /// Wraps what PCRE2 would not quantify as Ruby does, and marks the atom as quantified.
  private mutating func prepareTarget(min: Int) throws(ParserError) {
    let start: Int
    switch atom {
    case .none: throw failure("the target of a repeat operator is not specified")
    case .literal(let at):
      start = at
      literal.quantify(min: min)
    case .plain(let at):
      start = at
      literal.commit()
    case .bare(let at):
      start = at
      literal.commit()
      out.insert(contentsOf: Array("(?:".utf8), at: start)
      emit(")")
    }
    if startsAtAnchor, min == 0, start == 0 { startsAtAnchor = false }
    atom = .bare(start: start)
  }

  private func scanInterval() -> (min: Int, max: Int?, end: Int)? {
    var index = position + 1
    let low = scanNumber(&index)
    if index < source.count, source[index] == UInt8(ascii: "}"), let low {
      return (low, low, index + 1)
    }
    guard index < source.count, source[index] == UInt8(ascii: ",") else { return nil }
    index += 1
    let high = scanNumber(&index)
    guard index < source.count, source[index] == UInt8(ascii: "}"), low != nil || high != nil
    else { return nil }
    return (low ?? 0, high, index + 1)
  }

  /// A decimal number of at most six digits (PCRE2 refuses counts above 65,535 itself).
  private func scanNumber(_ index: inout Int) -> Int? {
    var value: Int?
    var digits = 0
    while index < source.count, digits < 6, (0x30...0x39).contains(source[index]) {
      value = (value ?? 0) * 10 + Int(source[index] - 0x30)
      index += 1
      digits += 1
    }
    return value
  }
}
