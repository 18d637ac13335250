import CWeirKernels
import Testing
import WeirTestSupport

/// What a scan says, in a form that tests can compare.
struct ScannedObject {
  var result = weir_json_result()
  var members: [weir_json_member] = []
}

func scanObject(_ source: [UInt8], cap: Int = 64) -> ScannedObject {
  let memory = GuardedBytes()
  var scanned = ScannedObject()
  var members = [weir_json_member](repeating: weir_json_member(), count: cap + 1)
  _ = weir_json_object(
    memory.input(source, padding: hostilePadding), source.count, 0, &members, UInt32(cap),
    &scanned.result)
  scanned.members = Array(members.prefix(Int(scanned.result.count)))
  return scanned
}

private func scan(_ source: String) -> ScannedObject { scanObject(Array(source.utf8)) }

@Suite("JSON scan kernels")
struct KernelJSONTests {
  @Test(
    "what is no object stays raw, as in the conformance cases",
    arguments: [
      (#"{"a":1}{"b":2}"#, WEIR_JSON_ERROR_TRAILING), (#"[{"a":1}]"#, WEIR_JSON_ERROR_NO_OBJECT),
      ("42", WEIR_JSON_ERROR_NO_OBJECT), ("{'a':1}", WEIR_JSON_ERROR_SYNTAX),
      ("{a:1}", WEIR_JSON_ERROR_SYNTAX), (#"{"a":1,}"#, WEIR_JSON_ERROR_SYNTAX),
      (#"{"a":1"#, WEIR_JSON_ERROR_CUT), (#"{"a":"unterminated"#, WEIR_JSON_ERROR_CUT),
      ("null", WEIR_JSON_ERROR_NO_OBJECT), ("", WEIR_JSON_ERROR_CUT), ("  ", WEIR_JSON_ERROR_CUT),
      (#"{"a":1} [2]"#, WEIR_JSON_ERROR_TRAILING), (#"{"a":1} 5"#, WEIR_JSON_ERROR_TRAILING),
      (#"{"a":01}"#, WEIR_JSON_ERROR_SYNTAX), (#"{"a":1.}"#, WEIR_JSON_ERROR_SYNTAX),
      (#"{"a":-}"#, WEIR_JSON_ERROR_SYNTAX), (#"{"a":tru}"#, WEIR_JSON_ERROR_SYNTAX),
      (#"{"b":tru"#, WEIR_JSON_ERROR_CUT), (#"{"a":"\x"}"#, WEIR_JSON_ERROR_SYNTAX),
      (#"{"a":"\u12g4"}"#, WEIR_JSON_ERROR_SYNTAX), (#"{"a" 1}"#, WEIR_JSON_ERROR_SYNTAX),
      (#"{"a":[1,]}"#, WEIR_JSON_ERROR_SYNTAX), (#"{"a":{,}}"#, WEIR_JSON_ERROR_SYNTAX),
      (#"{"a":[1}"#, WEIR_JSON_ERROR_SYNTAX), (#"{"a":{"b"}}"#, WEIR_JSON_ERROR_SYNTAX),
    ])
  func refused(source: String, error: Int) {
    #expect(scan(source).result.error == UInt32(error))
  }

  @Test(
    "blanks around and trailing text that is no value are accepted",
    arguments: [
      #"{"ok":1}"#, "\t{\"ok\":1}\t", #"{"ok":1} junk"#, #"{"ok":1},"#, #"{"ok":1} {"#,
      #"{"ok":1} [1,"#, #"{"ok":1} "cut"#, #"{"ok":1}}"#, "{\"ok\":1}\r", #"{"ok":1} - "#,
    ])
  func accepted(source: String) {
    let scanned = scan(source)
    #expect(scanned.result.error == UInt32(WEIR_JSON_OK) && scanned.result.count == 1)
    #expect(scanned.members[0].num.i64 == 1)
  }

  @Test("a number beyond every double is infinite, and its text none that is written")
  func infinite() {
    let scanned = scan(#"{"a":1e400,"b":-1e999,"c":[1e400]}"#)
    #expect(scanned.result.error == UInt32(WEIR_JSON_OK) && scanned.result.count == 3)
    #expect(scanned.members[0].num.f64 == .infinity && scanned.members[1].num.f64 == -.infinity)
    for member in scanned.members.prefix(3) {
      #expect(member.flags & UInt8(WEIR_JSON_CANONICAL) == 0)
    }
  }

  @Test("values of every type keep type and value")
  func types() {
    let source =
      #"{"i":1,"neg":-5,"big":9007199254740993,"max":9223372036854775807,"u":18446744073709551615,"#
      + #""over":18446744073709551616,"f":1.5,"e":1e3,"t":true,"f2":false,"n":null,"z":-0,"#
      + #""m":{"a":[1]},"l":[],"s":"x"}"#
    let found = scan(source)
    #expect(found.result.error == 0)
    #expect(
      found.members.map { Int($0.type) } == [
        WEIR_JSON_I64, WEIR_JSON_I64, WEIR_JSON_I64, WEIR_JSON_I64, WEIR_JSON_U64,
        WEIR_JSON_DOUBLE, WEIR_JSON_DOUBLE, WEIR_JSON_DOUBLE, WEIR_JSON_BOOL, WEIR_JSON_BOOL,
        WEIR_JSON_NULL, WEIR_JSON_I64, WEIR_JSON_OBJECT, WEIR_JSON_ARRAY, WEIR_JSON_STRING,
      ])
    #expect(found.members[1].num.i64 == -5 && found.members[3].num.i64 == .max)
    #expect(found.members[4].num.u64 == .max && found.members[5].num.f64 == 18446744073709551616)
    #expect(found.members[7].num.f64 == 1000 && found.members[8].num.u64 == 1)
    #expect(found.members[11].num.i64 == 0)
    let object = found.members[12]
    let raw = Array(source.utf8)[Int(object.val_off)..<Int(object.val_off + object.val_len)]
    #expect(text(Array(raw)) == #"{"a":[1]}"#)
  }

  @Test(
    "only text that the writer would write is canonical",
    arguments: [
      (#""plain""#, true), (#""q\"\\\n\u001f\u007f""#, true), (#""é""#, true), (#""a\/b""#, false),
      (#""\u00e9""#, false), (#""\u001F""#, false), (#""\u000a""#, false),
      ("\"raw\ncontrol\"", false),
      ("\"del\u{7f}\"", false), ("1", true), ("-0", false), ("1.0", true), ("1.50", false),
      ("1e3", false), ("1000.0", true), ("9.2", false), ("9.199999999999999", true),
      ("1e-05", true),
      ("0.00001", false), ("18446744073709551616", false), ("1.844674407370955e+19", true),
      ("[1,2]", true), ("[1, 2]", false), (#"{"a":1,"b":{"a":1}}"#, true),
      (#"{"a":1,"a":2}"#, false), (#"[{"a":1},{"a":1}]"#, true), (#"{"a":1,"\u0061":2}"#, false),
      ("[1,-0]", false), ("[\"x\ny\"]", false), ("{}", true), ("[ ]", false), ("-0.0", false),
      ("0.0", true),
    ])
  func canonical(value: String, expected: Bool) {
    let found = scan("{\"k\":\(value)}")
    #expect(found.result.error == 0)
    #expect((Int(found.members[0].flags) & WEIR_JSON_CANONICAL != 0) == expected)
    let ascii = value.utf8.allSatisfy { $0 < 0x80 }
    #expect((Int(found.members[0].flags) & WEIR_JSON_ASCII != 0) == ascii)
  }

  @Test("depth, members and keys are bounded, each with its error")
  func bounds() {
    func nested(_ levels: Int) -> String {
      #"{"a":"# + String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        + "}"
    }
    let deepest = scan(nested(Int(WEIR_JSON_DEPTH_MAX) - 1))
    #expect(deepest.result.error == 0 && deepest.result.depth == UInt32(WEIR_JSON_DEPTH_MAX))
    #expect(scan(nested(Int(WEIR_JSON_DEPTH_MAX))).result.error == UInt32(WEIR_JSON_ERROR_DEPTH))
    #expect(scan(nested(10_000)).result.error == UInt32(WEIR_JSON_ERROR_DEPTH))
    func wide(_ count: Int) -> String {
      "{" + (0..<count).map { "\"k\($0)\":1" }.joined(separator: ",") + "}"
    }
    #expect(scan(wide(64)).result.error == 0)
    #expect(scan(wide(65)).result.error == UInt32(WEIR_JSON_ERROR_MEMBERS))
    #expect(scan(wide(65)).result.count == 64)
    #expect(scan("{\"m\":\(wide(Int(WEIR_JSON_KEYS_MAX)))}").result.error == 0)
    #expect(
      scan("{\"m\":\(wide(Int(WEIR_JSON_KEYS_MAX) + 1))}").result.error
        == UInt32(WEIR_JSON_ERROR_MEMBERS))
  }

  @Test("every variant agrees with the scalar reference on valid and broken lines")
  func differential() {
    let memory = GuardedBytes()
    var valid = 0
    for seed in SeededGenerator.seeds {
      var generator = JSONGenerator(seed: seed)
      for _ in 0..<1500 {
        let source = generator.line()
        let cap = generator.random.oneIn(10) ? generator.random.below(6) : 64
        let p = memory.input(source, padding: hostilePadding)
        var expected = ScannedObject()
        var members = [weir_json_member](repeating: weir_json_member(), count: 65)
        _ = weir_json_scan_scalar(p, source.count, 9, &members, UInt32(cap), &expected.result)
        expected.members = Array(members.prefix(Int(expected.result.count)))
        valid += expected.result.error == 0 ? 1 : 0
        for variant in KernelVariant.available {
          var result = weir_json_result()
          var found = [weir_json_member](repeating: weir_json_member(), count: 65)
          _ = variant.scan(p, source.count, 9, &found, UInt32(cap), &result)
          let same =
            result.error == expected.result.error && result.end == expected.result.end
            && result.error_off == expected.result.error_off
            && result.count == expected.result.count && result.depth == expected.result.depth
            && zip(found, expected.members).allSatisfy(sameMember)
          #expect(
            same,
            "seed \(seed) \(variant) \(expected.result) but \(result), \(cap), \(text(source))")
        }
      }
    }
    #expect(valid > 1000)
  }

  private func sameMember(_ a: weir_json_member, _ b: weir_json_member) -> Bool {
    a.key_off == b.key_off && a.key_len == b.key_len && a.key_flags == b.key_flags
      && a.val_off == b.val_off && a.val_len == b.val_len && a.flags == b.flags
      && a.type == b.type && a.num.u64 == b.num.u64
  }
}
