import Glibc

/// The text of the numbered lines that the tests write and look for in outputs:
///
///     KEY NNNNNNNNN LLLLLL aaaaaa…
///
/// the writer's key, the line's number from 1, the bytes of the whole text, and a fill whose letter
/// follows from the number. A text that was cut, joined with another or mixed up does not pass.
enum NumberedText {
  static let lengthMax = 900_000

  /// The bytes that a text has at least, with one of fill.
  static func lengthMin(key: String) -> Int { key.utf8.count + 19 }

  /// Writes the text at `to`, which has room for `length` bytes; `length` is at least `lengthMin`.
  static func put(
    key: [UInt8], number: Int, length: Int, to: UnsafeMutablePointer<UInt8>
  ) {
    key.withUnsafeBufferPointer { source in
      if let base = source.baseAddress { memcpy(to, base, source.count) }
    }
    var at = key.count
    to[at] = 32
    putDigits(number, 9, to + at + 1)
    to[at + 10] = 32
    putDigits(length, 6, to + at + 11)
    to[at + 17] = 32
    at += 18
    memset(to + at, Int32(97 + number % 26), length - at)
  }

  static func putDigits(_ number: Int, _ digits: Int, _ to: UnsafeMutablePointer<UInt8>) {
    var rest = number
    for index in stride(from: digits - 1, through: 0, by: -1) {
      to[index] = UInt8(48 + rest % 10)
      rest /= 10
    }
  }

  enum Reading: Equatable {
    /// Not one of these texts.
    case other
    /// One of them, but not whole.
    case broken(key: String, number: Int)
    case whole(key: String, number: Int)
  }

  /// What a text is; `text` is as it came out of the JSON, which leaves these texts as they are.
  static func read(_ text: UnsafeBufferPointer<UInt8>) -> Reading {
    guard let base = text.baseAddress, let blank = memchr(base, 32, min(text.count, 64)) else {
      return .other
    }
    let keyCount = UnsafeRawPointer(blank) - UnsafeRawPointer(base)
    guard text.count >= keyCount + 19, text[keyCount + 10] == 32, text[keyCount + 17] == 32,
      let number = digits(base + keyCount + 1, 9), let length = digits(base + keyCount + 11, 6)
    else { return .other }
    let key = String(decoding: text[0..<keyCount], as: UTF8.self)
    let fill = base + keyCount + 18
    let fillCount = text.count - keyCount - 18
    // The fill is all one letter when it equals itself moved on by one.
    let isEven = fill[0] == UInt8(97 + number % 26) && memcmp(fill, fill + 1, fillCount - 1) == 0
    return length == text.count && isEven
      ? .whole(key: key, number: number) : .broken(key: key, number: number)
  }

  private static func digits(_ from: UnsafePointer<UInt8>, _ count: Int) -> Int? {
    var number = 0
    for index in 0..<count {
      guard from[index] >= 48, from[index] < 58 else { return nil }
      number = number * 10 + Int(from[index] - 48)
    }
    return number
  }
}
