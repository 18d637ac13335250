import CWeirKernels
import Testing
import WeirTestSupport

private func normalise(_ source: [UInt8], room: Int? = nil) -> Result<[UInt8], NormaliseError> {
  let input = GuardedBytes()
  let output = GuardedBytes()
  let size = room ?? 6 * source.count + 32
  let dst = output.room(size)
  let n = weir_json_normalise(
    dst, size, input.input(source, padding: hostilePadding), source.count)
  return n < 0 ? .failure(NormaliseError(code: -n)) : .success(bytes(dst, n))
}

private struct NormaliseError: Error, Equatable {
  let code: Int
}

private func normalised(_ source: String) -> String? {
  (try? normalise(Array(source.utf8)).get()).map(text)
}

@Suite("JSON rendering and access kernels")
struct KernelJSONTextTests {
  @Test(
    "values are rendered as the writer would",
    arguments: [
      (#"{ "spaced" : [ 1 , 2 ] , "k" : "v" }"#, #"{"spaced":[1,2],"k":"v"}"#),
      (#"{"a":1,"b":2,"a":3}"#, #"{"b":2,"a":3}"#),
      (#"{"a":{"x":1},"a":{"y":1,"y":2}}"#, #"{"a":{"y":2}}"#),
      (#"{"a":1,"\u0061":2,"a":3}"#, #"{"a":3}"#),
      (#"[{"a":1,"a":2},{"a":3}]"#, #"[{"a":2},{"a":3}]"#),
      (#""\u00e9 \/ \ud83d\ude00 \ud83d \u001F""#, "\"é / 😀 \u{fffd} \\u001f\""),
      (
        "[1e3,-0,1.50,1E-5,18446744073709551616,-0.0]",
        "[1000.0,0,1.5,1e-05,1.844674407370955e+19,0.0]"
      ),
      (#"[1e400,{"a":-1E999}]"#, #"["1e400",{"a":"-1E999"}]"#), (" true ", "true"), ("[ ]", "[]"),
      ("{ }", "{}"),
      (#"{"a":1,"ab":2,"a":3,"b":4}"#, #"{"ab":2,"a":3,"b":4}"#),
      ("\"raw\n\u{7f}\"", #""raw\n\u007f""#),
    ])
  func rendering(source: String, expected: String) {
    #expect(normalised(source) == expected)
  }

  @Test("broken or unbounded values are refused")
  func refused() {
    for broken in ["", "[1", "{\"a\"}", "[1,]", "{,}", "tru", "\"x", "}"] {
      #expect(normalised(broken) == nil, "\(broken)")
    }
    let deep = String(repeating: "[", count: 65) + String(repeating: "]", count: 65)
    #expect(
      normalise(Array(deep.utf8)) == .failure(NormaliseError(code: WEIR_JSON_ERROR_DEPTH)))
    #expect(
      normalise(Array("[1,2]".utf8), room: 4)
        == .failure(NormaliseError(code: WEIR_JSON_ERROR_FULL)))
  }

  @Test("thousands of duplicates leave one, in one sweep")
  func duplicates() {
    let many = (0..<4000).map { "\"k\($0 % 7)\":\($0)" }.joined(separator: ", ")
    #expect(
      normalised("{\(many)}")
        == "{" + (3993..<4000).map { "\"k\($0 % 7)\":\($0)" }.joined(separator: ",") + "}")
  }

  @Test("rendering gives canonical text, is idempotent, and leaves canonical text alone")
  func properties() throws {
    for seed in SeededGenerator.seeds {
      var generator = JSONGenerator(seed: seed)
      for _ in 0..<800 {
        let source = generator.value()
        let scanned = scanObject(Array("{\"k\":".utf8) + source + Array("}".utf8))
        guard scanned.result.error == 0 else {
          #expect(throws: NormaliseError.self) { try normalise(source).get() }
          continue
        }
        let once = try normalise(source).get()
        #expect(try normalise(once).get() == once, "seed \(seed) \(text(source))")
        let again = scanObject(Array("{\"k\":".utf8) + once + Array("}".utf8))
        #expect(again.result.error == 0, "seed \(seed) \(text(once))")
        #expect(
          Int(again.members[0].flags) & WEIR_JSON_CANONICAL != 0, "seed \(seed) \(text(once))")
        if Int(scanned.members[0].flags) & WEIR_JSON_CANONICAL != 0 {
          #expect(once == source, "seed \(seed)")
        }
        let room = generator.random.below(once.count)
        #expect(
          normalise(source, room: room) == .failure(NormaliseError(code: WEIR_JSON_ERROR_FULL)))
      }
    }
  }

  private func unescape(_ body: String) -> [UInt8] {
    let input = GuardedBytes()
    let output = GuardedBytes()
    let data = Array(body.utf8)
    let dst = output.room(data.count + 16)
    let n = weir_json_unescape(dst, input.input(data, padding: hostilePadding), data.count)
    return bytes(dst, n)
  }

  @Test("bodies are resolved to their bytes; what is no escape stays")
  func unescaping() {
    #expect(
      unescape(#"q\" b\\ s\/ n\n t\t u\u00e9 \ud83d\ude00"#)
        == Array("q\" b\\ s/ n\n t\t ué 😀".utf8))
    #expect(unescape(#"\u0000"#) == [0])
    #expect(
      unescape(#"lone \ud83d \udc00 \ud83d\u0041"#)
        == Array("lone \u{fffd} \u{fffd} \u{fffd}A".utf8))
    #expect(unescape(#"\x \u12 \"#) == Array(#"\x \u12 \"#.utf8))
    #expect(unescape("") == [])
  }

  @Test("bodies are compared by meaning")
  func comparing() {
    func equal(_ body: String, _ key: String) -> Bool {
      let memory = GuardedBytes()
      let data = Array(body.utf8)
      let p = memory.input(data, padding: hostilePadding)
      return weir_json_string_equals(p, data.count, Array(key.utf8), key.utf8.count) == 1
    }
    #expect(equal(#"caf\u00e9"#, "café") && equal(#"\/a\n"#, "/a\n") && equal("", ""))
    #expect(!equal(#"caf\u00e9"#, "caf") && !equal("caf", "café") && !equal(#"\n"#, "n"))
  }

  private func find(_ source: String, _ key: String) -> (Int32, String) {
    let memory = GuardedBytes()
    let data = Array(source.utf8)
    let p = memory.input(data, padding: hostilePadding)
    var member = weir_json_member()
    let found = weir_json_find_member(p, data.count, Array(key.utf8), key.utf8.count, &member)
    return (found, text(bytes(p + Int(member.val_off), Int(member.val_len))))
  }

  private func element(_ source: String, _ index: Int) -> (Int32, String) {
    let memory = GuardedBytes()
    let data = Array(source.utf8)
    let p = memory.input(data, padding: hostilePadding)
    var member = weir_json_member()
    let found = weir_json_element(p, data.count, index, &member)
    return (found, text(bytes(p + Int(member.val_off), Int(member.val_len))))
  }

  @Test("members are found by their meaning, the last duplicate, and elements by index")
  func access() {
    let object = #" { "a" : 1 , "b" : { "c" : [ "x" , 2 ] } , "\u0061" : "two" } "#
    #expect(find(object, "a") == (1, "two") && find(object, "b") == (1, #"{ "c" : [ "x" , 2 ] }"#))
    #expect(find(object, "c").0 == 0 && find("{}", "a").0 == 0 && find("[1]", "a").0 == 0)
    #expect(find("{\"a\":1", "a").0 == Int32(-WEIR_JSON_ERROR_CUT))
    #expect(element("[ \"x\" , 2,[3]]", 0) == (1, "x") && element("[\"x\",2,[3]]", 2) == (1, "[3]"))
    #expect(element("[1]", 1).0 == 0 && element("[]", 0).0 == 0 && element("{\"a\":1}", 0).0 == 0)
    #expect(element("[1 2]", 1).0 == Int32(-WEIR_JSON_ERROR_SYNTAX))
    #expect(element("", 0).0 == Int32(-WEIR_JSON_ERROR_CUT))
  }

  @Test("access kernels survive any bytes")
  func hostile() {
    let memory = GuardedBytes()
    let output = GuardedBytes()
    for seed in SeededGenerator.seeds {
      var generator = JSONGenerator(seed: seed)
      for _ in 0..<1500 {
        let source = generator.line()
        let n = source.count
        let p = memory.input(source, padding: hostilePadding)
        var member = weir_json_member()
        var result = weir_json_result()
        for found in [
          weir_json_find_member(p, n, [97], 1, &member),
          weir_json_element(p, n, generator.random.below(4), &member),
        ] where found == 1 {
          #expect(Int(member.val_off) + Int(member.val_len) <= n, "seed \(seed) \(text(source))")
        }
        if weir_json_value(p, n, &member, &result) == 0 {
          #expect(Int(result.end) <= n && Int(member.val_off + member.val_len) <= Int(result.end))
        }
        #expect(weir_json_unescape(output.room(n + 16), p, n) <= n)
        #expect(weir_json_normalise_string(output.room(6 * n + 16), p, n) <= 6 * n)
      }
    }
  }
}
