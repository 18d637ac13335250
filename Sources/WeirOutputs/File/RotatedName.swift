import Glibc

/// The names of full files: `NAME.YYYYMMDD_HHMMSS_xxxxxxxx`, with `.gz` when compressed.
enum RotatedName {
  /// What is put behind the name of a file that is full now (local time, and eight random digits
  /// against a second rotation in the same second).
  static func suffix(_ nanoseconds: Int64) -> String {
    var seconds = time_t(floorDivide(nanoseconds, 1_000_000_000))
    var parts = tm()
    localtime_r(&seconds, &parts)
    func pad(_ value: Int32, _ width: Int) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let date = pad(parts.tm_year + 1900, 4) + pad(parts.tm_mon + 1, 2) + pad(parts.tm_mday, 2)
    let time = pad(parts.tm_hour, 2) + pad(parts.tm_min, 2) + pad(parts.tm_sec, 2)
    let random = String(UInt32.random(in: 0...UInt32.max), radix: 16)
    let digits = String(repeating: "0", count: 8 - random.count) + random
    return ".\(date)_\(time)_\(digits)"
  }

  /// Behind the name of a full file while it is being compressed.
  static let partSuffix = ".gz.part"

  /// True for what a process that died left behind while it compressed a full file of `name`.
  static func isLeftOver(_ candidate: String, _ name: String) -> Bool {
    guard candidate.hasSuffix(partSuffix) else { return false }
    return matches(String(candidate.dropLast(partSuffix.utf8.count)), name)
  }

  /// True when a file in the folder is a full file of `name`; the form without random digits, as
  /// older agents wrote it, counts too.
  static func matches(_ candidate: String, _ name: String) -> Bool {
    guard candidate.hasPrefix(name + ".") else { return false }
    var rest = Array(candidate.utf8.dropFirst(name.utf8.count + 1))
    if rest.count > 3, Array(rest.suffix(3)) == Array(".gz".utf8) { rest.removeLast(3) }
    guard rest.count == 15 || rest.count == 24 else { return false }
    for (index, byte) in rest.enumerated() {
      switch index {
      case 8, 15: if byte != UInt8(ascii: "_") { return false }
      case 16...: if !isHex(byte) { return false }
      default: if byte < 0x30 || byte > 0x39 { return false }
      }
    }
    return true
  }

  private static func isHex(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) || (0x41...0x46).contains(byte)
  }
}
