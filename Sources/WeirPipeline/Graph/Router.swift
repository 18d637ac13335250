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

/// Knows which filters and outputs each tag reaches; one plan per tag, made once. Any thread.
final class Router: @unchecked Sendable {
  /// Plans kept; beyond it the oldest tags without records are made anew when seen again.
  static let plansMax = 65_536

  private let filterRules: [MatchRule]
  private let outputRules: [MatchRule]
  private let mayReachAll: Bool
  private let state = Locked(State())

  private struct State {
    var byTag: [[UInt8]: TagPlan] = [:]
    var all: [TagPlan] = []
  }

  init(filters: [MatchRule], outputs: [MatchRule], mayReachAll: Bool) {
    filterRules = filters
    outputRules = outputs
    self.mayReachAll = mayReachAll
  }

  /// The plan of a tag by the match rules.
  func plan(_ tag: [UInt8]) -> TagPlan {
    if let known = state.withLock({ $0.byTag[tag] }) { return known }
    let filters = filterRules.map { $0.takes(tag) }
    let outputs = outputRules.indices.filter { outputRules[$0].takes(tag) }
    return state.withLock { state in
      if let known = state.byTag[tag] { return known }
      let plan = TagPlan(
        index: UInt32(state.all.count), tag: tag, filters: filters, outputs: outputs,
        mayReachAll: mayReachAll)
      state.all.append(plan)
      state.byTag[tag] = plan
      return plan
    }
  }

  /// A plan with given outputs, for conditional routes: filters by the name, outputs as named.
  func plan(route name: [UInt8], outputs: [Int]) -> TagPlan {
    let filters = filterRules.map { $0.takes(name) }
    return state.withLock { state in
      let plan = TagPlan(
        index: UInt32(state.all.count), tag: name, filters: filters, outputs: outputs,
        mayReachAll: mayReachAll)
      state.all.append(plan)
      return plan
    }
  }

  /// The plan of an input with conditional routes: its own tag, every output in reach.
  func planReachingAll(_ tag: [UInt8]) -> TagPlan {
    let filters = filterRules.map { $0.takes(tag) }
    let outputs = outputRules.indices.filter { outputRules[$0].takes(tag) }
    return state.withLock { state in
      let plan = TagPlan(
        index: UInt32(state.all.count), tag: tag, filters: filters, outputs: outputs,
        mayReachAll: true)
      state.all.append(plan)
      return plan
    }
  }

  /// The plan of an index, as batches carry it.
  subscript(index: UInt32) -> TagPlan { state.withLock { $0.all[Int(index)] } }

  /// Plans from an index on, for a lane's own table.
  func plans(from first: Int) -> [TagPlan] { state.withLock { Array($0.all[first...]) } }
}
