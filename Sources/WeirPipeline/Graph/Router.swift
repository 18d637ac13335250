import WeirConfig
import WeirParsers
import WeirStage
import WeirSystem

/// The match rule of a filter or an output: `match`, `match_regex`, or both.
///
/// Source: compatibility with the reference's router: `*` is the only wildcard, anchored at both
/// ends; an expression counts from the tag's start and need not reach its end.
public struct MatchRule: Sendable {
  /// The wildcard pattern.
  public let pattern: [UInt8]?
  /// The expression; tried first.
  public let regex: Regex?

  public init(pattern: String?, regex: Regex?) {
    self.pattern = pattern.map { Array($0.utf8) }
    self.regex = regex
  }

  /// True when neither is given: the rule takes nothing.
  public var isEmpty: Bool { pattern == nil && regex == nil }

  /// Whether a tag is taken.
  public func takes(_ tag: [UInt8]) -> Bool {
    if let regex {
      let isMatch = tag.withUnsafeBufferPointer { bytes in
        bytes.baseAddress.map { RegexMatcher().matchAtStart(regex, $0, bytes.count) } ?? false
      }
      if isMatch { return true }
    }
    if let pattern { return MatchRule.wildcard(pattern, tag) }
    return false
  }

  /// Matches with `*` as the only wildcard, linear in practice: only the last star is retried.
  public static func wildcard(_ pattern: [UInt8], _ text: [UInt8]) -> Bool {
    let star = UInt8(ascii: "*")
    var p = 0
    var t = 0
    var lastStar = -1
    var mark = 0
    while t < text.count {
      if p < pattern.count, pattern[p] == star {
        lastStar = p
        mark = t
        p += 1
      } else if p < pattern.count, pattern[p] == text[t] {
        p += 1
        t += 1
      } else if lastStar >= 0 {
        p = lastStar + 1
        mark += 1
        t = mark
      } else {
        return false
      }
    }
    while p < pattern.count, pattern[p] == star { p += 1 }
    return p == pattern.count
  }
}

/// Knows which filters and outputs each tag reaches. Any thread.
///
/// Tags come and go with pods, but the combinations of filters and outputs that they reach are few:
/// one number per combination, so that a long life of new tags grows nothing.
final class Router: @unchecked Sendable {
  private let filterRules: [MatchRule]
  private let outputRules: [MatchRule]
  private let mayReachAll: Bool
  private let state = Locked(State())

  private struct Reach: Hashable {
    let filters: [Bool]
    let outputs: [Int]
    let all: Bool
  }

  private struct State {
    var numbers: [Reach: UInt32] = [:]
    var all: [TagPlan] = []
  }

  init(filters: [MatchRule], outputs: [MatchRule], mayReachAll: Bool) {
    filterRules = filters
    outputRules = outputs
    self.mayReachAll = mayReachAll
  }

  /// The plan of a tag by the match rules. With `reachingAll`, credit of every output is needed:
  /// the tag's input has conditional routes.
  func plan(_ tag: [UInt8], reachingAll: Bool = false) -> TagPlan {
    plan(tag, outputRules.indices.filter { outputRules[$0].takes(tag) }, reachingAll)
  }

  /// The plan of a conditional route: filters by its name, outputs as it names them.
  func plan(route name: [UInt8], outputs: [Int]) -> TagPlan { plan(name, outputs, false) }

  private func plan(_ tag: [UInt8], _ outputs: [Int], _ reachingAll: Bool) -> TagPlan {
    let reach = Reach(
      filters: filterRules.map { $0.takes(tag) }, outputs: outputs.sorted(),
      all: mayReachAll || reachingAll)
    return state.withLock { state in
      let number = state.numbers[reach] ?? UInt32(state.all.count)
      let plan = TagPlan(
        index: number, tag: tag, filters: reach.filters, outputs: reach.outputs,
        mayReachAll: reach.all)
      if state.numbers[reach] == nil {
        state.numbers[reach] = number
        state.all.append(plan)
      }
      return plan
    }
  }

  /// Plans from a number on, for a lane's own table: filters and outputs hold for every plan of
  /// that number, the tag only for the first.
  func plans(from first: Int) -> [TagPlan] { state.withLock { Array($0.all[first...]) } }
}
