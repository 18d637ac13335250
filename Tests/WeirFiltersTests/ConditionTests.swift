import CWeirPlugin
import Testing
import WeirBatch
import WeirConfig

@testable import WeirFilters

@Suite("conditions")
struct ConditionTests {
  typealias Comparison = ConditionDefinition.Comparison

  static let input = [
    #"{"s":"abc","n":5,"f":1.5,"t":true,"z":null,"k":{"l":{"a.b":"deep"},"m":[1,2]}}"#,
    #"{"s":"5","n":-3,"f":2.25,"t":false}"#,
    #"{"s":"q\"uote\n","n":18446744073709551615,"t":"true"}"#,
    #"{}"#,
  ]

  static func rule(
    _ field: String, _ comparison: Comparison, _ values: [String],
    _ context: ConditionDefinition.Context = .body
  ) -> ConditionDefinition.Rule {
    ConditionDefinition.Rule(
      field: field, comparison: comparison, values: values.map { TypedScalar(plain: $0) },
      context: context)
  }

  static let cases: [(String, Comparison, [String], [Int])] = [
    ("$s", .equal, ["abc"], [1]), ("$s", .notEqual, ["abc"], [2, 3, 4]),
    ("$n", .equal, ["5"], [1]), ("$s", .equal, ["5"], [2]), ("$f", .equal, ["1.500000"], []),
    ("$t", .equal, ["true"], [1, 3]), ("$z", .equal, ["null"], [1]),
    ("$k['l']['a.b']", .equal, ["deep"], [1]), ("$k['m']", .equal, ["[1,2]"], [1]),
    ("$k['m'][1]", .equal, ["2"], [1]), ("$n", .greater, ["0"], [1, 3]),
    ("$n", .less, ["0"], [2]), ("$n", .less, ["1"], [2, 4]), ("$s", .greater, ["4"], [2]),
    ("$s", .greaterOrEqual, ["5"], [2]), ("$f", .lessOrEqual, ["1.5"], [1, 3, 4]),
    ("$f", .greaterOrEqual, ["1.5"], [1, 2]), ("$s", .regex, ["^[a-c]+$"], [1]),
    ("$s", .notRegex, ["^[a-c]+$"], [2, 3, 4]), ("$s", .regex, ["q\"u"], [3]),
    ("$n", .regex, ["^-"], [2]), ("$s", .isIn, ["abc", "5"], [1, 2]),
    ("$s", .isNotIn, ["abc", "5"], [3, 4]), ("$n", .isIn, ["5", "-3"], [1, 2]),
  ]

  private func met(_ condition: Condition, _ records: TestRecords) -> [Int] {
    let lane = condition.openLane()
    let all = (0..<UInt32(records.batch.recordCount)).map { $0 }
    let one = all.filter { lane.evaluate(records.batch, records.batch.records + Int($0)) }
    let selected = all.withUnsafeBufferPointer { Array(lane.select(records.batch, $0)) }
    #expect(one == selected)
    return selected.map { Int($0) + 1 }
  }

  @Test("compare the stringified field", arguments: cases)
  func compares(testCase: (String, Comparison, [String], [Int])) throws {
    for combination in [ConditionDefinition.Combination.and, .or] {
      let condition = try Condition(
        ConditionDefinition(
          combination: combination, rules: [Self.rule(testCase.0, testCase.1, testCase.2)]))
      #expect(met(condition, TestRecords(Self.input)) == testCase.3)
    }
  }

  @Test("and needs all rules, or needs one")
  func combinations() throws {
    let rules = [
      Self.rule("$n", .greater, ["0"]), Self.rule("$t", .equal, ["true"]),
      Self.rule("$s", .equal, ["abc"]),
    ]
    let all = try Condition(ConditionDefinition(combination: .and, rules: rules))
    #expect(met(all, TestRecords(Self.input)) == [1])
    let any = try Condition(ConditionDefinition(combination: .or, rules: rules))
    #expect(met(any, TestRecords(Self.input)) == [1, 3])
    let none = try Condition(ConditionDefinition(rules: [], isDefault: true))
    #expect(met(none, TestRecords(Self.input)) == [1, 2, 3, 4])
  }

  @Test("a context that a record does not have fails its rule")
  func contexts() throws {
    let missing = Self.rule("$s", .notEqual, ["x"], .groupMetadata)
    let body = Self.rule("$s", .equal, ["abc"])
    let and = try Condition(ConditionDefinition(combination: .and, rules: [missing, body]))
    #expect(met(and, TestRecords(Self.input)).isEmpty)
    let or = try Condition(ConditionDefinition(combination: .or, rules: [missing, body]))
    #expect(met(or, TestRecords(Self.input)) == [1])
    let metadata = try Condition(
      ConditionDefinition(rules: [Self.rule("$lvl", .equal, ["high"], .metadata)]))
    let records = TestRecords(["{}", "{}"])
    let attributes: KeyValuePairs = [
      "action": "insert", "key": "lvl", "value": "high", "context": "attributes",
    ]
    let lane = try BuiltinFilters.test("content_modifier", attributes)
      .openLane(.init(index: 0))
    [UInt32(1)].withUnsafeBufferPointer {
      lane.process(records.batch, $0, .init(kind: .filter, name: "t"))
    }
    #expect(met(metadata, records) == [2])
  }

  @Test("a processor works on the records that meet its condition only")
  func processors() throws {
    let definition = ProcessorDefinition(
      instance: InstanceConfig(
        kind: .processor, plugin: "modify", options: ["set": "hit yes"]),
      condition: ConditionDefinition(rules: [Self.rule("$n", .less, ["0"])]))
    let records = TestRecords(Self.input)
    records.run(try BuiltinFilters.makeProcessor(definition, FilterBuildContext()))
    #expect(records.objects.map { $0["hit"] != nil } == [false, true, false, false])
  }

  @Test("bad fields, expressions and empty lists are refused with their place")
  func refusals() {
    let refused = [
      Self.rule("s", .equal, ["x"]), Self.rule("$a['", .equal, ["x"]),
      Self.rule("$a.$b", .equal, ["x"]), Self.rule("$a", .regex, ["("]),
      Self.rule("$a", .isIn, []),
    ]
    for rule in refused {
      #expect(throws: ConfigProblem.self) { try Condition(ConditionDefinition(rules: [rule])) }
    }
  }
}
