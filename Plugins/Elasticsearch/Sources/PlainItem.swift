/// Recognises the item that nearly all replies are full of: one operation that was done, written
/// without blanks and escapes, wholly in the bytes at hand.
///
/// ```
/// {"create":{"_index":"x","_shards":{"total":2},"_seq_no":3,"status":201}}
/// ```
/// A fraction of the work of the scanner, which reads everything else: what is not exactly of this
/// shape is left to it, so that both agree on what they take.
enum PlainItem {
  /// The end of such an item that begins at `start`; nil for any other.
  static func end(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Int? {
    guard let base = bytes.baseAddress else { return nil }
    // The shortest item, so that the first loads need no check of their own.
    guard bytes.count - start > 24 else { return nil }
    let p = base.assumingMemoryBound(to: UInt8.self)
    let limit = bytes.count
    guard var at = operation(p, start) else { return nil }
    var status = 0
    while true {
      guard at < limit, p[at] == quote, let key = string(p, at, limit), key + 1 < limit,
        p[key] == UInt8(ascii: ":")
      else { return nil }
      let length = key - at - 2
      if length == 5, matches(p + at + 1, "error") { return nil }
      let next: Int
      if length == 6, matches(p + at + 1, "status") {
        guard let found = number(p, key + 1, limit), found.end - key == 4 else { return nil }
        status = found.value
        next = found.end
      } else {
        guard let end = value(p, key + 1, limit) else { return nil }
        next = end
      }
      guard next + 1 < limit else { return nil }
      at = next + 1
      if p[next] == UInt8(ascii: ",") { continue }
      guard p[next] == close, p[at] == close, status >= 200, status < 300 else { return nil }
      return at + 1
    }
  }

  private static let quote = UInt8(ascii: "\"")
  private static let close = UInt8(ascii: "}")

  /// Where the members of the operation begin.
  @inline(__always)
  private static func operation(_ p: UnsafePointer<UInt8>, _ start: Int) -> Int? {
    if matches(p + start, "{\"create\":{") { return start + 11 }
    if matches(p + start, "{\"index\":{") { return start + 10 }
    return matches(p + start, "{\"update\":{") ? start + 11 : nil
  }

  @inline(__always)
  private static func matches(_ p: UnsafePointer<UInt8>, _ text: StaticString) -> Bool {
    let other = text.utf8Start
    var i = 0
    while i < text.utf8CodeUnitCount {
      if p[i] != other[i] { return false }
      i &+= 1
    }
    return true
  }

  /// The place behind a string that begins with the quote at `start`; nil with an escape in it.
  ///
  /// Eight bytes at a time: of the bytes that may end the run the lowest is found exactly, because
  /// borrows only go upwards.
  @inline(__always)
  private static func string(_ p: UnsafePointer<UInt8>, _ start: Int, _ limit: Int) -> Int? {
    var at = start &+ 1
    while at &+ 8 <= limit {
      // SAFETY: eight bytes from `at` on lie before the limit; the load may be unaligned.
      let word = UInt64(
        littleEndian: UnsafeRawPointer(p + at).loadUnaligned(as: UInt64.self))
      let quotes = word ^ 0x2222_2222_2222_2222
      let slashes = word ^ 0x5c5c_5c5c_5c5c_5c5c
      let found =
        ((quotes &- ones) & ~quotes | (slashes &- ones) & ~slashes
          | (word &- 0x2020_2020_2020_2020) & ~word) & 0x8080_8080_8080_8080
      if found == 0 {
        at &+= 8
        continue
      }
      at &+= found.trailingZeroBitCount >> 3
      return p[at] == quote ? at &+ 1 : nil
    }
    while at < limit {
      let byte = p[at]
      at &+= 1
      if byte == quote { return at }
      if byte == UInt8(ascii: "\\") || byte < 0x20 { return nil }
    }
    return nil
  }

  private static let ones: UInt64 = 0x0101_0101_0101_0101

  /// The place behind a string, a whole number, or a map of whole numbers.
  @inline(__always)
  private static func value(
    _ p: UnsafePointer<UInt8>, _ start: Int, _ limit: Int
  ) -> Int? {
    switch p[start] {
    case quote: return string(p, start, limit)
    case UInt8(ascii: "{"): return counts(p, start, limit)
    default: return number(p, start, limit)?.end
    }
  }

  @inline(__always)
  private static func number(
    _ p: UnsafePointer<UInt8>, _ start: Int, _ limit: Int
  ) -> (end: Int, value: Int)? {
    var at = start
    var number = 0
    while at < limit, p[at] &- 0x30 < 10 {
      number = number &* 10 &+ Int(p[at] &- 0x30)
      at &+= 1
    }
    guard at > start, at < limit, p[at] == UInt8(ascii: ",") || p[at] == close else { return nil }
    return (at, number)
  }

  /// `{"total":2,"successful":1,"failed":0}`
  private static func counts(_ p: UnsafePointer<UInt8>, _ start: Int, _ limit: Int) -> Int? {
    var at = start
    repeat {
      at += 1
      guard at < limit, p[at] == quote, let key = string(p, at, limit), key + 1 < limit,
        p[key] == UInt8(ascii: ":"), let found = number(p, key + 1, limit)
      else { return nil }
      at = found.end
    } while p[at] == UInt8(ascii: ",")
    return at + 1
  }
}
