public import WeirConfig

/// The rules of a regex multiline parser: a state machine over lines.
public final class MultilineRules: Sendable {
  /// The state before a record begins.
  public static let startState = "start_state"
  /// Rules of one parser at most.
  public static let rulesMax = 256

  /// What a line is to a record.
  public enum Step: Equatable, Sendable {
    /// No rule takes it.
    case none
    /// It begins a record; the state after it.
    case begin(Int)
    /// It goes on with the open record; the state after it.
    case go(Int)
  }

  private struct Rule: Sendable {
    var regex: Regex
    var toState: Int
  }

  /// The rules that apply in each state, in their order.
  private let rules: [[Rule]]

  /// Number of the state in which a record is complete.
  public static let start = 0

  /// Compiles rules and resolves their states.
  ///
  /// - Throws: `ParserError.definition` when the first rule is not one of `start_state` or a state
  ///   leads nowhere; `ParserError.configuration` for expressions that cannot be used.
  public init(
    _ parser: String, _ definitions: [MultilineParserDefinition.Rule]
  ) throws(ParserError) {
    guard let first = definitions.first else {
      throw .definition(parser: parser, reason: "type regex needs at least one rule")
    }
    guard definitions.count <= Self.rulesMax else {
      throw .definition(parser: parser, reason: "more than \(Self.rulesMax) rules")
    }
    guard first.fromStates.contains(where: { $0 == Self.startState }) else {
      throw .definition(parser: parser, reason: "the first rule has to be of 'start_state'")
    }
    var states = [Self.startState: Self.start]
    for definition in definitions {
      for name in definition.fromStates where states[name] == nil { states[name] = states.count }
    }
    var compiled: [[Rule]] = Array(repeating: [], count: states.count)
    var problems: [ConfigProblem] = []
    for definition in definitions {
      guard let toState = states[definition.toState] else {
        throw .definition(
          parser: parser, reason: "a rule leads to '\(definition.toState)', which no rule begins")
      }
      let rule: Rule
      do { rule = Rule(regex: try Regex(definition.regex), toState: toState) } catch {
        problems += error.problems(of: parser, at: definition.location, key: "rule")
        continue
      }
      for state in Set(definition.fromStates.compactMap { states[$0] }) {
        compiled[state].append(rule)
      }
    }
    guard problems.isEmpty else { throw .configuration(problems) }
    rules = compiled
  }

  /// What a line is to a record in `state`, nil when none is open.
  ///
  /// Rules that go on with the open record come first, in their order, then those that begin one.
  public func step(
    _ state: Int?, _ p: UnsafePointer<UInt8>, _ count: Int, _ matcher: RegexMatcher
  ) -> Step {
    if let state, state != Self.start {
      for rule in rules[state] where matcher.search(rule.regex, p, count) {
        return .go(rule.toState)
      }
    }
    for rule in rules[Self.start] where matcher.search(rule.regex, p, count) {
      return .begin(rule.toState)
    }
    return .none
  }
}
