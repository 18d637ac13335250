import CWeirPlugin
import WeirBatch
import WeirParsers
import WeirStage
import WeirTelemetry

/// A modify on one lane: conditions narrow the selection, then each rule goes over what is left.
///
/// Records do not see each other, so that "rule by rule over all records" gives the same as
/// "record by record over all rules".
final class ModifyLane: FilterLane {
  private struct LaneRule {
    let rule: ModifyRule
    /// For the rules over names that match.
    let matcher: KeyMatcher?
  }

  private struct LaneCondition {
    let condition: ModifyCondition
    let keys: KeyMatcher?
  }

  private let filter: ModifyFilter
  private let tools: LaneTools
  private let rules: [LaneRule]
  private let conditions: [LaneCondition]
  private var refused = 0

  init(_ filter: ModifyFilter) {
    let tools = LaneTools(filter.pool)
    self.filter = filter
    self.tools = tools
    rules = filter.rules.map { rule in
      switch rule {
      case .removeMatching(let pattern), .move(let pattern, _):
        LaneRule(rule: rule, matcher: KeyMatcher([pattern], tools.matcher))
      default: LaneRule(rule: rule, matcher: nil)
      }
    }
    conditions = filter.conditions.map { condition in
      switch condition {
      case .keyMatches(let regex, _), .matchingKeysHave(let regex, _, _):
        LaneCondition(
          condition: condition, keys: KeyMatcher([.regex(regex)], tools.matcher))
      default: LaneCondition(condition: condition, keys: nil)
      }
    }
  }

  func process(_ batch: Batch, _ selection: Selection, _ counters: StageCounters) {
    tools.begin(batch, selection)
    for condition in conditions { narrow(condition, batch) }
    refused = 0
    for rule in rules where tools.selected.count > 0 { apply(rule, batch) }
    if refused > 0 { counters.errors.add(refused) }
    tools.end(counters)
  }

  // MARK: Conditions

  private func narrow(_ lane: LaneCondition, _ batch: Batch) {
    let tools = tools
    switch lane.condition {
    case .keyExists(let accessor, let positive):
      tools.selected.keep(batch) { accessor.resolve(batch, $0).isPresent == positive }
    case .valueEquals(let accessor, let text, let positive):
      tools.selected.keep(batch) { record in
        let value = accessor.resolve(batch, record)
        return value.isPresent && value.textEquals(text.bytes, text.count) == positive
      }
    case .valueMatches(let accessor, let regex, let positive):
      tools.selected.keep(batch) { record in
        let value = accessor.resolve(batch, record)
        return value.isPresent && tools.matchesOrBool(regex, value) == positive
      }
    case .keyMatches(_, let positive):
      guard let keys = lane.keys else { return }
      tools.selected.keep(batch) { self.hasKey(keys, batch, $0) == positive }
    case .matchingKeysHave(_, let regex, let positive):
      guard let keys = lane.keys else { return }
      tools.selected.keep(batch) { record in
        self.matchingKeysHave(keys, regex, batch, record) == positive
      }
    }
  }

  private func hasKey(
    _ keys: KeyMatcher, _ batch: Batch, _ record: UnsafeMutablePointer<weir_record>
  ) -> Bool {
    if let key = resourceKey(batch, record), keys.matches(key, batch) { return true }
    for field in batch.fields(of: record) where field.type != UInt8(WEIR_METADATA) {
      if keys.matches(field.key, batch) { return true }
    }
    return false
  }

  /// Whether every key that matches has a value that matches; true when no key does.
  private func matchingKeysHave(
    _ keys: KeyMatcher, _ regex: Regex, _ batch: Batch,
    _ record: UnsafeMutablePointer<weir_record>
  ) -> Bool {
    // A resource is a map, which no expression matches.
    if let key = resourceKey(batch, record), keys.matches(key, batch) { return false }
    for field in batch.fields(of: record)
    where field.type != UInt8(WEIR_METADATA) && keys.matches(field.key, batch) {
      if !tools.matchesOrBool(regex, RecordValue(field, in: batch)) { return false }
    }
    return true
  }

  private func resourceKey(
    _ batch: Batch, _ record: UnsafeMutablePointer<weir_record>
  ) -> KeyID? {
    let index = record.pointee.resource
    return index == UInt32(WEIR_NO_RESOURCE)
      ? nil : batch.raw.pointee.resources[Int(index)].key
  }

  // MARK: Rules

  private func apply(_ lane: LaneRule, _ batch: Batch) {
    switch lane.rule {
    case .set(let name, let text):
      change(batch, touching: { batch.isKey($0, name) }) { self.set(name, text, batch, $0) }
    case .add(let name, let text):
      change(batch, touching: { batch.isKey($0, name) }) { self.add(name, text, batch, $0) }
    case .remove(let name):
      change(batch, touching: { batch.isKey($0, name) }) { record in
        batch.edit(record) { $0.removeAll(name, batch) }
      }
    case .removeMatching:
      guard let matcher = lane.matcher else { return }
      change(batch, touching: { matcher.matches($0, batch) }) { record in
        batch.edit(record) { $0.removeAll(matcher, batch) }
      }
    case .rename(let from, let to, let isHard):
      change(batch, touching: { batch.isKey($0, from) || batch.isKey($0, to) }) { record in
        batch.edit(record) { $0.rename(from, to, isHard, batch) }
      }
    case .copy(let from, let to, let isHard):
      change(batch, touching: { batch.isKey($0, from) || batch.isKey($0, to) }) { record in
        batch.edit(record, extra: 1) { $0.copy(from, to, isHard, batch) }
      }
    case .move(_, let toStart):
      guard let matcher = lane.matcher else { return }
      change(batch, touching: { matcher.matches($0, batch) }) { record in
        batch.edit(record) { $0.move(matcher, toStart, batch) }
      }
    }
  }

  /// Runs one rule over the selection; what the batch has no room for is counted and left as is.
  /// - Parameter touching: whether the rule is about a key, asked of keys of resources.
  @inline(__always)
  private func change(
    _ batch: Batch, touching: (KeyID) -> Bool,
    _ body: (UnsafeMutablePointer<weir_record>) -> Bool
  ) {
    let resources = tools.resources
    let spreads = resources.any(batch, touching)
    let records = batch.records
    var refused = 0
    for index in tools.selected.selection {
      let record = records + Int(index)
      if spreads, !resources.spread(batch, record, where: touching) {
        refused &+= 1
      } else if !body(record) {
        refused &+= 1
      }
    }
    self.refused += refused
  }

  @inline(__always)
  private func set(
    _ name: FieldName, _ text: ConstantText, _ batch: Batch,
    _ record: UnsafeMutablePointer<weir_record>
  ) -> Bool {
    guard let field = tools.constants.field(name.key, text, batch),
      var list = batch.openBody(record, extra: 0)
    else { return false }
    if list.removeAll(name, batch) > 0 {
      list.append(field)
      batch.closeBody(list, record)
      return true
    }
    return batch.append(field, to: record)
  }

  @inline(__always)
  private func add(
    _ name: FieldName, _ text: ConstantText, _ batch: Batch,
    _ record: UnsafeMutablePointer<weir_record>
  ) -> Bool {
    guard let list = batch.openBody(record, extra: 0) else { return false }
    if list.lastIndex(of: name, batch) != nil { return true }
    guard let field = tools.constants.field(name.key, text, batch) else { return false }
    return batch.append(field, to: record)
  }
}
