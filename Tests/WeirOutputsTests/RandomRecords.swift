import WeirTestSupport

/// Records of any shape.
struct RandomRecords {
  var random: SeededGenerator
  /// Whether keys may repeat.
  var repeats = false

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  mutating func fields(max: Int = 12) -> [(String, TestValue)] {
    (0..<Int.random(in: 0...max, using: &random)).map { i in
      (key(i), value(depth: 0))
    }
  }

  private mutating func key(_ index: Int) -> String {
    let names = ["log", "k\u{e9}y", "a\"b", "line\nbreak", "", "0123456789abcdef", "\u{1F600}"]
    let name = names[Int.random(in: 0..<names.count, using: &random)]
    return repeats && Bool.random(using: &random) ? name : "\(name)\(index)"
  }

  mutating func bytes() -> [UInt8] {
    let count = [0, 1, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 200, 1_000].randomElement(
      using: &random)
    let kind = Int.random(in: 0...3, using: &random)
    return (0..<(count ?? 0)).map { _ in
      switch kind {
      case 0: UInt8.random(in: 0x23...0x5b, using: &random)
      case 1: UInt8.random(in: 0...0x7f, using: &random)
      case 2: UInt8.random(in: 0...0xff, using: &random)
      default:
        [0xc3, 0xa9, 0x61, 0xf0, 0x9f, 0x98, 0x80, 0x22, 0x5c].randomElement(using: &random) ?? 0
      }
    }
  }

  mutating func value(depth: Int) -> TestValue {
    switch Int.random(in: 0...(depth < 3 ? 11 : 9), using: &random) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &random))
    case 2: return .int(Int64.random(in: Int64.min...Int64.max, using: &random))
    case 3: return .unsigned(UInt64.random(in: 0...UInt64.max, using: &random))
    case 4: return .double(Double(Int.random(in: -1_000_000...1_000_000, using: &random)) / 64)
    case 5:
      return .clean(String(repeating: "c", count: Int.random(in: 0...80, using: &random)))
    case 6:
      return .jsonText(["a\\nb", "\u{e9}\\\"", "", "plain"].randomElement(using: &random) ?? "")
    case 7:
      return .json(
        ["{\"x\":[1,\"\u{20ac}\"]}", "[]", "{}", "12", "[{\"a\":null}]"].randomElement(
          using: &random)
          ?? "0")
    case 8: return .binary(bytes())
    case 9: return .text(bytes(), flags: 0)
    case 10: return .map(nested(depth))
    default:
      return .array(
        (0..<Int.random(in: 0...4, using: &random)).map { _ in value(depth: depth + 1) })
    }
  }

  private mutating func nested(_ depth: Int) -> [(String, TestValue)] {
    (0..<Int.random(in: 0...4, using: &random)).map { i in (key(i), value(depth: depth + 1)) }
  }
}
