import Testing
import WeirBatch
import WeirConfig
import WeirStage

@testable import WeirFilters

@Suite("modify")
struct ModifyFilterTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let input: String
    let rules: [String]
    let output: String
    var testDescription: String { "\(rules) on \(input)" }

    init(_ input: String, _ rules: [String], _ output: String) {
      self.input = input
      self.rules = rules
      self.output = output
    }
  }

  static func filter(_ rules: [String]) throws -> any Filter {
    let properties = rules.map { rule in
      let words = rule.split(separator: " ", maxSplits: 1)
      return Property(
        key: String(words[0]), node: ConfigNode(text: String(words[1])))
    }
    return try BuiltinFilters.make(
      InstanceConfig(kind: .filter, plugin: "modify", properties: properties),
      FilterBuildContext())
  }

  static let abc = #"{"a":"1","b":2,"c":{"d":"e"}}"#

  static let cases = [
    Case(abc, ["set a x"], #"{b:2,c:{"d":"e"},a:"x"}"#),
    Case(abc, ["set z 7"], #"{a:"1",b:2,c:{"d":"e"},z:"7"}"#),
    Case(abc, ["Set a x", "SET a y"], #"{b:2,c:{"d":"e"},a:"y"}"#),
    Case(abc, ["add a x", "add z x"], #"{a:"1",b:2,c:{"d":"e"},z:"x"}"#),
    Case(abc, ["remove a", "remove z"], #"{b:2,c:{"d":"e"}}"#),
    Case(#"{"a":1,"a":2,"b":3}"#, ["remove a"], "{b:3}"),
    Case(#"{"Mem.a":1,"Member":2,"mem":3}"#, ["remove_wildcard Mem"], "{mem:3}"),
    Case(#"{"Mem.a":1,"Mem*":2}"#, ["remove_wildcard Mem*"], "{Mem.a:1}"),
    Case(#"{"n":1,"nn":2,"z":null}"#, ["remove_regex ^[nz]$"], "{nn:2}"),
    Case(abc, ["rename a z"], #"{z:"1",b:2,c:{"d":"e"}}"#),
    Case(abc, ["rename a b"], #"{a:"1",b:2,c:{"d":"e"}}"#),
    Case(abc, ["rename x b"], #"{a:"1",b:2,c:{"d":"e"}}"#),
    Case(abc, ["hard_rename a b"], #"{b:"1",c:{"d":"e"}}"#),
    Case(abc, ["hard_rename c a"], #"{b:2,a:{"d":"e"}}"#),
    Case(abc, ["hard_rename a a"], #"{a:"1",b:2,c:{"d":"e"}}"#),
    Case(abc, ["hard_rename x a"], #"{a:"1",b:2,c:{"d":"e"}}"#),
    Case(abc, ["copy a z"], #"{a:"1",z:"1",b:2,c:{"d":"e"}}"#),
    Case(abc, ["copy a b"], #"{a:"1",b:2,c:{"d":"e"}}"#),
    Case(abc, ["hard_copy a b"], #"{a:"1",b:"1",c:{"d":"e"}}"#),
    Case(abc, ["hard_copy c a"], #"{b:2,c:{"d":"e"},a:{"d":"e"}}"#),
    Case(#"{"a":1,"a":2,"b":3}"#, ["hard_copy a b"], "{a:1,a:2,b:3}"),
    Case(#"{"a":1,"b":2,"b":3}"#, ["hard_copy a b"], "{a:1,b:2,b:3}"),
    Case(#"{"a":1,"xb":2,"c":3,"xd":4}"#, ["move_to_start x"], "{xb:2,xd:4,a:1,c:3}"),
    Case(#"{"a":1,"xb":2,"c":3,"xd":4}"#, ["move_to_start x*"], "{xb:2,xd:4,a:1,c:3}"),
    Case(#"{"xa":1,"b":2,"xc":3,"d":4}"#, ["move_to_end x"], "{b:2,d:4,xa:1,xc:3}"),
    Case(
      abc, ["rename a x", "copy x y", "set x changed", "remove b", "add b back"],
      #"{y:"1",c:{"d":"e"},x:"changed",b:"back"}"#),
    Case(
      #"{"b":1}"#,
      [
        #"set "key with blank" "value with  blanks""#, #"set q 'single "double" inside'"#,
        #"set e "back\\slash \"q\"""#, #"rename b "b b""#,
      ],
      #"{b b:1,key with blank:"value with  blanks",q:"single "double" inside""#
        + #",e:"back\slash "q""}"#),
    Case("{}", ["set a one two"], #"{a:"one two"}"#),
    Case("{}", ["set a ''"], #"{a:""}"#),
  ]

  @Test("rules run one after the other", arguments: cases)
  func rules(_ testCase: Case) throws {
    let records = TestRecords([testCase.input])
    let counters = records.run(try Self.filter(testCase.rules))
    #expect(records.line(0) == testCase.output)
    #expect(counters.errors.count == 0)
  }

  static let conditionInput = [
    #"{"a":"1","b":"2","Mem.total":"x","Mem.free":"y","c":{"d":"e"}}"#,
    #"{"b":"only","n":7,"t":true,"z":null}"#,
    #"{"a":"5","Mem.total":"q"}"#,
    #"{"Mem.x":"x","a":5}"#,
    #"{"b":"on\"ly","t":false,"esc":"tab\there"}"#,
  ]

  static let conditionCases: [([String], [Int])] = [
    (["key_exists a"], [1, 3, 4]), (["key_exists $c['d']"], [1]), (["key_exists z"], [2]),
    (["key_does_not_exist a"], [2, 5]), (["a_key_matches ^Mem"], [1, 3, 4]),
    (["no_key_matches ^Mem"], [2, 5]), (["key_value_equals b only"], [2]),
    (["key_value_equals n 7"], []), (["key_value_equals t true"], []),
    ([#"key_value_equals b 'on"ly'"#], [5]), (["key_value_equals esc \"tab\there\""], [5]),
    (["key_value_does_not_equal b only"], [1, 5]), (["key_value_does_not_equal n 7"], [2]),
    (["key_value_matches b ^on"], [2, 5]), (["key_value_matches t ^true$"], [2]),
    (["key_value_matches n 7"], []), (["key_value_does_not_match b ^on"], [1]),
    (["key_value_does_not_match n 7"], [2]), (["key_value_does_not_match t true"], [5]),
    (["matching_keys_have_matching_values ^Mem ^x$"], [2, 4, 5]),
    (["matching_keys_do_not_have_matching_values ^Mem ^x$"], [1, 3]),
    (["matching_keys_have_matching_values ^t$ true|false"], [1, 2, 3, 4, 5]),
    (["key_exists a", "key_value_equals $c['d'] e"], [1]),
    (["Key_Exists a", "key_does_not_exist b"], [3, 4]),
  ]

  @Test("all conditions have to hold", arguments: conditionCases)
  func conditions(testCase: ([String], [Int])) throws {
    let records = TestRecords(Self.conditionInput)
    records.run(try Self.filter(testCase.0.map { "condition " + $0 } + ["set hit yes"]))
    let hits = records.objects.indices.filter { records.objects[$0]["hit"] == "\"yes\"" }
    #expect(hits.map { $0 + 1 } == testCase.1)
  }

  @Test("what cannot be a rule or condition is refused")
  func refusals() {
    let refused = [
      "set a", "add a", "remove a b", "rename a", "rename a b c", "remove_regex (",
      "condition key_exists", "condition nothing a", "condition key_value_equals a",
      "condition key_value_matches a (", "condition key_exists a b", "condition key_exists $a['",
      "condition a_key_matches", "condition a_key_matches [", "move_to_end a b",
    ]
    for rule in refused {
      #expect(throws: ConfigProblem.self, "\(rule)") { try Self.filter([rule]) }
    }
  }

  @Test("a resource takes part as the last field")
  func resources() throws {
    let pod = #"{"pod":"p"}"#
    let expected: [(String, String)] = [
      ("remove kubernetes", "{a:1}"), ("remove_wildcard kube", "{a:1}"),
      ("remove_regex ^k", "{a:1}"), ("rename kubernetes k", "{a:1,k:\(pod)}"),
      ("hard_rename a kubernetes", "{kubernetes:1}"),
      ("rename a kubernetes", "{a:1,kubernetes:\(pod)}"),
      ("copy kubernetes k", "{a:1,kubernetes:\(pod),k:\(pod)}"),
      ("set kubernetes x", #"{a:1,kubernetes:"x"}"#),
      ("add kubernetes x", "{a:1,kubernetes:\(pod)}"),
      ("move_to_start kube", "{kubernetes:\(pod),a:1}"), ("remove b", "{a:1,kubernetes:\(pod)}"),
    ]
    for (rule, line) in expected {
      let records = TestRecords([#"{"a":1}"#, #"{"a":1}"#])
      records.attach(pod, under: "kubernetes", to: records.batch.records)
      records.attach(pod, under: "kubernetes", to: records.batch.records + 1)
      records.run(try Self.filter([rule]))
      #expect(records.line(0) == line, "\(rule)")
      #expect(records.line(1) == line, "\(rule)")
    }
    let hits = TestRecords([#"{"a":1}"#])
    hits.attach(pod, under: "kubernetes", to: hits.batch.records)
    hits.run(try Self.filter(["condition a_key_matches ^kube", "set hit yes"]))
    hits.run(try Self.filter(["condition key_value_equals $kubernetes['pod'] p", "set two yes"]))
    #expect(hits.line(0) == #"{a:1,hit:"yes",two:"yes",kubernetes:{"pod":"p"}}"#)
  }

  @Test("a full batch keeps its records as they are and counts")
  func fullBatch() throws {
    let records = TestRecords([#"{"a":1}"#, #"{"a":2}"#], scratchBytes: 8)
    let counters = records.run(try Self.filter(["set b 123456789"]))
    #expect(records.lines == ["{a:1}", "{a:2}"])
    #expect(counters.errors.count == 2)
    let tight = TestRecords([#"{"a":1}"#], fields: 6)
    let full = tight.run(try Self.filter((0..<9).map { "set b\($0) x" }))
    #expect(full.errors.count > 0)
    #expect(tight.objects[0]["a"] == "1")
  }
}
