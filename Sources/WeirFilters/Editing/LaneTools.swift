import CWeirPlugin
import WeirBatch
import WeirParsers
import WeirStage
import WeirTelemetry

/// What every built-in filter has on a lane: match data, a text buffer, the selection that it
/// narrows, the places of its constant texts.
final class LaneTools {
  let matcher = RegexMatcher()
  let buffer = TextBuffer()
  let selected = SelectionBuffer()
  let resources = ResourceFields()
  let constants: ConstantScratch
  private var limitHitsBefore: UInt64 = 0

  init(_ pool: ConstantPool? = nil) {
    constants = ConstantScratch(textCount: pool?.textCount ?? 0)
  }

  /// Starts a batch.
  func begin(_ batch: Batch, _ selection: Selection) {
    selected.fill(selection)
    constants.begin()
    resources.begin(batch)
  }

  /// Ends a batch: expressions that were given up are counted as errors.
  func end(_ counters: StageCounters) {
    let hits = matcher.counters.limitHits
    if hits != limitHitsBefore {
      counters.errors.add(Int(hits &- limitHitsBefore))
      limitHitsBefore = hits
    }
  }

  /// Whether an expression is found in a value; only texts can match.
  @inline(__always)
  func matches(_ regex: Regex, _ value: RecordValue) -> Bool {
    guard value.isText else { return false }
    let text = value.text(using: buffer)
    guard let base = text.baseAddress else { return false }
    let isASCII = value.flags & UInt8(WEIR_FIELD_ASCII) != 0 && UnsafeRawPointer(base) == value.base
    return matcher.search(regex, base, text.count, isASCII ? .ascii : .unknown)
  }

  /// As `matches`, with booleans as the words `true` and `false`.
  func matchesOrBool(_ regex: Regex, _ value: RecordValue) -> Bool {
    guard let bool = value.bool else { return matches(regex, value) }
    buffer.clear()
    bool ? buffer.append("true") : buffer.append("false")
    return matcher.search(regex, buffer.base, buffer.count, .ascii)
  }
}
