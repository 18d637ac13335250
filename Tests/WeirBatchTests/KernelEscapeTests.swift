import CWeirKernels
import Testing
import WeirTestSupport

/// The writer's rule, one byte at a time.
private func referenceEscape(_ source: [UInt8], unicode: Bool) -> [UInt8] {
  var out: [UInt8] = []
  func hex(_ v: UInt32) -> [UInt8] {
    let digits = String(v, radix: 16)
    return Array(("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8)
  }
  var i = 0
  while i < source.count {
    let c = source[i]
    if c < 0x80 {
      switch c {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): out += [UInt8(ascii: "\\"), c]
      case 10: out += Array("\\n".utf8)
      case 13: out += Array("\\r".utf8)
      case 9: out += Array("\\t".utf8)
      case 8: out += Array("\\b".utf8)
      case 12: out += Array("\\f".utf8)
      case 0..<0x20, 0x7f: out += hex(UInt32(c))
      default: out.append(c)
      }
      i += 1
      continue
    }
    let length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2
    if i + length <= source.count,
      let good = String(validating: source[i..<i + length], as: UTF8.self),
      good.unicodeScalars.count == 1
    {
      if unicode {
        for unit in good.utf16 { out += hex(UInt32(unit)) }
      } else {
        out += source[i..<i + length]
      }
      i += length
    } else {
      let scalar = unicode ? Unicode.Scalar(UInt16(0xe000) + UInt16(c)) : nil
      out += Array(String(Character(scalar ?? "\u{fffd}")).utf8)
      i += 1
    }
  }
  return out
}

@Suite("JSON text kernels")
struct KernelEscapeTests {
  private func escape(_ source: [UInt8], mode: Int) -> String {
    let input = GuardedBytes()
    let output = GuardedBytes()
    let dst = output.room(6 * source.count + 16)
    let n = weir_json_escape(
      dst, input.input(source, padding: hostilePadding), source.count, Int32(mode))
    return text(bytes(dst, n))
  }

  @Test("the writer's escapes are those of the conformance cases")
  func conformance() {
    let source = Array("q\" b\\ / \u{8}\u{c}\n\r\t \0\u{1}\u{1f}\u{7f} é € 😀 \u{2028}".utf8)
    #expect(
      escape(source, mode: WEIR_JSON_ESCAPED)
        == #"q\" b\\ / \b\f\n\r\t \u0000\u0001\u001f\u007f \u00e9 \u20ac \ud83d\ude00 \u2028"#)
    #expect(
      escape(source, mode: WEIR_JSON_UTF8)
        == #"q\" b\\ / \b\f\n\r\t \u0000\u0001\u001f\u007f é € 😀 "# + "\u{2028}")
  }

  @Test("an invalid byte b becomes U+E000 + b as raw text, or U+FFFD in raw mode")
  func invalidBytes() {
    let source = Array("caf".utf8) + [0xe9] + Array(" lone ".utf8) + [0x80, 0x81, 0x78]
    #expect(escape(source, mode: WEIR_JSON_ESCAPED) == "caf\u{e0e9} lone \u{e080}\u{e081}x")
    #expect(escape(source, mode: WEIR_JSON_UTF8) == "caf\u{fffd} lone \u{fffd}\u{fffd}x")
    #expect(escape([0xed, 0xa0, 0x80], mode: WEIR_JSON_UTF8) == "\u{fffd}\u{fffd}\u{fffd}")
    #expect(escape([0xf0, 0x9f, 0x98], mode: WEIR_JSON_UTF8) == "\u{fffd}\u{fffd}\u{fffd}")
    #expect(escape([0xc0, 0xaf], mode: WEIR_JSON_ESCAPED) == "\u{e0c0}\u{e0af}")
  }

  @Test("nothing is read or written for an empty text")
  func empty() {
    #expect(escape([], mode: WEIR_JSON_ESCAPED) == "")
  }

  @Test("every variant agrees with the byte-wise reference, inside its room")
  func differential() {
    let input = GuardedBytes()
    let output = GuardedBytes()
    let parts: [[UInt8]] =
      ["\"", "\\", "\n", "é", "€", "😀", "\u{1}", "\u{7f}"].map { Array($0.utf8) }
      + [[0xff], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0xed, 0xa0, 0x80]]
    for seed in SeededGenerator.seeds {
      var random = SeededGenerator(seed: seed)
      for _ in 0..<600 {
        var source: [UInt8] = []
        let density = 1 + random.below(40)
        let length = random.below(140)
        while source.count < length {
          source += random.oneIn(density) ? random.pick(parts) : [UInt8(0x20 + random.below(95))]
        }
        let p = input.input(source, padding: hostilePadding)
        for mode in [WEIR_JSON_UTF8, WEIR_JSON_ESCAPED] {
          let expected = referenceEscape(source, unicode: mode == WEIR_JSON_ESCAPED)
          for variant in KernelVariant.available {
            let dst = output.room(6 * source.count + 16)
            let n = variant.escape(dst, p, source.count, mode: Int32(mode))
            #expect(bytes(dst, n) == expected, "seed \(seed) \(variant) \(source)")
          }
        }
      }
    }
  }

  @Test("escaping again after a non-ASCII run stops at the end, wherever the run lies")
  func reentry() {
    let input = GuardedBytes()
    let output = GuardedBytes()
    for length in 0..<100 {
      for wide in ["é", "€", "😀"] where wide.utf8.count <= length {
        for at in [length - wide.utf8.count, (length - wide.utf8.count) / 2, 0] {
          var source = [UInt8](repeating: UInt8(ascii: "a"), count: length)
          source.replaceSubrange(at..<at + wide.utf8.count, with: Array(wide.utf8))
          let p = input.input(source, padding: { _ in UInt8(ascii: "\"") })
          for variant in KernelVariant.available {
            let dst = output.room(6 * length + 16)
            let n = variant.escape(dst, p, length, mode: 1)
            #expect(bytes(dst, n) == referenceEscape(source, unicode: true))
          }
        }
      }
    }
  }

  @Test("canonical text is re-escaped to what escaping its content gives")
  func reescape() {
    let input = GuardedBytes()
    let output = GuardedBytes()
    for seed in SeededGenerator.seeds {
      var random = SeededGenerator(seed: seed)
      for _ in 0..<600 {
        let source: [UInt8] = (0..<random.below(90)).flatMap { _ -> [UInt8] in
          switch random.below(12) {
          case 0: return Array("é".utf8)
          case 1: return Array("😀".utf8)
          case 2: return [UInt8(random.below(256))]
          case 3: return [UInt8(ascii: "\"")]
          default: return [UInt8(ascii: "x")]
          }
        }
        // The canonical body of raw bytes keeps invalid ones; escape everything else by hand.
        var canonical: [UInt8] = []
        for c in source {
          canonical += c < 0x80 ? referenceEscape([c], unicode: false) : [c]
        }
        for mode in [WEIR_JSON_UTF8, WEIR_JSON_ESCAPED] {
          let expected = referenceEscape(source, unicode: mode == WEIR_JSON_ESCAPED)
          let q = input.input(canonical, padding: hostilePadding)
          for variant in KernelVariant.available {
            let dst = output.room(6 * canonical.count + 16)
            let n = variant.escape(dst, q, canonical.count, mode: Int32(mode), again: true)
            #expect(bytes(dst, n) == expected, "seed \(seed) \(variant) \(source)")
          }
        }
      }
    }
  }
}
