import Glibc

/// Writes strings as JSON, for the notes and reports of a spool.
public enum JSONText {
  /// Adds a quoted string. What is no UTF-8 becomes U+FFFD; what is longer than `bytesMax` is cut
  /// between two characters and ends in `...`.
  public static func append(
    _ bytes: some Sequence<UInt8>, bytesMax: Int = Int.max, to out: inout [UInt8]
  ) {
    out.append(UInt8(ascii: "\""))
    var count = 0
    // Decoding repairs; one byte more than fits tells whether something is cut.
    let text = String(
      decoding: Array(bytes.prefix(bytesMax == Int.max ? bytesMax : bytesMax + 1)),
      as: UTF8.self)
    for scalar in text.unicodeScalars {
      count += UTF8.width(scalar)
      if count > bytesMax {
        out += Array("...".utf8)
        break
      }
      append(scalar, to: &out)
    }
    out.append(UInt8(ascii: "\""))
  }

  private static func append(_ scalar: Unicode.Scalar, to out: inout [UInt8]) {
    switch scalar {
    case "\"": out += [UInt8(ascii: "\\"), UInt8(ascii: "\"")]
    case "\\": out += [UInt8(ascii: "\\"), UInt8(ascii: "\\")]
    case "\n": out += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
    case "\r": out += [UInt8(ascii: "\\"), UInt8(ascii: "r")]
    case "\t": out += [UInt8(ascii: "\\"), UInt8(ascii: "t")]
    default:
      if scalar.value < 0x20 || scalar.value == 0x7f {
        let digits = Array("0123456789abcdef".utf8)
        out += Array("\\u00".utf8)
        out += [digits[Int(scalar.value >> 4)], digits[Int(scalar.value & 15)]]
      } else {
        out += Array(UTF8.encode(scalar).map { Array($0) } ?? [])
      }
    }
  }

  /// Nanoseconds since 1970 as a time in UTC: `2026-11-23T05:42:00.123456789Z`.
  public static func time(_ nanoseconds: Int64) -> String {
    var seconds = Int(nanoseconds / 1_000_000_000)
    var rest = nanoseconds % 1_000_000_000
    if rest < 0 {
      seconds -= 1
      rest += 1_000_000_000
    }
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func pad(_ number: some BinaryInteger, _ width: Int) -> String {
      let text = "\(number)"
      return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
    let date =
      "\(pad(parts.tm_year + 1900, 4))-\(pad(parts.tm_mon + 1, 2))-\(pad(parts.tm_mday, 2))"
    let clock = "\(pad(parts.tm_hour, 2)):\(pad(parts.tm_min, 2)):\(pad(parts.tm_sec, 2))"
    return "\(date)T\(clock).\(pad(rest, 9))Z"
  }
}
