extension TimeFormat {
  /// Seconds east of UTC of a `time_offset` such as `+0530` or `-06:00`; nil for anything else.
  public static func offset(_ text: String) -> Int? {
    let bytes = Array(text.utf8)
    guard bytes.count == 5 || (bytes.count == 6 && bytes[3] == UInt8(ascii: ":")),
      bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-")
    else { return nil }
    let digits = bytes[1..<3] + bytes[(bytes.count - 2)...]
    guard digits.allSatisfy({ $0 &- 0x30 <= 9 }) else { return nil }
    let values = digits.map { Int($0 - 0x30) }
    let (hours, minutes) = (values[0] * 10 + values[1], values[2] * 10 + values[3])
    guard hours <= 23, minutes <= 59 else { return nil }
    return (bytes[0] == UInt8(ascii: "-") ? -1 : 1) * (hours * 3600 + minutes * 60)
  }
}
