import Glibc
import WeirBatch
public import WeirConfig
import WeirParsers

/// A compiled condition of a conditional route or processor: comparisons on stringified fields.
///
/// Immutable and shared; each lane asks through its own `ConditionLane`.
public final class Condition: Sendable {
  enum Test: Sendable {
    case equals([[UInt8]], positive: Bool)
    case compares(Double, ConditionDefinition.Comparison)
    case matches(Regex, positive: Bool)
  }

  enum Place: Sendable { case body, metadata, nowhere }

  struct Rule: Sendable {
    let accessor: RecordAccessor
    let test: Test
    let place: Place
  }

  /// Values that one `in` or `not_in` may list.
  static let valuesMax = 4096

  let rules: [Rule]
  /// Whether every rule has to hold, or one is enough.
  let needsAll: Bool

  /// Compiles a definition; its errors point at the rule.
  public init(_ definition: ConditionDefinition) throws(ConfigProblem) {
    needsAll = definition.combination == .and
    var rules: [Rule] = []
    for rule in definition.rules { rules.append(try Condition.compile(rule)) }
    self.rules = rules
  }

  /// Makes what one lane needs to ask.
  public func openLane() -> ConditionLane { ConditionLane(self) }

  private static func compile(
    _ rule: ConditionDefinition.Rule
  ) throws(ConfigProblem) -> Rule {
    let accessor: RecordAccessor
    do {
      accessor = try RecordAccessor(rule.field)
    } catch {
      throw ConfigProblem("\(error)", at: rule.location, key: "field")
    }
    guard accessor.isPath else {
      throw ConfigProblem(
        "\"\(rule.field)\" is no record accessor", at: rule.location, key: "field",
        suggestion: "write $name or $map['name']")
    }
    let place: Place =
      switch rule.context {
      case .body: .body
      case .metadata: .metadata
      default: .nowhere
      }
    return Rule(accessor: accessor, test: try test(rule), place: place)
  }

  private static func test(_ rule: ConditionDefinition.Rule) throws(ConfigProblem) -> Test {
    guard let first = rule.values.first, rule.values.count <= valuesMax else {
      throw ConfigProblem(
        "one to \(valuesMax) values are needed", at: rule.location, key: "value")
    }
    switch rule.comparison {
    case .equal: return .equals([Array(first.text.utf8)], positive: true)
    case .notEqual: return .equals([Array(first.text.utf8)], positive: false)
    case .isIn: return .equals(rule.values.map { Array($0.text.utf8) }, positive: true)
    case .isNotIn: return .equals(rule.values.map { Array($0.text.utf8) }, positive: false)
    case .regex, .notRegex:
      do {
        return .matches(try Regex(first.text), positive: rule.comparison == .regex)
      } catch {
        throw ConfigProblem("\(error)", at: rule.location, key: "value")
      }
    case .greater, .less, .greaterOrEqual, .lessOrEqual:
      return .compares(strtod(first.text, nil), rule.comparison)
    }
  }
}
