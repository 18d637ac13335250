import CWeirPlugin
import WeirBatch
import WeirParsers
import WeirStage
import WeirTelemetry

/// A grep on one lane. Each rule goes once over the records that no rule before it has decided.
final class GrepLane: FilterLane {
  /// What becomes of a record after one rule.
  private enum Verdict { case keep, drop, undecided }

  private let filter: GrepFilter
  private let tools = LaneTools()

  init(_ filter: GrepFilter) { self.filter = filter }

  func process(_ batch: Batch, _ selection: Selection, _ counters: StageCounters) {
    tools.selected.fill(selection)
    for rule in filter.rules {
      switch (filter.mode, rule.isExclude) {
      case (.legacy, false): apply(rule, batch, match: .keep, miss: .drop)
      case (.legacy, true), (.or, true): apply(rule, batch, match: .drop, miss: .undecided)
      case (.and, false): apply(rule, batch, match: .undecided, miss: .drop)
      case (.and, true): apply(rule, batch, match: .undecided, miss: .keep)
      case (.or, false): apply(rule, batch, match: .keep, miss: .undecided)
      }
      if tools.selected.count == 0 { break }
    }
    if let rule = filter.rules.first {
      // What is left has matched every exclude (and), or no regex (or).
      let isDropped = filter.mode == .and && rule.isExclude || filter.mode == .or && !rule.isExclude
      if isDropped {
        tools.selected.keep(batch) { record in
          record.pointee.flags |= UInt16(WEIR_RECORD_DROPPED)
          return false
        }
      }
    }
    tools.end(counters)
  }

  private func apply(_ rule: GrepFilter.Rule, _ batch: Batch, match: Verdict, miss: Verdict) {
    let accessor = rule.accessor
    let regex = rule.regex
    let tools = tools
    tools.selected.keep(batch) { record in
      let value = accessor.resolve(batch, record)
      let verdict = tools.matches(regex, value) ? match : miss
      if verdict == .drop { record.pointee.flags |= UInt16(WEIR_RECORD_DROPPED) }
      return verdict == .undecided
    }
  }
}
