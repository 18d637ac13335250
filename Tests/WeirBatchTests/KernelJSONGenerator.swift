import WeirTestSupport

/// Random JSON lines: valid ones in every style, and broken ones.
struct JSONGenerator {
  var random: SeededGenerator
  private var out: [UInt8] = []

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  private mutating func add(_ s: String) { out += Array(s.utf8) }

  private mutating func blank() {
    if random.oneIn(10) { add(random.pick([" ", "\t", "  ", "\n", "\r\n "])) }
  }

  private static let pieces: [String] = [
    #"\n"#, #"\""#, #"\\"#, #"\/"#, #"\u00e9"#, #"\u001f"#, #"\u001F"#, #"\u007f"#, #"\u0008"#,
    "é", "€", "😀", "\u{7f}", "\n", #"\ud83d\ude00"#, #"\ud83d"#, #"\udc00x"#, #"\b"#,
  ]

  private mutating func string() {
    add("\"")
    let rich = random.oneIn(3)
    for _ in 0..<(random.oneIn(4) ? random.below(80) : random.below(14)) {
      if rich, random.oneIn(5) {
        if random.oneIn(12) { out.append(0xff) } else { add(random.pick(JSONGenerator.pieces)) }
      } else {
        out.append(UInt8(ascii: "a") + UInt8(random.below(26)))
      }
    }
    add("\"")
  }

  private static let numbers: [String] = [
    "0", "-0", "0.0", "-0.0", "1e3", "1E+3", "1e400", "01", "-", "1.", "1e", "12345678",
    "123456789",
    "18446744073709551615", "18446744073709551616", "9223372036854775808", "-9223372036854775808",
    "-9223372036854775809", "0.1", "9.2", "1e-05", "1e+21", "123456789012345", "1234567890123456",
    "0.30000000000000004", "5e-324", "1.7976931348623157e308", "1.797693134862316e+308",
    "0.000012345678901234567890123", "9007199254740993.0", "1.50", "100.0",
    "99999999999999999999999",
  ]

  private mutating func number() {
    switch random.below(5) {
    case 0: add(random.pick(JSONGenerator.numbers))
    case 1: add(String(Int64(bitPattern: random.next()) >> random.below(64)))
    case 2: add(String(Double(random.below(1_000_000)) / 1000))
    case 3: add(String(Double(Int64(bitPattern: random.next())) / 1e15))
    default: add(String(random.below(100_000)))
    }
  }

  private mutating func value(_ depth: Int) {
    switch random.below(depth > 5 ? 5 : 8) {
    case 0: add(random.pick(["true", "false", "null"]))
    case 1, 2: number()
    case 3, 4: string()
    case 5, 6: object(depth + 1, count: random.below(5))
    default:
      add("[")
      blank()
      for i in 0..<random.below(5) {
        if i > 0 { add(",") }
        blank()
        value(depth + 1)
        blank()
      }
      add("]")
    }
  }

  private mutating func object(_ depth: Int, count: Int) {
    add("{")
    blank()
    for i in 0..<count {
      if i > 0 { add(",") }
      blank()
      if random.oneIn(4) { add(random.pick(["\"a\"", "\"longer_key_name\""])) } else { string() }
      blank()
      add(":")
      blank()
      value(depth)
      blank()
    }
    add("}")
  }

  /// One object, sometimes with text after it, sometimes damaged.
  mutating func line() -> [UInt8] {
    out = []
    blank()
    object(0, count: random.below(12))
    if random.oneIn(4) { add(random.pick([" ", "junk", "},", "{\"b\":1}", " 12", " tru"])) }
    if random.oneIn(3) {
      for _ in 0...random.below(3) where !out.isEmpty {
        let at = random.below(out.count)
        switch random.below(4) {
        case 0: out[at] = UInt8(random.below(256))
        case 1: out.remove(at: at)
        case 2: out.removeSubrange(at...)
        default: out[at] = random.pick(Array("{}[],:\"\\0-. ".utf8))
        }
      }
    }
    return out
  }

  /// One value of any type, well formed but for numbers out of range.
  mutating func value() -> [UInt8] {
    out = []
    value(0)
    return out
  }
}
