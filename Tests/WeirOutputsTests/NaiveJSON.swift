import Foundation
import Glibc

/// The JSON writer's rules once more, written for reading and not for speed.
struct NaiveJSON {
  var escapeUnicode = true
  var nanToNull = false

  /// An object; of equal keys the last one at its own place when `unique`.
  func object(_ members: [(String, TestValue)], unique: Bool = false) -> String {
    var parts: [String] = []
    for (i, member) in members.enumerated() {
      if case .metadata = member.1 { continue }
      if unique, members[(i + 1)...].contains(where: { $0.0 == member.0 && !$0.1.isMetadata }) {
        continue
      }
      parts.append("\(string(Array(member.0.utf8))):\(value(member.1, unique: unique))")
    }
    return "{\(parts.joined(separator: ","))}"
  }

  func value(_ value: TestValue, unique: Bool) -> String {
    switch value {
    case .null, .metadata: "null"
    case .bool(let value): value ? "true" : "false"
    case .int(let value): "\(value)"
    case .unsigned(let value): "\(value)"
    case .double(let value): number(value)
    case .text(let bytes, _), .binary(let bytes): string(bytes)
    case .jsonText(let text): "\"\(reescaped(text))\""
    case .json(let text): reescaped(text)
    case .map(let members): object(members, unique: unique)
    case .array(let values):
      "[\(values.map { self.value($0, unique: unique) }.joined(separator: ","))]"
    }
  }

  func number(_ value: Double) -> String {
    if value.isNaN || value.isInfinite {
      if nanToNull { return "null" }
      return formatted("%.16g", value)
    }
    if value == 0 { return "0.0" }
    if value == value.rounded(), abs(value) < 9.2e18 { return formatted("%.1f", value) }
    return formatted("%.16g", value)
  }

  private func formatted(_ format: String, _ value: Double) -> String {
    var buffer = [CChar](repeating: 0, count: 400)
    let count = withVaList([value]) { vsnprintf(&buffer, buffer.count, format, $0) }
    return String(decoding: buffer[..<Int(count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  func string(_ bytes: [UInt8]) -> String {
    var out = "\""
    for scalar in decoded(bytes) { out += escaped(scalar) }
    return out + "\""
  }

  /// Scalars of bytes; an invalid byte is nil with its value.
  private func decoded(_ bytes: [UInt8]) -> [(scalar: Unicode.Scalar, invalid: UInt8?)] {
    var result: [(Unicode.Scalar, UInt8?)] = []
    var i = 0
    while i < bytes.count {
      if let (scalar, length) = sequence(bytes, i) {
        result.append((scalar, nil))
        i += length
      } else {
        result.append((Unicode.Scalar(0xfffd) ?? " ", bytes[i]))
        i += 1
      }
    }
    return result
  }

  /// The well-formed UTF-8 sequence at an index, if there is one.
  private func sequence(_ bytes: [UInt8], _ at: Int) -> (Unicode.Scalar, Int)? {
    for length in 1...4 where at + length <= bytes.count {
      let piece = bytes[at..<at + length]
      if let text = String(validating: piece, as: UTF8.self), text.unicodeScalars.count == 1,
        let scalar = text.unicodeScalars.first
      {
        return (scalar, length)
      }
    }
    return nil
  }

  private func escaped(_ item: (scalar: Unicode.Scalar, invalid: UInt8?)) -> String {
    if let byte = item.invalid {
      // Escaped mode keeps the byte as raw text of the private use area.
      guard escapeUnicode, let scalar = Unicode.Scalar(0xe000 + UInt32(byte)) else {
        return "\u{fffd}"
      }
      return String(Character(scalar))
    }
    switch item.scalar {
    case "\"": return "\\\""
    case "\\": return "\\\\"
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\t": return "\\t"
    case "\u{8}": return "\\b"
    case "\u{c}": return "\\f"
    default: break
    }
    let value = item.scalar.value
    if value < 0x20 || value == 0x7f { return unit(UInt16(value)) }
    if value < 0x80 || !escapeUnicode { return String(Character(item.scalar)) }
    return String(item.scalar).utf16.map(unit).joined()
  }

  private func unit(_ unit: UInt16) -> String {
    let digits = String(unit, radix: 16)
    return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
  }

  /// Canonical text: only non-ASCII changes.
  private func reescaped(_ text: String) -> String {
    guard escapeUnicode else { return text }
    return text.unicodeScalars.map { scalar in
      scalar.isASCII ? String(Character(scalar)) : String(scalar).utf16.map(unit).joined()
    }.joined()
  }
}

extension TestValue {
  var isMetadata: Bool { if case .metadata = self { true } else { false } }
}
