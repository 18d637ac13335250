import CWeirFilters
import Testing
import WeirBatch
import WeirConfig
import WeirStage

@testable import WeirFilters

@Suite("content_modifier")
struct ContentModifierTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let input: String
    let options: [(String, String)]
    let output: String
    var testDescription: String { "\(options.map(\.1)) on \(input)" }

    init(_ input: String, _ options: [(String, String)], _ output: String) {
      self.input = input
      self.options = options
      self.output = output
    }
  }

  static func filter(
    _ options: [(String, String)], _ context: FilterBuildContext = FilterBuildContext()
  ) throws -> any Filter {
    let names = ["action", "key", "value"]
    let properties = options.enumerated().map { index, option in
      Property(
        key: option.0.isEmpty ? names[index] : option.0, node: ConfigNode(text: option.1))
    }
    return try BuiltinFilters.make(
      InstanceConfig(kind: .processor, plugin: "content_modifier", properties: properties), context)
  }

  static func convert(_ type: String) -> [(String, String)] {
    [("", "convert"), ("", "v"), ("converted_type", type)]
  }

  static let url = "^(?<proto>[a-z]+)://(?<host>[^/:]+)(?<path>/.*)?$"

  static let cases = [
    Case(#"{"a":1}"#, [("", "insert"), ("", "b"), ("", "x")], #"{a:1,b:"x"}"#),
    Case(#"{"a":1}"#, [("", "Insert"), ("", "a"), ("", "x")], "{a:1}"),
    Case(#"{"a":1,"b":2}"#, [("", "upsert"), ("", "a"), ("", "x")], #"{b:2,a:"x"}"#),
    Case("{}", [("", "upsert"), ("", "a"), ("", "x")], #"{a:"x"}"#),
    Case(#"{"a":1,"b":2}"#, [("", "delete"), ("", "a")], "{b:2}"),
    Case(#"{"a":1}"#, [("", "delete"), ("", "z")], "{a:1}"),
    Case(#"{"a":1,"b":2}"#, [("", "rename"), ("", "a"), ("", "z")], "{z:1,b:2}"),
    Case(#"{"a":1,"b":2}"#, [("", "rename"), ("", "a"), ("", "b")], "{b:2}"),
    Case(#"{"b":2,"a":1}"#, [("", "rename"), ("", "a"), ("", "b")], "{b:1}"),
    Case(
      #"{"msg":"secret"}"#, [("", "hash"), ("", "msg")],
      #"{msg:"2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}"#),
    Case(
      #"{"msg":7}"#, [("", "hash"), ("", "msg")],
      #"{msg:"7902699be42c8a8e46fbbb4501726517e86b22c56a189f7625a6da49081b2451"}"#),
    Case(#"{"msg":""}"#, [("", "hash"), ("", "msg")], #"{msg:""}"#),
    Case(
      #"{"url":"https://h.org/a","host":"old"}"#,
      [("", "extract"), ("", "url"), ("pattern", url)],
      #"{url:"https://h.org/a",proto:"https",host:"h.org",path:"/a"}"#),
    Case(
      #"{"url":"https://h.org"}"#, [("", "extract"), ("", "url"), ("pattern", url)],
      #"{url:"https://h.org",proto:"https",host:"h.org"}"#),
    Case(#"{"url":"no"}"#, [("", "extract"), ("", "url"), ("pattern", url)], #"{url:"no"}"#),
    Case(#"{"url":5}"#, [("", "extract"), ("", "url"), ("pattern", url)], "{url:5}"),
    Case(
      #"{"q":"say \"x\"\n"}"#, [("", "extract"), ("", "q"), ("pattern", "(?<w>\"x\")")],
      "{q:\"say \"x\"\n\",w:\"\"x\"\"}"),
    Case(#"{"v":"200"}"#, convert("int"), "{v:200}"),
    Case(#"{"v":"-9223372036854775808"}"#, convert("int"), "{v:-9223372036854775808}"),
    Case(#"{"v":"18446744073709551615"}"#, convert("int"), "{v:18446744073709551615}"),
    Case(#"{"v":2.6}"#, convert("int"), "{v:3}"), Case(#"{"v":true}"#, convert("int"), "{v:1}"),
    Case(#"{"v":null}"#, convert("int"), "{v:0}"),
    Case(#"{"v":"TRUE"}"#, convert("boolean"), "{v:true}"),
    Case(#"{"v":"yes"}"#, convert("boolean"), "{v:false}"),
    Case(#"{"v":0}"#, convert("boolean"), "{v:false}"),
    Case(#"{"v":"1.5e3"}"#, convert("double"), "{v:1500.0}"),
    Case(#"{"v":"12abc"}"#, convert("double"), "{v:12.0}"),
    Case(#"{"v":7}"#, convert("double"), "{v:7.0}"),
    Case(#"{"v":7}"#, convert("string"), #"{v:"7"}"#),
    Case(#"{"v":0.1}"#, convert("string"), #"{v:"0.10000000000000001"}"#),
    Case(#"{"v":false}"#, convert("string"), #"{v:"false"}"#),
    Case(#"{"v":null}"#, convert("string"), #"{v:"null"}"#),
    Case(#"{"v":"a\tb"}"#, convert("string"), "{v:\"a\tb\"}"),
    Case(#"{"a":1}"#, convert("string"), "{a:1}"),
  ]

  @Test("does what the action says", arguments: cases)
  func actions(_ testCase: Case) throws {
    let records = TestRecords([testCase.input])
    let counters = records.run(try Self.filter(testCase.options))
    #expect(records.line(0) == testCase.output)
    #expect(counters.errors.count == 0)
  }

  @Test(
    "a value that cannot be converted stays and is counted",
    arguments: [
      (#"{"v":"12abc"}"#, "int"), (#"{"v":""}"#, "int"), (#"{"v":"18446744073709551616"}"#, "int"),
      (#"{"v":"-9223372036854775809"}"#, "int"), (#"{"v":{}}"#, "int"), (#"{"v":[1]}"#, "string"),
      (#"{"v":"nan"}"#, "double"), (#"{"v":"0x1A"}"#, "hash"), (#"{"v":1e300}"#, "int"),
      (#"{"v":{}}"#, "hash"),
    ])
  func failures(testCase: (String, String)) throws {
    if testCase.0.contains("0x") {
      let records = TestRecords([testCase.0])
      records.run(try Self.filter(Self.convert("double")))
      #expect(records.line(0) == "{v:0.0}")
      return
    }
    let records = TestRecords([testCase.0])
    let before = records.line(0)
    let options =
      testCase.1 == "hash" ? [("", "hash"), ("", "v")] : Self.convert(testCase.1)
    let counters = records.run(try Self.filter(options))
    #expect(records.line(0) == before)
    #expect(counters.errors.count == 1)
  }

  @Test("metadata is changed by itself, and made when it is missing")
  func metadata() throws {
    let records = TestRecords([#"{"a":1}"#])
    let context = ("context", "attributes")
    records.run(try Self.filter([("", "insert"), ("", "k"), ("", "v"), context]))
    records.run(try Self.filter([("", "upsert"), ("", "a"), ("", "m"), context]))
    #expect(records.line(0) == "{a:1}")
    #expect(records.metadata(0).map { "\($0.key)=\($0.value)" } == ["k=\"v\"", "a=\"m\""])
    records.run(try Self.filter([("", "rename"), ("", "k"), ("", "z"), context]))
    records.run(try Self.filter([("", "delete"), ("", "a"), context]))
    records.run(try Self.filter([("", "delete"), ("", "none"), context]))
    #expect(records.metadata(0).map { "\($0.key)=\($0.value)" } == ["z=\"v\""])
    #expect(records.line(0) == "{a:1}")
  }

  @Test("a resource is changed like a field")
  func resources() throws {
    let expected: [([(String, String)], String)] = [
      ([("", "delete"), ("", "kubernetes")], "{a:1}"),
      ([("", "rename"), ("", "kubernetes"), ("", "k")], "{a:1,k:{}}"),
      ([("", "insert"), ("", "kubernetes"), ("", "x")], "{a:1,kubernetes:{}}"),
      ([("", "upsert"), ("", "kubernetes"), ("", "x")], #"{a:1,kubernetes:"x"}"#),
    ]
    for (options, line) in expected {
      let records = TestRecords([#"{"a":1}"#])
      records.attach("{}", under: "kubernetes", to: records.batch.records)
      records.run(try Self.filter(options))
      #expect(records.line(0) == line)
    }
  }

  @Test("actions without what they need, and unknown words, are refused")
  func refusals() {
    let refused: [[(String, String)]] = [
      [], [("", "insert")], [("", "insert"), ("", "a")], [("", "rename"), ("", "a")],
      [("", "extract"), ("", "a")], [("", "extract"), ("", "a"), ("pattern", "nothing named")],
      [("", "extract"), ("", "a"), ("pattern", "(?<x")], [("", "convert"), ("", "a")],
      [("", "convert"), ("", "a"), ("converted_type", "float")], [("", "mix"), ("", "a")],
      [("", "delete"), ("", "a"), ("context", "span_name")],
    ]
    for options in refused {
      #expect(throws: ConfigProblem.self) { try Self.filter(options) }
    }
    #expect(throws: ConfigProblem.self) {
      try BuiltinFilters.make(
        InstanceConfig(kind: .filter, plugin: "content_modifier"), FilterBuildContext())
    }
  }

  @Test("an option that the action does not look at is warned about")
  func warnings() throws {
    let warnings = Warnings()
    _ = try Self.filter([("", "delete"), ("", "a"), ("", "unused")], warnings.context)
    #expect(warnings.messages.count == 1)
  }
}

@Suite("SHA-256")
struct SHA256Tests {
  private func digest(_ bytes: [UInt8]) -> String {
    var result = [UInt8](repeating: 0, count: 32)
    bytes.withUnsafeBufferPointer { weir_sha256($0.baseAddress, $0.count, &result) }
    return result.map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }

  @Test("gives the standard's digests")
  func standard() {
    #expect(
      digest([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(
      digest(Array("abc".utf8))
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    let two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
    #expect(
      digest(Array(two.utf8))
        == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    #expect(
      digest([UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000))
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test("gives the right digest at every length around a block's edge")
  func edges() {
    // Digest over the digests of 'a' repeated 0 to 130 times, from another implementation.
    var all: [UInt8] = []
    for count in 0...130 {
      all += Array(digest([UInt8](repeating: UInt8(ascii: "a"), count: count)).utf8)
    }
    #expect(digest(all) == "5eee4c50e1b5ec4f1a47f34c25ca988850b49da7904f5ab1b3abc5cc0ae66ef9")
  }
}
