import CWeirKernels
import Glibc
import WeirStage

/// Writes JSON text piece by piece, on one line or indented by two blanks per level.
///
/// Commas and line ends come by themselves: whether a member is the first of its object shows in
/// the byte before it, because no finished value ends with an opening bracket.
struct OTLPText {
  /// Where the text goes.
  let payload: Payload
  private let isPretty: Bool
  /// Objects and arrays that are open.
  private var depth: Int

  init(_ payload: Payload, isPretty: Bool, depth: Int) {
    self.payload = payload
    self.isPretty = isPretty
    self.depth = depth
  }

  private var isFirst: Bool {
    let last = payload.length > 0 ? payload.base[payload.length - 1] : 0
    return last == UInt8(ascii: "{") || last == UInt8(ascii: "[")
  }

  /// Begins the next member or element.
  func item() {
    if !isFirst { payload.append(UInt8(ascii: ",")) }
    breakLine(depth)
  }

  /// Begins an element that is never the first: what stands before it is written later.
  func laterItem() {
    payload.append(UInt8(ascii: ","))
    breakLine(depth)
  }

  /// A line end and so many levels of blanks; nothing on one line.
  private func breakLine(_ levels: Int) {
    guard isPretty else { return }
    let count = 1 + 2 * levels
    let out = payload.reserve(count)
    out[0] = UInt8(ascii: "\n")
    memset(out + 1, 0x20, count - 1)
    payload.length += count
  }

  /// Opens an object (`{`) or an array (`[`).
  mutating func open(_ bracket: Unicode.Scalar) {
    payload.append(UInt8(ascii: bracket))
    depth += 1
  }

  /// Closes it with `}` or `]`.
  mutating func close(_ bracket: Unicode.Scalar) {
    depth -= 1
    if !isFirst { breakLine(depth) }
    payload.append(UInt8(ascii: bracket))
  }

  /// Begins the member of that name, up to its value.
  func key(_ name: StaticString) {
    item()
    string(name)
    payload.append(UInt8(ascii: ":"))
    if isPretty { payload.append(UInt8(ascii: " ")) }
  }

  /// Text that needs no escape, in quotes.
  func string(_ text: StaticString) {
    payload.append(UInt8(ascii: "\""))
    bare(text)
    payload.append(UInt8(ascii: "\""))
  }

  /// Text as it is.
  func bare(_ text: StaticString) {
    payload.append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Any bytes in quotes, escaped.
  func string(_ bytes: UnsafeRawBufferPointer) {
    payload.append(UInt8(ascii: "\""))
    if let base = bytes.baseAddress {
      let out = payload.reserve(bytes.count * 6 + 16)
      payload.length += weir_json_escape(
        out, base.assumingMemoryBound(to: UInt8.self), bytes.count, Int32(WEIR_JSON_UTF8))
    }
    payload.append(UInt8(ascii: "\""))
  }

  /// The body of a JSON string in canonical escapes, in quotes.
  func canonical(_ bytes: UnsafeRawBufferPointer) {
    payload.append(UInt8(ascii: "\""))
    payload.append(bytes)
    payload.append(UInt8(ascii: "\""))
  }

  /// A whole number in quotes: 64 bits do not fit JSON's numbers.
  func quoted(_ number: UInt64) {
    payload.append(UInt8(ascii: "\""))
    payload.length += weir_put_u64(payload.reserve(24), number)
    payload.append(UInt8(ascii: "\""))
  }

  /// The same with a sign.
  func quoted(_ number: Int64) {
    payload.append(UInt8(ascii: "\""))
    payload.length += weir_put_i64(payload.reserve(24), number)
    payload.append(UInt8(ascii: "\""))
  }

  /// A number; what JSON has no number for is a word in quotes.
  func number(_ value: Double) {
    if value.isNaN { return string("NaN") }
    if value.isInfinite { return string(value < 0 ? "-Infinity" : "Infinity") }
    payload.length += weir_put_double_json(payload.reserve(40), value, Int32(WEIR_NAN_NULL))
  }

  /// Two lowercase digits per byte, in quotes.
  func hex(_ bytes: UnsafeRawBufferPointer) {
    let digits: StaticString = "0123456789abcdef"
    let out = payload.reserve(bytes.count * 2 + 2)
    out[0] = UInt8(ascii: "\"")
    for (i, byte) in bytes.enumerated() {
      out[1 + 2 * i] = digits.utf8Start[Int(byte >> 4)]
      out[2 + 2 * i] = digits.utf8Start[Int(byte & 15)]
    }
    out[1 + 2 * bytes.count] = UInt8(ascii: "\"")
    payload.length += bytes.count * 2 + 2
  }

  /// Base64 with padding, in quotes.
  func base64(_ bytes: UnsafeRawBufferPointer) {
    let digits: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    var out = payload.reserve((bytes.count + 2) / 3 * 4 + 2)
    let begin = out
    out[0] = UInt8(ascii: "\"")
    out += 1
    var at = 0
    while at < bytes.count {
      let left = min(3, bytes.count - at)
      var bits = UInt32(bytes[at]) << 16
      if left > 1 { bits |= UInt32(bytes[at + 1]) << 8 }
      if left > 2 { bits |= UInt32(bytes[at + 2]) }
      for place in 0..<4 {
        let digit = digits.utf8Start[Int(bits >> UInt32(18 - 6 * place)) & 63]
        out[place] = place <= left ? digit : UInt8(ascii: "=")
      }
      out += 4
      at += 3
    }
    out[0] = UInt8(ascii: "\"")
    payload.length += out + 1 - begin
  }
}
