import Synchronization
import Testing
import WeirBatch
import WeirConfig

@testable import WeirFilters

@Suite("record_modifier")
struct RecordModifierFilterTests {
  static let input = [
    #"{"a":"1","b":"2","Mem.total":"x","Mem.free":"y","c":{"d":"e"}}"#,
    #"{"b":"only","n":7,"t":true,"z":null}"#,
  ]

  private func run(
    _ options: KeyValuePairs<String, String>, _ lines: [String] = input
  ) throws -> [String] {
    let records = TestRecords(lines)
    records.run(try BuiltinFilters.test("record_modifier", options))
    return records.lines
  }

  @Test("removes keys whatever their case, and those with a prefix")
  func removes() throws {
    let options: KeyValuePairs = ["remove_key": "B", "remove_key": "mem*", "remove_key": "zz"]
    #expect(try run(options) == [#"{a:"1",c:{"d":"e"}}"#, "{n:7,t:true,z:null}"])
  }

  @Test("keeps only what is allowed")
  func allows() throws {
    let options: KeyValuePairs = [
      "allowlist_key": "A", "whitelist_key": "mem*", "record": "added 1",
    ]
    #expect(
      try run(options) == [#"{a:"1",Mem.total:"x",Mem.free:"y",added:"1"}"#, #"{added:"1"}"#])
  }

  @Test("appends text and never replaces: the last one counts")
  func appends() throws {
    let records = TestRecords(Self.input)
    records.run(
      try BuiltinFilters.test("record_modifier", ["record": "a second", "record": "num 5"]))
    #expect(records.objects[0]["a"] == "\"second\"")
    #expect(records.line(0).hasPrefix(#"{a:"1","#))
    #expect(records.line(1) == #"{b:"only",n:7,t:true,z:null,a:"second",num:"5"}"#)
  }

  @Test("a record rule needs two words; quotes group; others are left out with a warning")
  func words() throws {
    let warnings = Warnings()
    let filter = try BuiltinFilters.test(
      "record_modifier",
      ["record": "quoted \"two words\"", "record": "toomany one two", "record": "alone"],
      warnings.context)
    let records = TestRecords(["{}"])
    records.run(filter)
    #expect(records.lines == [#"{quoted:"two words"}"#])
    #expect(warnings.messages.count == 2)
  }

  @Test("gives every record a UUID of its own")
  func uuids() throws {
    let counter = Atomic<Int>(0)
    let context = FilterBuildContext(random: { bytes in
      for index in bytes.indices { bytes[index] = 0xff }
      counter.add(1, ordering: .relaxed)
    })
    let filter = try BuiltinFilters.test("record_modifier", ["uuid_key": "id"], context)
    let records = TestRecords(Array(repeating: "{}", count: 33))
    records.run(filter)
    #expect(records.lines[0] == #"{id:"ffffffff-ffff-4fff-bfff-ffffffffffff"}"#)
    #expect(counter.load(ordering: .relaxed) == 3)
    let random = TestRecords(Array(repeating: "{}", count: 40))
    random.run(try BuiltinFilters.test("record_modifier", ["uuid_key": "id"]))
    #expect(Set(random.lines).count == 40)
  }

  @Test("removing and allowing exclude each other")
  func exclusive() {
    #expect(throws: ConfigProblem.self) {
      try BuiltinFilters.test("record_modifier", ["remove_key": "a", "allowlist_key": "b"])
    }
  }

  @Test("a resource is removed, kept and overshadowed like a field")
  func resources() throws {
    let expected: [(KeyValuePairs<String, String>, String)] = [
      (["remove_key": "KUBE*"], "{a:1}"), (["allowlist_key": "a"], "{a:1}"),
      (["allowlist_key": "kubernetes"], "{kubernetes:{}}"),
      (["record": "kubernetes x"], #"{a:1,kubernetes:"x"}"#),
      (["record": "b x"], #"{a:1,b:"x",kubernetes:{}}"#),
    ]
    for (options, line) in expected {
      let records = TestRecords([#"{"a":1}"#])
      records.attach("{}", under: "kubernetes", to: records.batch.records)
      records.run(try BuiltinFilters.test("record_modifier", options))
      #expect(records.line(0) == line)
    }
  }
}
