/// Backslash escapes of decoders and quoted values, undone byte by byte.
///
/// Every function writes at most `count` bytes to `out` and returns how many.
enum TextEscapes {
  @inline(__always)
  static func hexDigit(_ byte: UInt8) -> UInt8? {
    if byte &- 0x30 <= 9 { return byte &- 0x30 }
    let letter = (byte | 0x20) &- 0x61
    return letter <= 5 ? letter &+ 10 : nil
  }

  /// `escaped`: `\a \b \f \n \r \t \v`; any other escaped character stands for itself.
  static func unescape(
    _ p: UnsafePointer<UInt8>, _ count: Int, _ out: UnsafeMutablePointer<UInt8>
  ) -> Int {
    var index = 0
    var length = 0
    while index < count {
      var byte = p[index]
      index &+= 1
      if byte == UInt8(ascii: "\\"), index < count {
        byte = control(p[index]) ?? p[index]
        index &+= 1
      }
      out[length] = byte
      length &+= 1
    }
    return length
  }

  /// `escaped_utf8` and logfmt: also `\xHH`, `\uHHHH` with surrogate pairs, `\UHHHHHHHH` and octal
  /// escapes, which become the UTF-8 form of the character.
  static func unescapeUTF8(
    _ p: UnsafePointer<UInt8>, _ count: Int, _ out: UnsafeMutablePointer<UInt8>
  ) -> Int {
    var index = 0
    var length = 0
    while index < count {
      let byte = p[index]
      index &+= 1
      guard byte == UInt8(ascii: "\\"), index < count else {
        out[length] = byte
        length &+= 1
        continue
      }
      let letter = p[index]
      index &+= 1
      let value: UInt32? =
        switch letter {
        case UInt8(ascii: "x"): digits(p, count, &index, 2, base: 16)
        case UInt8(ascii: "u"): character(p, count, &index)
        case UInt8(ascii: "U"): digits(p, count, &index, 8, base: 16)
        case 0x30...0x37:
          octal(p, count, &index)
        default: control(letter).map { UInt32($0) }
        }
      if let value {
        length &+= encode(value, out + length)
      } else {
        out[length] = letter
        length &+= 1
      }
    }
    return length
  }

  /// `mysql_quoted`: takes off single or double quotes around the text and undoes the escapes
  /// inside; text without quotes stays as it is.
  static func unquoteMySQL(
    _ p: UnsafePointer<UInt8>, _ count: Int, _ out: UnsafeMutablePointer<UInt8>
  ) -> Int {
    let isQuoted =
      count >= 2 && p[0] == p[count &- 1]
      && (p[0] == UInt8(ascii: "'") || p[0] == UInt8(ascii: "\""))
    guard isQuoted else {
      out.update(from: p, count: count)
      return count
    }
    var index = 1
    var length = 0
    while index < count &- 1 {
      var byte = p[index]
      index &+= 1
      if byte == UInt8(ascii: "\\"), index < count &- 1 {
        byte = mysqlEscape(p[index])
        index &+= 1
      }
      out[length] = byte
      length &+= 1
    }
    return length
  }

  private static func mysqlEscape(_ letter: UInt8) -> UInt8 {
    switch letter {
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "r"): 0x0D
    case UInt8(ascii: "t"): 0x09
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "0"): 0x00
    case UInt8(ascii: "Z"): 0x1A
    default: letter
    }
  }

  @inline(__always)
  private static func control(_ letter: UInt8) -> UInt8? {
    switch letter {
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "t"): 0x09
    case UInt8(ascii: "r"): 0x0D
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "f"): 0x0C
    case UInt8(ascii: "v"): 0x0B
    case UInt8(ascii: "a"): 0x07
    default: nil
    }
  }

  /// Up to `limit` hexadecimal digits; nil without any.
  private static func digits(
    _ p: UnsafePointer<UInt8>, _ count: Int, _ index: inout Int, _ limit: Int, base: UInt32
  ) -> UInt32? {
    var value: UInt32 = 0
    let first = index
    while index < count, index &- first < limit, let digit = hexDigit(p[index]) {
      value = value &* base &+ UInt32(digit)
      index &+= 1
    }
    return index > first ? value : nil
  }

  /// One to three octal digits, the first of which is behind `index` already.
  private static func octal(
    _ p: UnsafePointer<UInt8>, _ count: Int, _ index: inout Int
  ) -> UInt32 {
    var value = UInt32(p[index &- 1] &- 0x30)
    var taken = 1
    while taken < 3, index < count, (0x30...0x37).contains(p[index]) {
      value = value &* 8 &+ UInt32(p[index] &- 0x30)
      index &+= 1
      taken &+= 1
    }
    return value
  }

  /// `HHHH`, and a second escape behind it when it is the first half of a pair.
  private static func character(
    _ p: UnsafePointer<UInt8>, _ count: Int, _ index: inout Int
  ) -> UInt32? {
    guard let first = digits(p, count, &index, 4, base: 16) else { return nil }
    guard (0xD800...0xDBFF).contains(first), index &+ 1 < count,
      p[index] == UInt8(ascii: "\\"), p[index &+ 1] == UInt8(ascii: "u")
    else { return first }
    var next = index &+ 2
    guard let second = digits(p, count, &next, 4, base: 16), (0xDC00...0xDFFF).contains(second)
    else { return first }
    index = next
    return 0x10000 &+ (first &- 0xD800) << 10 &+ (second &- 0xDC00)
  }

  /// The UTF-8 form of a code point; what is none becomes U+FFFD.
  private static func encode(_ value: UInt32, _ out: UnsafeMutablePointer<UInt8>) -> Int {
    let scalar = UnicodeScalar(value) ?? "\u{FFFD}"
    var length = 0
    for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
      out[length] = byte
      length &+= 1
    }
    return length
  }
}
