/// An Elastic Cloud id: `NAME:BASE64`, where the second part holds `HOST[:PORT]$UUID[$…]`.
struct CloudID {
  let host: String
  let port: Int

  init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    guard let decoded = Base64.decode(String(text[text.index(after: colon)...])) else { return nil }
    let parts = decoded.split(separator: "$", omittingEmptySubsequences: false)
    guard parts.count >= 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
    var port = 443
    // Both the domain and the id may name a port; that of the id is nearer.
    let domain = CloudID.split(parts[0], &port)
    let id = CloudID.split(parts[1], &port)
    guard (1...65535).contains(port), CloudID.isName(domain), CloudID.isName(id) else {
      return nil
    }
    host = "\(id).\(domain)"
    self.port = port
  }

  private static func split(_ text: Substring, _ port: inout Int) -> Substring {
    guard let colon = text.lastIndex(of: ":") else { return text }
    port = Int(text[text.index(after: colon)...]) ?? 0
    return text[..<colon]
  }

  private static func isName(_ text: Substring) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte)
          || (0x61...0x7a).contains(byte) || byte == 0x2d || byte == 0x2e || byte == 0x5f
      }
  }
}

/// Base64 of RFC 4648, for a header and a cloud id.
enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func encode(_ text: String) -> String {
    let bytes = Array(text.utf8)
    var out: [UInt8] = []
    var i = 0
    while i < bytes.count {
      let left = bytes.count - i
      let word =
        UInt32(bytes[i]) << 16 | (left > 1 ? UInt32(bytes[i + 1]) << 8 : 0)
        | (left > 2 ? UInt32(bytes[i + 2]) : 0)
      out.append(alphabet[Int(word >> 18)])
      out.append(alphabet[Int(word >> 12 & 63)])
      out.append(left > 1 ? alphabet[Int(word >> 6 & 63)] : UInt8(ascii: "="))
      out.append(left > 2 ? alphabet[Int(word & 63)] : UInt8(ascii: "="))
      i += 3
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// The text behind base64, with or without padding; nil when it is none.
  static func decode(_ text: String) -> String? {
    var out: [UInt8] = []
    var word: UInt32 = 0
    var bits = 0
    for byte in text.utf8 {
      if byte == UInt8(ascii: "=") { break }
      guard let value = alphabet.firstIndex(of: byte) else { return nil }
      word = word << 6 | UInt32(value)
      bits += 6
      if bits >= 8 {
        bits -= 8
        out.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
        word &= (1 << UInt32(bits)) - 1
      }
    }
    return String(validating: out, as: UTF8.self)
  }
}
