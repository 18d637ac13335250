import Glibc
import WeirBatch

/// Makes file names of data: what comes out holds no way out of its folder.
enum SafeName {
  /// Longest component of a path, in bytes (NAME_MAX).
  static let componentMax = 255
  /// Longest relative path, in bytes.
  static let pathMax = 2_048

  /// Adds a tag as one component: letters, digits, `-`, `_` and `.` stay, all else becomes `_`;
  /// `.`, `..` and the empty tag become `_`. A tag beyond the length of a name is cut and gets a
  /// hash, so that two long tags stay two files.
  static func appendTag(_ tag: UnsafeRawBufferPointer, to buffer: TextBuffer) {
    let begin = buffer.count
    let kept = tag.count > componentMax ? componentMax - 17 : tag.count
    for byte in tag.prefix(kept) { buffer.append(isSafe(byte) ? byte : UInt8(ascii: "_")) }
    if kept < tag.count {
      buffer.append(UInt8(ascii: "_"))
      appendHex(UInt64(bitPattern: Int64(tagHash(tag))), to: buffer)
    }
    let length = buffer.count - begin
    let isDots =
      length <= 2 && buffer.bytes[begin..<begin + length].allSatisfy { $0 == UInt8(ascii: ".") }
    if isDots {
      buffer.cut(to: begin)
      buffer.append(UInt8(ascii: "_"))
    }
  }

  private static func isSafe(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
      UInt8(ascii: "."):
      true
    default: false
    }
  }

  private static func appendHex(_ value: UInt64, to buffer: TextBuffer) {
    for shift in stride(from: 60, through: 0, by: -4) {
      let digit = UInt8(truncatingIfNeeded: value >> UInt64(shift)) & 15
      buffer.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
  }

  /// True when a rendered name is one component that may be a file: no separator, no control
  /// byte, none of `:*?"<>|`, not empty, `.` or `..`, not too long.
  static func isFile(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
    if !isComponent(name) { return false }
    return name.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: ":"), UInt8(ascii: "*"),
        UInt8(ascii: "?"), UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"),
        UInt8(ascii: "|"):
        false
      default: true
      }
    }
  }

  /// True when each component of a rendered path may be a folder; repeated slashes are one.
  static func areFolders(_ path: UnsafeBufferPointer<UInt8>) -> Bool {
    if path.isEmpty || path.count > pathMax { return false }
    return path.split { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }
      .allSatisfy { isComponent(UnsafeBufferPointer(rebasing: $0)) }
  }

  private static func isComponent(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
    if name.isEmpty || name.count > componentMax { return false }
    if name.count <= 2, name.allSatisfy({ $0 == UInt8(ascii: ".") }) { return false }
    return name.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
  }
}
