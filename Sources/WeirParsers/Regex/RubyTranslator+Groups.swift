extension RubyTranslator {
  mutating func openGroup() throws(ParserError) {
    guard groups.count < Self.depthMax else { throw failure("groups nested too deep") }
    literal.commit()
    guard peek(1) == UInt8(ascii: "?") else {
      if plainGroupsCapture { captureCount += 1 }
      return push(plainGroupsCapture ? "(" : "(?:", width: 1)
    }
    switch peek(2) {
    case UInt8(ascii: "#"): try skipCommentGroup()
    case UInt8(ascii: ":"): push("(?:", width: 3)
    case UInt8(ascii: "="): push("(?=", width: 3)
    case UInt8(ascii: "!"): push("(?!", width: 3)
    case UInt8(ascii: ">"): push("(?>", width: 3)
    case UInt8(ascii: "<"):
      switch peek(3) {
      case UInt8(ascii: "="): push("(?<=", width: 4)
      case UInt8(ascii: "!"): push("(?<!", width: 4)
      default: try openNamed(at: 3, close: UInt8(ascii: ">"))
      }
    case UInt8(ascii: "'"): try openNamed(at: 3, close: UInt8(ascii: "'"))
    case UInt8(ascii: "P") where peek(3) == UInt8(ascii: "<"):
      try openNamed(at: 4, close: UInt8(ascii: ">"))
    case UInt8(ascii: "~"):
      throw failure("the absence operator (?~...) is not supported; rewrite it with (?!...)")
    case UInt8(ascii: "("): try openConditional()
    default: try optionGroup()
    }
  }

  mutating func closeGroup() throws(ParserError) {
    guard groups.count > 1 else { throw failure("an unmatched close parenthesis") }
    let group = groups.removeLast()
    for _ in 0...group.isolated { emit(")") }
    flags = group.flags
    atom = .plain(start: group.start)
    position += 1
  }

  private mutating func push(_ text: String, width: Int) {
    groups.append(Group(start: out.count, flags: flags))
    emit(text)
    atom = .none
    position += width
  }

  private mutating func skipCommentGroup() throws(ParserError) {
    var index = position + 3
    while index < source.count, source[index] != UInt8(ascii: ")") {
      index += source[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard index < source.count else { throw failure("end of pattern in a comment group") }
    position = index + 1
  }

  private mutating func openNamed(at ahead: Int, close: UInt8) throws(ParserError) {
    let (name, end) = try scanName(from: position + ahead, close: close)
    guard let first = name.utf8.first, !(0x30...0x39).contains(first),
      first != UInt8(ascii: "-")
    else { throw failure("a group name is empty or begins with a digit or sign") }
    captureCount += 1
    // The first pass counts plain groups too, which don't capture once there is a name.
    let number = known == nil ? names.reduce(1) { $0 + $1.groups.count } : captureCount
    if let index = names.firstIndex(where: { $0.name == name }) {
      names[index].groups.append(number)
    } else {
      names.append(.init(name: name, groups: [number]))
    }
    push("(", width: end - position)
  }

  /// The text from `start` to `close`, and the index behind `close`.
  func scanName(from start: Int, close: UInt8) throws(ParserError) -> (name: String, end: Int) {
    var index = start
    while index < source.count, source[index] != close {
      guard source[index] != UInt8(ascii: ")"), source[index] > 0x20 else {
        throw failure("an invalid character in a group name")
      }
      index += 1
    }
    guard index < source.count else { throw failure("a group name without its end") }
    return (String(decoding: source[start..<index], as: UTF8.self), index + 1)
  }

  private mutating func openConditional() throws(ParserError) {
    var start = position + 3
    var close = UInt8(ascii: ")")
    var extra = 0
    if start < source.count, source[start] == UInt8(ascii: "<") {
      (start, close, extra) = (start + 1, UInt8(ascii: ">"), 1)
    } else if start < source.count, source[start] == UInt8(ascii: "'") {
      (start, close, extra) = (start + 1, UInt8(ascii: "'"), 1)
    }
    var index = start
    while index < source.count, source[index] != close { index += 1 }
    guard index + extra < source.count, source[index + extra] == UInt8(ascii: ")") else {
      throw failure("a condition without its end")
    }
    let name = String(decoding: source[start..<index], as: UTF8.self)
    let numbers = try resolve(name)
    guard known == nil || numbers.count == 1 else {
      throw failure("a condition on the duplicated group name '\(name)' is not supported")
    }
    push("(?(\(numbers.first ?? 1))", width: index + extra + 1 - position)
  }

  /// `(?imx-imx)` and `(?imx-imx:...)`, with Ruby's alphabets `a`, `d`, `u`.
  private mutating func optionGroup() throws(ParserError) {
    var changed = flags
    var (on, off) = ("", "")
    var isOn = true
    var index = position + 2
    while index < source.count {
      let byte = source[index]
      index += 1
      switch byte {
      case UInt8(ascii: "-"): isOn = false
      case UInt8(ascii: "i"):
        changed.ignoresCase = isOn
        if isOn { on += "i" } else { off += "i" }
      case UInt8(ascii: "m"):
        changed.dotMatchesNewline = isOn
        if isOn { on += "s" } else { off += "s" }
      case UInt8(ascii: "x"): changed.extended = isOn
      case UInt8(ascii: "a") where isOn: changed.alphabet = .ascii
      case UInt8(ascii: "d") where isOn: changed.alphabet = .mixed
      case UInt8(ascii: "u") where isOn: changed.alphabet = .unicode
      case UInt8(ascii: ":"), UInt8(ascii: ")"):
        let text = "(?" + on + (off.isEmpty ? "" : "-" + off) + ":"
        return applyOptions(changed, text, isolated: byte == UInt8(ascii: ")"), end: index)
      default: throw failure("an undefined group option")
      }
    }
    throw failure("end of pattern in a group option")
  }

  /// An isolated option reaches to the end of its group across alternatives, so it opens a group
  /// that closes together with the one around it.
  private mutating func applyOptions(
    _ changed: RubyFlags, _ text: String, isolated: Bool, end: Int
  ) {
    if isolated {
      groups[groups.count - 1].isolated += 1
      emit(text)
      atom = .none
      position = end
    } else {
      push(text, width: end - position)
    }
    flags = changed
  }

  /// The capture numbers that a name or number refers to.
  func resolve(_ reference: String) throws(ParserError) -> [Int] {
    if let number = Int(reference) {
      guard plainGroupsCapture || known == nil else {
        throw failure("a numbered reference is not allowed beside named groups; use the name")
      }
      let absolute = number < 0 ? captureCount + 1 + number : number
      guard absolute > 0 else { throw failure("a reference to group \(reference)") }
      return [absolute]
    }
    guard let known else { return [1] }
    guard let group = known.first(where: { $0.name == reference }) else {
      throw failure("a reference to the undefined name '\(reference)'")
    }
    return group.groups
  }
}
