import Glibc

/// A piece of an accessor's text before it is frozen.
enum AccessorDraft: Equatable {
  enum Step: Equatable {
    case name([UInt8])
    case index(Int)
  }

  case text([UInt8])
  case path(root: [UInt8], steps: [Step])
  case tag
  case tagPart(Int)
  case capture(Int)

  var byteCount: Int {
    switch self {
    case .text(let bytes): return bytes.count
    case .path(let root, let steps):
      return steps.reduce(root.count) { sum, step in
        if case .name(let bytes) = step { sum + bytes.count } else { sum }
      }
    case .tag, .tagPart, .capture: return 0
    }
  }

  var stepCount: Int {
    if case .path(_, let steps) = self { steps.count } else { 0 }
  }
}

/// Reads the text of an accessor, front to back.
struct AccessorCompiler {
  private let source: String
  private let text: [UInt8]
  private var position = 0
  private(set) var drafts: [AccessorDraft] = []

  init(_ source: String) {
    self.source = source
    text = Array(source.utf8)
  }

  mutating func run() throws(AccessorError) {
    if text.count > RecordAccessor.bytesMax {
      throw failure("longer than \(RecordAccessor.bytesMax) bytes")
    }
    while position < text.count {
      let start = position
      while position < text.count, text[position] != UInt8(ascii: "$") { position += 1 }
      appendText(Array(text[start..<position]))
      if position < text.count { try accessor() }
    }
  }

  private func failure(_ reason: String) -> AccessorError {
    .syntax(text: source, offset: position, reason: reason)
  }

  private mutating func appendText(_ bytes: [UInt8]) {
    if bytes.isEmpty { return }
    if case .text(let before) = drafts.last {
      drafts[drafts.count - 1] = .text(before + bytes)
    } else {
      drafts.append(.text(bytes))
    }
  }

  private func peek(_ ahead: Int = 0) -> UInt8? {
    position + ahead < text.count ? text[position + ahead] : nil
  }

  /// Reads what a `$` begins.
  private mutating func accessor() throws(AccessorError) {
    guard let next = peek(1) else {
      // A last lone dollar is text.
      appendText([UInt8(ascii: "$")])
      position += 1
      return
    }
    if next == UInt8(ascii: "{") { return try environment() }
    if isDigit(next) {
      drafts.append(.capture(Int(next - UInt8(ascii: "0"))))
      position += 2
      return
    }
    if text[(position + 1)...].starts(with: Array("TAG".utf8)) { return try tag() }
    try path()
  }

  /// `${NAME}`: resolved now; configurations have replaced theirs already.
  private mutating func environment() throws(AccessorError) {
    guard let end = text[position...].firstIndex(of: UInt8(ascii: "}")) else {
      throw failure("a variable without its closing brace")
    }
    let name = String(decoding: text[(position + 2)..<end], as: UTF8.self)
    if let value = getenv(name) { appendText(Array(String(cString: value).utf8)) }
    position = end + 1
  }

  private mutating func tag() throws(AccessorError) {
    position += 4
    guard peek() == UInt8(ascii: "[") else { return drafts.append(.tag) }
    position += 1
    let number = try number("the part of $TAG[n] is a number")
    guard peek() == UInt8(ascii: "]") else { throw failure("$TAG[n] without its closing bracket") }
    position += 1
    drafts.append(.tagPart(number))
  }

  private mutating func path() throws(AccessorError) {
    position += 1
    let start = position
    guard let first = peek(), isNameStart(first) else {
      throw failure("a key begins with a letter or underscore; quote others as $parent['name']")
    }
    while let byte = peek(), isName(byte) { position += 1 }
    let root = Array(text[start..<position])
    var steps: [AccessorDraft.Step] = []
    while peek() == UInt8(ascii: "[") {
      position += 1
      steps.append(try step())
      guard peek() == UInt8(ascii: "]") else { throw failure("a closing bracket is missing") }
      position += 1
    }
    if let byte = peek(), !isEnd(byte) {
      let after = steps.isEmpty ? "a key" : "the closing bracket"
      throw failure(
        "'\(Character(UnicodeScalar(byte)))' cannot follow \(after); a dot, a blank, a comma or a "
          + "double quote can")
    }
    drafts.append(.path(root: root, steps: steps))
  }

  private mutating func step() throws(AccessorError) -> AccessorDraft.Step {
    guard peek() == UInt8(ascii: "'") else {
      return .index(try number("a quoted name ['x'] or an index [0] belongs between brackets"))
    }
    position += 1
    var name: [UInt8] = []
    while let byte = peek() {
      position += 1
      if byte != UInt8(ascii: "'") {
        name.append(byte)
      } else if peek() == UInt8(ascii: "'") {
        name.append(byte)
        position += 1
      } else {
        return .name(name)
      }
    }
    throw failure("a name without its closing quote")
  }

  private mutating func number(_ reason: String) throws(AccessorError) -> Int {
    var value = 0
    let start = position
    while let byte = peek(), isDigit(byte), position - start < 9 {
      value = value * 10 + Int(byte - UInt8(ascii: "0"))
      position += 1
    }
    if position == start { throw failure(reason) }
    return value
  }

  private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

  private func isNameStart(_ byte: UInt8) -> Bool {
    (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte == UInt8(ascii: "_")
  }

  private func isName(_ byte: UInt8) -> Bool {
    isNameStart(byte) || isDigit(byte) || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "-")
  }

  private func isEnd(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ".") || byte == UInt8(ascii: " ") || byte == UInt8(ascii: ",")
      || byte == UInt8(ascii: "\"")
  }
}
