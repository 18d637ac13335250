/// A small strict JSON reader that shares nothing with the product: what it accepts is JSON.
struct JSONReader {
  indirect enum Value: Equatable {
    case null, bool(Bool), number(String), string([UInt16]), array([Value])
    case object([[UInt16]: Value], order: [[UInt16]])
  }

  private let bytes: [UInt8]
  private var at = 0

  /// The value of a whole text, or nil when it is not exactly one JSON value in valid UTF-8.
  static func read(_ bytes: [UInt8]) -> Value? {
    guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
    var reader = JSONReader(bytes: bytes)
    guard let value = reader.value(), reader.at == bytes.count else { return nil }
    return value
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private mutating func take(_ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard at + count <= bytes.count else { return false }
    for i in 0..<count where bytes[at + i] != text.utf8Start[i] { return false }
    at += count
    return true
  }

  private mutating func value() -> Value? {
    guard at < bytes.count else { return nil }
    switch bytes[at] {
    case UInt8(ascii: "n"): return take("null") ? .null : nil
    case UInt8(ascii: "t"): return take("true") ? .bool(true) : nil
    case UInt8(ascii: "f"): return take("false") ? .bool(false) : nil
    case UInt8(ascii: "\""): return string().map { .string($0) }
    case UInt8(ascii: "["): return array()
    case UInt8(ascii: "{"): return object()
    default: return number()
    }
  }

  private mutating func digits() -> Bool {
    let begin = at
    while at < bytes.count, (0x30...0x39).contains(bytes[at]) { at += 1 }
    return at > begin
  }

  private mutating func number() -> Value? {
    let begin = at
    _ = take("-")
    let first = at
    guard digits() else { return nil }
    if bytes[first] == 0x30, at - first > 1 { return nil }
    if take("."), !digits() { return nil }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      guard digits() else { return nil }
    }
    return .number(String(decoding: bytes[begin..<at], as: UTF8.self))
  }

  private mutating func hex() -> UInt16? {
    guard at + 4 <= bytes.count,
      let value = UInt16(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)
    else { return nil }
    at += 4
    return value
  }

  private mutating func string() -> [UInt16]? {
    guard take("\"") else { return nil }
    var units: [UInt16] = []
    var run: [UInt8] = []
    func flushed() -> [UInt16] { units + Array(String(decoding: run, as: UTF8.self).utf16) }
    while at < bytes.count {
      let byte = bytes[at]
      at += 1
      if byte == UInt8(ascii: "\"") { return flushed() }
      if byte < 0x20 { return nil }
      if byte != UInt8(ascii: "\\") {
        run.append(byte)
        continue
      }
      units = flushed()
      run = []
      guard at < bytes.count else { return nil }
      let escape = bytes[at]
      at += 1
      let names: [UInt8: UInt16] = [
        0x22: 0x22, 0x5c: 0x5c, 0x2f: 0x2f, 0x62: 8, 0x66: 12, 0x6e: 10, 0x72: 13, 0x74: 9,
      ]
      if escape == UInt8(ascii: "u") {
        guard let unit = hex() else { return nil }
        units.append(unit)
      } else {
        guard let unit = names[escape] else { return nil }
        units.append(unit)
      }
    }
    return nil
  }

  private mutating func array() -> Value? {
    guard take("[") else { return nil }
    var values: [Value] = []
    if take("]") { return .array([]) }
    while let value = value() {
      values.append(value)
      if take("]") { return .array(values) }
      guard take(",") else { return nil }
    }
    return nil
  }

  /// Refuses an object in which a key comes twice.
  private mutating func object() -> Value? {
    guard take("{") else { return nil }
    var members: [[UInt16]: Value] = [:]
    var order: [[UInt16]] = []
    if take("}") { return .object([:], order: []) }
    while let key = string(), take(":"), let value = value() {
      if members.updateValue(value, forKey: key) != nil { return nil }
      order.append(key)
      if take("}") { return .object(members, order: order) }
      guard take(",") else { return nil }
    }
    return nil
  }
}
