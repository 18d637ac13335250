import Synchronization
import WeirBatch
import WeirConfig
import WeirTelemetry

/// What a parser tells once, however many lanes run it; the rest is counted.
final class ParserNotices: Sendable {
  private let hasToldTime = Atomic<Bool>(false)
  private let hasToldCast = Atomic<Bool>(false)
  private let definition: ParserDefinition
  private let tell: @Sendable (ConfigProblem) -> Void

  init(_ definition: ParserDefinition, _ tell: (@Sendable (ConfigProblem) -> Void)?) {
    self.definition = definition
    self.tell = tell ?? { Log.warn($0.description) }
  }

  /// A time was not read.
  func timeFailed(_ reading: TimeReading, _ text: UnsafeBufferPointer<UInt8>) {
    if hasToldTime.load(ordering: .relaxed) || hasToldTime.exchange(true, ordering: .relaxed) {
      return
    }
    let format = definition.timeFormat ?? ""
    let failsLine = definition.format == .ltsv || definition.format == .logfmt
    let what =
      reading == .outOfRange
      ? "lies outside of the years 1678 to 2261; such records have the time at which they are read"
      : failsLine
        ? "is not of the format \(format); such lines stay as they are"
        : "is not of the format \(format); such records have the time at which they are read"
    tell(
      problem(
        "the time \(Log.quoted(text)) \(what)", "time_format", ParserCounterNames.timeFailures))
  }

  /// A cast left a value as it was.
  func castFailed(
    _ type: ParserDefinition.FieldType, _ key: KeyID, _ text: UnsafeBufferPointer<UInt8>
  ) {
    if hasToldCast.load(ordering: .relaxed) || hasToldCast.exchange(true, ordering: .relaxed) {
      return
    }
    let field = definition.types.first { KeyTable.shared.intern($0.key) == key }?.key ?? ""
    let what = "the value \(Log.quoted(text)) of \(field) is no \(type.rawValue) and stays text"
    tell(problem(what, "types", ParserCounterNames.castFailures))
  }

  private func problem(_ what: String, _ key: String, _ counter: String) -> ConfigProblem {
    ConfigProblem(
      "parser '\(definition.name)': \(what)",
      at: definition.location == .commandLine ? nil : definition.location, key: key,
      suggestion: "told once, further ones are counted as \(counter)", severity: .warning)
  }
}
