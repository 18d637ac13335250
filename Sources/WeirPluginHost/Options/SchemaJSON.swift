/// A JSON value of an options schema; object members keep their order.
indirect enum SchemaJSON: Equatable {
  case null
  case bool(Bool)
  case number(String)
  case string(String)
  case array([SchemaJSON])
  case object([Member])

  /// A member of an object.
  struct Member: Equatable {
    let key: String
    let value: SchemaJSON
  }

  subscript(key: String) -> SchemaJSON? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.key == key }?.value
  }

  /// The text of a scalar as a configuration would have it.
  var scalarText: String? {
    switch self {
    case .bool(let value): value ? "true" : "false"
    case .number(let text), .string(let text): text
    case .null, .array, .object: nil
    }
  }
}

/// What is wrong with an options schema.
struct SchemaError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Reads JSON of a schema: small, strict, bounded in depth.
struct SchemaJSONReader {
  private static let depthMax = 32
  private let bytes: [UInt8]
  private var at = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  static func read(_ text: String) throws(SchemaError) -> SchemaJSON {
    var reader = SchemaJSONReader(text)
    let value = try reader.value(0)
    reader.skipBlanks()
    guard reader.at == reader.bytes.count else { throw reader.wrong("more text behind the value") }
    return value
  }

  private mutating func value(_ depth: Int) throws(SchemaError) -> SchemaJSON {
    guard depth < Self.depthMax else { throw wrong("nesting deeper than \(Self.depthMax)") }
    skipBlanks()
    guard at < bytes.count else { throw wrong("it ends too early") }
    switch bytes[at] {
    case UInt8(ascii: "{"): return try object(depth)
    case UInt8(ascii: "["): return try array(depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func object(_ depth: Int) throws(SchemaError) -> SchemaJSON {
    at += 1
    var members: [SchemaJSON.Member] = []
    skipBlanks()
    if take("}") { return .object(members) }
    while true {
      skipBlanks()
      let key = try string()
      if members.contains(where: { $0.key == key }) { throw wrong("the key \(key) twice") }
      skipBlanks()
      guard take(":") else { throw wrong("no : behind the key \(key)") }
      members.append(SchemaJSON.Member(key: key, value: try value(depth + 1)))
      skipBlanks()
      if take("}") { return .object(members) }
      guard take(",") else { throw wrong("neither , nor } behind a member") }
    }
  }

  private mutating func array(_ depth: Int) throws(SchemaError) -> SchemaJSON {
    at += 1
    var items: [SchemaJSON] = []
    skipBlanks()
    if take("]") { return .array(items) }
    while true {
      items.append(try value(depth + 1))
      skipBlanks()
      if take("]") { return .array(items) }
      guard take(",") else { throw wrong("neither , nor ] behind an item") }
    }
  }

  private mutating func string() throws(SchemaError) -> String {
    guard take("\"") else { throw wrong("a key or string does not begin with a quote") }
    var text: [UInt8] = []
    while at < bytes.count {
      let byte = bytes[at]
      at += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): try escape(into: &text)
      case 0..<0x20: throw wrong("a control character in a string")
      default: text.append(byte)
      }
    }
    throw wrong("a string without end")
  }

  private mutating func escape(into text: inout [UInt8]) throws(SchemaError) {
    guard at < bytes.count else { throw wrong("it ends in an escape") }
    let byte = bytes[at]
    at += 1
    switch byte {
    case UInt8(ascii: "n"): text.append(10)
    case UInt8(ascii: "t"): text.append(9)
    case UInt8(ascii: "r"): text.append(13)
    case UInt8(ascii: "b"): text.append(8)
    case UInt8(ascii: "f"): text.append(12)
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "u"):
      guard at + 4 <= bytes.count,
        let code = UInt32(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16),
        let scalar = Unicode.Scalar(code)
      else { throw wrong("a \\u escape that is no character") }
      at += 4
      text.append(contentsOf: Array(String(Character(scalar)).utf8))
    default: throw wrong("an unknown escape")
    }
  }

  private mutating func number() throws(SchemaError) -> SchemaJSON {
    let first = at
    while at < bytes.count, "+-.0123456789eE".utf8.contains(bytes[at]) { at += 1 }
    let text = String(decoding: bytes[first..<at], as: UTF8.self)
    guard Double(text) != nil else { throw wrong("something that is no JSON value") }
    return .number(text)
  }

  private mutating func word(_ text: String, _ value: SchemaJSON) throws(SchemaError) -> SchemaJSON
  {
    guard bytes[at...].starts(with: text.utf8) else {
      throw wrong("something that is no JSON value")
    }
    at += text.utf8.count
    return value
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard at < bytes.count, bytes[at] == UInt8(ascii: character) else { return false }
    at += 1
    return true
  }

  private mutating func skipBlanks() {
    while at < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[at]) { at += 1 }
  }

  private func wrong(_ what: String) -> SchemaError { SchemaError("\(what), at byte \(at)") }
}
