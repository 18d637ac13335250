import Testing
import WeirConfig
import WeirTestSupport

@testable import WeirPluginHost

@Suite("options schemas")
struct SchemaTests {
  static let full = """
    {"type": "object", "required": ["name"], "properties": {
      "name": {"type": "string", "description": "who"},
      "level": {"type": "string", "enum": ["low", "high"], "default": "low"},
      "size": {"type": "integer", "unit": "bytes", "minimum": 10, "maximum": 1000000},
      "wait": {"type": "integer", "unit": "seconds", "default": "2m"},
      "ratio": {"type": "number", "minimum": 0, "maximum": 1},
      "keys": {"type": "array", "items": {"type": "string"}},
      "token": {"type": "string", "secret": true},
      "old": {"type": "boolean", "deprecated": "new"},
      "tree": {"type": "object"}}}
    """

  private func finish(_ options: [(String, String)]) throws -> OptionNode {
    let properties = options.enumerated().map {
      Property(
        key: $1.0,
        node: ConfigNode(text: $1.1, at: SourceLocation(file: "f.conf", line: $0 + 1, column: 2)))
    }
    return try OptionsSchema(json: Self.full).finish(properties)
  }

  private func node(_ root: OptionNode, _ path: String) throws -> OptionNode {
    try #require(root.node(at: path))
  }

  @Test("options are typed, and missing ones have their defaults")
  func finished() throws {
    let root = try finish([
      ("name", "x"), ("size", "2k"), ("ratio", "0.5"), ("keys", "a"), ("keys", "b"),
    ])
    #expect(try node(root, "name").value == .text("x"))
    #expect(try node(root, "size").integer == 2000)
    #expect(try node(root, "wait").integer == 120)
    #expect(try node(root, "ratio").number == 0.5)
    #expect(try node(root, "level").text.string == "low")
    #expect(try node(root, "keys").children.map(\.text.string) == ["a", "b"])
    #expect(try node(root, "keys[1]").placeText == "f.conf:5:2: ")
    #expect(root.node(at: "token") == nil)
  }

  @Test(
    "values that are not accepted are refused with what is",
    arguments: [
      ("size", "9", "from 10 to 1000000"), ("size", "big", "a whole number of bytes"),
      ("level", "middle", "low, high"), ("ratio", "1.5", "a number from 0"),
      ("old", "perhaps", "true, on, yes"),
    ])
  func refused(key: String, value: String, words: String) {
    do {
      _ = try finish([("name", "x"), (key, value)])
      Issue.record("\(key) \(value) passed")
    } catch {
      #expect("\(error)".contains("f.conf:2:2"))
      #expect("\(error)".contains(words), "\(error)")
    }
  }

  @Test("a missing option that has to be there is named; a secret is not repeated")
  func requiredAndSecret() throws {
    #expect(throws: ConfigProblem.self) { try finish([]) }
    let schema = try OptionsSchema(
      json: #"{"type":"object","properties":{"pin":{"type":"integer","secret":true}}}"#)
    do {
      _ = try schema.finish([Property(key: "pin", node: ConfigNode(text: "hunter2"))])
      Issue.record("the pin passed")
    } catch {
      #expect(!error.description.contains("hunter2"))
    }
  }

  @Test("the configuration's validator gets the same table")
  func table() throws {
    let table = try OptionsSchema(json: Self.full).table(
      kind: .filter, name: "Demo", help: "a demo")
    #expect(table.name == "demo")
    #expect(table.option("size")?.type == .size && table.option("wait")?.type == .time)
    #expect(table.option("level")?.type == .choice(["low", "high"]))
    #expect(table.option("keys")?.isRepeatable == true)
    #expect(table.option("token")?.isSecret == true)
    #expect(table.option("old")?.deprecated == "new")
    #expect(table.option("name")?.isRequired == true)
    #expect(!table.acceptsAnyOption)
  }

  @Test("maps are handed over as they were written, with types for what is not quoted")
  func trees() throws {
    let place = SourceLocation(file: "f.yaml", line: 3, column: 7)
    let map = ConfigNode(
      .map([
        ConfigEntry(key: "n", keyLocation: place, value: ConfigNode(text: "7", at: place)),
        ConfigEntry(
          key: "s", keyLocation: place,
          value: ConfigNode(text: "7", style: .singleQuoted, at: place)),
        ConfigEntry(
          key: "l", keyLocation: place,
          value: ConfigNode(.list([ConfigNode(text: "true", at: place)]), at: place)),
      ]), at: place)
    let root = try OptionsSchema(json: Self.full).finish([
      Property(key: "name", node: ConfigNode(text: "x")), Property(key: "tree", node: map),
    ])
    #expect(try node(root, "tree.n").value == .integer(7))
    #expect(try node(root, "tree.s").value == .text("7"))
    #expect(try node(root, "tree.l[0]").value == .bool(true))
    #expect(try node(root, "tree.l[0]").placeText == "f.yaml:3:7: ")
  }

  @Test(
    "a schema that promises what no host keeps is refused",
    arguments: [
      "[]", "{", #"{"type":"array"}"#, #"{"type":"object","patternProperties":{}}"#,
      #"{"type":"object","properties":{"a":{}}}"#,
      #"{"type":"object","properties":{"a":{"type":"string","pattern":"x"}}}"#,
      #"{"type":"object","properties":{"A":{"type":"string"}}}"#,
      #"{"type":"object","properties":{"a":{"type":"integer","default":"x"}}}"#,
      #"{"type":"object","properties":{"a":{"type":"integer","unit":"miles"}}}"#,
      #"{"type":"object","properties":{"a":{"type":"array","items":{"type":"object"}}}}"#,
      #"{"type":"object","required":["b"]}"#, #"{"type":"object"} x"#,
      #"{"type":"object","type":"object"}"#,
    ])
  func badSchemas(text: String) {
    #expect(throws: SchemaError.self) { _ = try OptionsSchema(json: text) }
  }

  @Test("random texts never crash the schema reader")
  func fuzz() {
    let seed = UInt64.random(in: 1...1 << 40)
    var random = SeededGenerator(seed: seed)
    let base = Array(Self.full.utf8)
    for _ in 0..<3000 {
      var bytes = base
      for _ in 0..<Int(random.next() % 6 + 1) {
        let at = Int(random.next() % UInt64(bytes.count))
        switch random.next() % 3 {
        case 0: bytes[at] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes.remove(at: at)
        default: bytes.insert(base[Int(random.next() % UInt64(base.count))], at: at)
        }
      }
      _ = try? OptionsSchema(json: String(decoding: bytes, as: UTF8.self))
    }
    #expect(Bool(true), "seed \(seed)")
  }
}
