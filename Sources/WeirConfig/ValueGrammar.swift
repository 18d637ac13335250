/// The grammar of option values: each function takes the text of one value and gives nil when
/// the text is not of that kind. Callers turn nil into a message that names the place.
public enum ValueGrammar {
  /// `true/on/yes` and `false/off/no`, any case.
  public static func bool(_ text: String) -> Bool? {
    switch text.lowercased() {
    case "true", "on", "yes": true
    case "false", "off", "no": false
    default: nil
    }
  }

  /// A whole decimal number with an optional sign.
  public static func integer(_ text: String) -> Int? { Int(text) }

  /// A decimal number; `nan`, `inf` and hexadecimal forms are refused.
  public static func double(_ text: String) -> Double? {
    if case .double(let value) = TypedScalar(plain: text) { return value }
    return Int(text).map(Double.init)
  }

  /// Bytes: a whole number with `K KB M MB G GB` in any case; the units are **decimal** and
  /// `false`, `off` and `no` mean 0, "no limit".
  public static func size(_ text: String) -> Int? { size(text, unit: 1000) }

  /// Bytes with binary units (1 K = 1,024), as the multiline buffer limit counts.
  public static func binarySize(_ text: String) -> Int? { size(text, unit: 1024) }

  private static func size(_ text: String, unit: Int) -> Int? {
    let lower = text.lowercased()
    if bool(lower) == false { return 0 }
    let digits = lower.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int(digits) else { return nil }
    let factor: Int
    switch lower.dropFirst(digits.count) {
    case "", "b": factor = 1
    case "k", "kb": factor = unit
    case "m", "mb": factor = unit * unit
    case "g", "gb": factor = unit * unit * unit
    default: return nil
    }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
    return overflow ? nil : bytes
  }

  /// Seconds: a whole number with an optional `s`, `m`, `h` or `d`.
  public static func seconds(_ text: String) -> Int? {
    let lower = text.lowercased()
    let digits = lower.prefix { $0.isASCII && ($0.isNumber || $0 == "-" || $0 == "+") }
    guard let number = Int(digits) else { return nil }
    let factor: Int
    switch lower.dropFirst(digits.count) {
    case "", "s": factor = 1
    case "m": factor = 60
    case "h": factor = 3600
    case "d": factor = 86_400
    default: return nil
    }
    let (seconds, overflow) = number.multipliedReportingOverflow(by: factor)
    return overflow ? nil : seconds
  }

  /// Items between commas, trimmed, empty ones left out; there is no quoting.
  public static func commaList(_ text: String) -> [String] {
    text.split(separator: ",").map { trim($0) }.filter { !$0.isEmpty }
  }

  /// Items between spaces (a tab is part of an item); `"..."` groups, and inside it only `\"` is
  /// unescaped.
  ///
  /// - Parameter max: when given, the item after the `max`-th takes the whole remainder as it is.
  public static func spaceList(_ text: String, max: Int? = nil) -> [String] {
    var items: [String] = []
    var rest = text.utf8[...]
    while true {
      rest = rest.drop { $0 == 0x20 }
      if rest.isEmpty { return items }
      if let max, items.count == max {
        items.append(trim(Substring(rest)))
        return items
      }
      if rest.first == UInt8(ascii: "\""), let (item, after) = quoted(rest.dropFirst()) {
        items.append(item)
        rest = after
      } else {
        let token = rest.prefix { $0 != 0x20 }
        items.append(String(Substring(token)))
        rest = rest.dropFirst(token.count)
      }
    }
  }

  /// Reads up to the closing quote that a blank or the end follows; nil without one.
  private static func quoted(
    _ text: Substring.UTF8View
  ) -> (item: String, after: Substring.UTF8View)? {
    var bytes: [UInt8] = []
    var index = text.startIndex
    while index < text.endIndex {
      let next = text.index(after: index)
      let byte = text[index]
      if byte == UInt8(ascii: "\\"), next < text.endIndex, text[next] == UInt8(ascii: "\"") {
        bytes.append(UInt8(ascii: "\""))
        index = text.index(after: next)
        continue
      }
      if byte == UInt8(ascii: "\"") {
        return (String(decoding: bytes, as: UTF8.self), text[next...])
      }
      bytes.append(byte)
      index = next
    }
    return nil
  }

  /// Items as the `modify` filter reads them: a `"` or `'` at the start of an item quotes it, and
  /// inside a backslash makes the quote and the backslash themselves.
  public static func quoteAwareList(_ text: String) -> [String] {
    var items: [String] = []
    var bytes: [UInt8] = []
    var quote: UInt8?
    var open = false
    var escaped = false
    for byte in text.utf8 {
      if let mark = quote {
        if escaped {
          if byte != mark && byte != UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
          bytes.append(byte)
          escaped = false
        } else if byte == UInt8(ascii: "\\") {
          escaped = true
        } else if byte == mark {
          quote = nil
        } else {
          bytes.append(byte)
        }
      } else if isBlank(byte) {
        if open { items.append(String(decoding: bytes, as: UTF8.self)) }
        bytes.removeAll()
        open = false
      } else if !open && (byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'")) {
        quote = byte
        open = true
      } else {
        bytes.append(byte)
        open = true
      }
    }
    if escaped { bytes.append(UInt8(ascii: "\\")) }
    if open { items.append(String(decoding: bytes, as: UTF8.self)) }
    return items
  }

  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }

  /// The text without ASCII white space at both ends.
  static func trim(_ text: some StringProtocol) -> String {
    let bytes = Substring(text).utf8.drop { isBlank($0) }
    guard let last = bytes.lastIndex(where: { !isBlank($0) }) else { return "" }
    return String(decoding: bytes[...last], as: UTF8.self)
  }
}
