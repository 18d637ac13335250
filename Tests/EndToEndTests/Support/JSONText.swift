/// A value of JSON, as far as the tests look into replies.
enum JSONText: Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case text(String)
  case array([JSONText])
  case object([String: JSONText])

  /// Reads one value and nothing behind it; nil where the text is no JSON.
  init?(_ text: String) {
    var reader = Reader(bytes: Array(text.utf8))
    guard let value = reader.value(), reader.isAtEnd() else { return nil }
    self = value
  }

  /// The member of an object; null where there is none.
  subscript(_ key: String) -> JSONText {
    if case .object(let members) = self { return members[key] ?? .null }
    return .null
  }

  /// The element of an array; null where there is none.
  subscript(_ index: Int) -> JSONText {
    let all = elements
    return all.indices.contains(index) ? all[index] : .null
  }

  var elements: [JSONText] {
    if case .array(let elements) = self { return elements }
    return []
  }

  var keys: [String] {
    if case .object(let members) = self { return members.keys.sorted() }
    return []
  }

  var int: Int? {
    if case .number(let value) = self { return Int(exactly: value) }
    return nil
  }

  var string: String? {
    if case .text(let value) = self { return value }
    return nil
  }

  private struct Reader {
    let bytes: [UInt8]
    var at = 0

    private var byte: UInt8 { at < bytes.count ? bytes[at] : 0 }

    private mutating func skipBlanks() {
      while [9, 10, 13, 32].contains(byte) { at += 1 }
    }

    mutating func isAtEnd() -> Bool {
      skipBlanks()
      return at == bytes.count
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
      skipBlanks()
      guard byte == UInt8(ascii: character) else { return false }
      at += 1
      return true
    }

    private mutating func take(word: String) -> Bool {
      guard bytes[at...].starts(with: word.utf8) else { return false }
      at += word.utf8.count
      return true
    }

    mutating func value() -> JSONText? {
      skipBlanks()
      switch byte {
      case UInt8(ascii: "{"): return object()
      case UInt8(ascii: "["): return array()
      case UInt8(ascii: "\""): return string().map { .text($0) }
      case UInt8(ascii: "t"): return take(word: "true") ? .bool(true) : nil
      case UInt8(ascii: "f"): return take(word: "false") ? .bool(false) : nil
      case UInt8(ascii: "n"): return take(word: "null") ? .null : nil
      default: return number()
      }
    }

    private mutating func object() -> JSONText? {
      at += 1
      var members: [String: JSONText] = [:]
      if take("}") { return .object(members) }
      repeat {
        skipBlanks()
        guard byte == UInt8(ascii: "\""), let key = string(), take(":"), let value = value() else {
          return nil
        }
        members[key] = value
      } while take(",")
      return take("}") ? .object(members) : nil
    }

    private mutating func array() -> JSONText? {
      at += 1
      var elements: [JSONText] = []
      if take("]") { return .array(elements) }
      repeat {
        guard let value = value() else { return nil }
        elements.append(value)
      } while take(",")
      return take("]") ? .array(elements) : nil
    }

    private mutating func number() -> JSONText? {
      let start = at
      while byte != 0, "+-.eE0123456789".utf8.contains(byte) { at += 1 }
      return Double(String(decoding: bytes[start..<at], as: UTF8.self)).map { .number($0) }
    }

    private mutating func string() -> String? {
      at += 1
      var units: [UInt16] = []
      var plain = at
      func piece(_ end: Int) -> String.UTF16View {
        String(decoding: bytes[plain..<end], as: UTF8.self).utf16
      }
      while at < bytes.count {
        if byte == UInt8(ascii: "\"") {
          units += piece(at)
          at += 1
          return String(decoding: units, as: UTF16.self)
        }
        guard byte == UInt8(ascii: "\\") else {
          at += 1
          continue
        }
        units += piece(at)
        at += 1
        guard let unit = escape() else { return nil }
        units.append(unit)
        plain = at
      }
      return nil
    }

    /// What stands behind a backslash.
    private mutating func escape() -> UInt16? {
      let letter = byte
      at += 1
      switch letter {
      case UInt8(ascii: "n"): return 10
      case UInt8(ascii: "r"): return 13
      case UInt8(ascii: "t"): return 9
      case UInt8(ascii: "b"): return 8
      case UInt8(ascii: "f"): return 12
      case UInt8(ascii: "u"):
        guard at + 4 <= bytes.count else { return nil }
        defer { at += 4 }
        return UInt16(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)
      default: return UInt16(letter)
      }
    }
  }
}
