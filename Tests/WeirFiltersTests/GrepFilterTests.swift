import Testing
import WeirBatch
import WeirConfig

@testable import WeirFilters

@Suite("grep")
struct GrepFilterTests {
  static let input = [
    #"{"n":1,"level":"info","msg":"start","k":{"l":{"app":"web","a.b/c":"x-x"}}}"#,
    #"{"n":2,"level":"error","msg":"boom now","k":{"l":{"app":"api"}}}"#,
    #"{"n":3,"level":"debug","msg":"noise\tand \"more\"","k":{"l":{"app":"web"}}}"#,
    #"{"n":4,"level":"ERROR","msg":"","flag":true}"#,
    #"{"n":5,"msg":"no level","code":404,"list":["a","b"]}"#,
  ]

  struct Case: Sendable, CustomTestStringConvertible {
    let options: [(String, String)]
    let kept: [Int]
    var testDescription: String { options.map { "\($0.0) \($0.1)" }.joined(separator: "; ") }

    init(_ options: [(String, String)], _ kept: [Int]) {
      self.options = options
      self.kept = kept
    }
  }

  static let cases = [
    Case([], [1, 2, 3, 4, 5]),
    Case([("regex", "level ^(info|error)$")], [1, 2]),
    Case([("regex", "level (?i)error")], [2, 4]),
    Case([("exclude", "level ^(info|debug)$")], [2, 4, 5]),
    Case([("regex", "level error"), ("regex", "msg start")], [2]),
    Case([("exclude", "msg boom"), ("regex", "level (?i)error")], [4]),
    Case([("regex", "level (?i)error"), ("exclude", "msg boom")], [2, 4]),
    Case([("exclude", "msg boom"), ("exclude", "msg start")], [3, 4, 5]),
    Case(
      [("logical_op", "AND"), ("exclude", "level error"), ("exclude", "msg boom")], [1, 3, 4, 5]),
    Case([("logical_op", "and"), ("regex", "level .*"), ("regex", "msg ^b")], [2]),
    Case([("logical_op", "or"), ("regex", "level debug"), ("regex", "msg ^b")], [2, 3]),
    Case([("logical_op", "OR"), ("exclude", "level debug"), ("exclude", "msg boom")], [1, 4, 5]),
    Case([("logical_op", "and")], [1, 2, 3, 4, 5]),
    Case([("regex", "n .")], []),
    Case([("exclude", "n .")], [1, 2, 3, 4, 5]),
    Case([("regex", "flag true")], []),
    Case([("regex", "code 404")], []),
    Case([("regex", "k app")], []),
    Case([("regex", "msg ^$")], [4]),
    Case([("regex", "$k['l']['app'] ^web$")], [1, 3]),
    Case([("exclude", "$k['l']['a.b/c'] -x$")], [2, 3, 4, 5]),
    Case([("regex", "$list[1] b")], [5]),
    Case([("regex", #"msg boom now|^no level$|"more""#)], [2, 3, 5]),
    Case([("regex", #"msg noise\tand "more""#)], [3]),
    Case([("regex", "level nothing-like-this")], []),
    Case([("regex", "missing .*")], []),
  ]

  @Test("keeps what the rules say", arguments: cases)
  func keeps(_ testCase: Case) throws {
    let properties = testCase.options.map {
      Property(key: $0.0, node: ConfigNode(text: $0.1))
    }
    let config = InstanceConfig(kind: .filter, plugin: "grep", properties: properties)
    let records = TestRecords(Self.input)
    records.run(try BuiltinFilters.make(config, FilterBuildContext()))
    let kept = (0..<Self.input.count).filter { !records.isDropped($0) }.map { $0 + 1 }
    #expect(kept == testCase.kept)
  }

  @Test("a lane serves batch after batch, and looks at the selection only")
  func selection() throws {
    let filter = try BuiltinFilters.test("grep", ["regex": "level info"])
    let lane = filter.openLane(.init(index: 0))
    for _ in 0..<3 {
      let records = TestRecords(Self.input)
      records.batch.records[4].flags |= 1
      records.run(lane)
      #expect(records.lines.count == 1)
    }
  }

  @Test("mixed kinds with a logical operator, missing patterns and bad expressions are refused")
  func refusals() {
    let refused: [KeyValuePairs<String, String>] = [
      ["logical_op": "and", "regex": "a b", "exclude": "c d"],
      ["logical_op": "xor"], ["regex": "a"], ["regex": "a "], ["regex": "a (unclosed"],
      ["regex": "$a['b b"], ["regex": "$a.b c"], ["regex": "$TAG x"],
    ]
    for options in refused {
      #expect(throws: ConfigProblem.self) { try BuiltinFilters.test("grep", options) }
    }
  }

  @Test("an exclude behind the regex that decides, and a second blank, are warned about")
  func warnings() throws {
    let warnings = Warnings()
    _ = try BuiltinFilters.test(
      "grep", ["regex": "level x", "exclude": "msg  y"], warnings.context)
    #expect(warnings.messages.count == 2)
    let quiet = Warnings()
    _ = try BuiltinFilters.test("grep", ["exclude": "msg y", "regex": "level x"], quiet.context)
    #expect(quiet.messages.isEmpty)
  }
}
