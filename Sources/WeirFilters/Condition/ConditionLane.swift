public import CWeirPlugin
import Glibc
public import WeirBatch
import WeirConfig
import WeirParsers
public import WeirStage

/// A condition on one lane. Not thread-safe; allocates nothing per record.
public final class ConditionLane {
  private let condition: Condition
  private let matcher = RegexMatcher()
  private let buffer = TextBuffer()
  private let selected = SelectionBuffer()
  private var marks: UnsafeMutablePointer<Bool>
  private var markCapacity = 1024

  init(_ condition: Condition) {
    self.condition = condition
    marks = .allocate(capacity: 1024)
  }

  deinit { marks.deallocate() }

  /// Whether one record meets the condition. Without rules it does.
  public func evaluate(_ batch: Batch, _ record: UnsafePointer<weir_record>) -> Bool {
    for rule in condition.rules where holds(rule, batch, record) != condition.needsAll {
      return !condition.needsAll
    }
    return condition.needsAll || condition.rules.isEmpty
  }

  /// The records of a selection that meet the condition, in order; valid until the next call.
  ///
  /// Goes rule by rule over the records that are still open.
  public func select(_ batch: Batch, _ selection: Selection) -> Selection {
    selected.fill(selection)
    if condition.needsAll {
      for rule in condition.rules {
        selected.keep(batch) { self.holds(rule, batch, $0) }
      }
      return selected.selection
    }
    if condition.rules.isEmpty { return selected.selection }
    if batch.recordCount > markCapacity {
      marks.deallocate()
      markCapacity = batch.recordCount
      marks = .allocate(capacity: markCapacity)
    }
    let marks = marks
    let records = batch.records
    for index in selection { marks[Int(index)] = false }
    for rule in condition.rules {
      selected.keep(batch) { record in
        let isMet = self.holds(rule, batch, record)
        if isMet { marks[record - records] = true }
        return !isMet
      }
    }
    selected.fill(selection)
    selected.keep(batch) { marks[$0 - records] }
    return selected.selection
  }

  private func holds(
    _ rule: Condition.Rule, _ batch: Batch, _ record: UnsafePointer<weir_record>
  ) -> Bool {
    let value: RecordValue
    switch rule.place {
    case .body: value = rule.accessor.resolve(batch, record)
    case .metadata: value = rule.accessor.resolveMetadata(batch, record)
    case .nowhere: return false
    }
    switch rule.test {
    case .equals(let texts, let positive):
      let text = stringified(value, batch)
      return texts.contains { equals(text, $0) } == positive
    case .matches(let regex, let positive):
      let text = stringified(value, batch)
      guard let base = text.baseAddress else { return !positive }
      return matcher.search(regex, base, text.count) == positive
    case .compares(let limit, let comparison):
      return compares(number(value, batch), comparison, limit)
    }
  }

  private func compares(
    _ number: Double, _ comparison: ConditionDefinition.Comparison, _ limit: Double
  ) -> Bool {
    switch comparison {
    case .greater: number > limit
    case .less: number < limit
    case .greaterOrEqual: number >= limit
    default: number <= limit
    }
  }

  private func equals(_ text: UnsafeBufferPointer<UInt8>, _ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBufferPointer { other in
      guard text.count == other.count else { return false }
      guard let a = text.baseAddress, let b = other.baseAddress else { return true }
      return memcmp(a, b, text.count) == 0
    }
  }

  /// The value as text, as accessors render it; empty when it is missing.
  private func stringified(
    _ value: RecordValue, _ batch: Batch
  ) -> UnsafeBufferPointer<UInt8> {
    if value.isText { return value.text(using: buffer) }
    buffer.clear()
    value.render(into: buffer, batch)
    return buffer.bytes
  }

  /// The number that the text begins with, 0 if it begins with none.
  private func number(_ value: RecordValue, _ batch: Batch) -> Double {
    switch value.type {
    case UInt32(WEIR_INT64): return Double(Int64(bitPattern: value.bits))
    case UInt32(WEIR_UINT64): return Double(value.bits)
    case UInt32(WEIR_TEXT), UInt32(WEIR_JSON_TEXT), UInt32(WEIR_DOUBLE), UInt32(WEIR_JSON):
      buffer.clear()
      value.render(into: buffer, batch)
      buffer.append(0)
      return buffer.base.withMemoryRebound(to: CChar.self, capacity: buffer.count) {
        strtod($0, nil)
      }
    default: return 0
    }
  }
}
