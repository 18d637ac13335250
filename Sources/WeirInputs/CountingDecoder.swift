import WeirParsers
import WeirTelemetry

/// A decoder that counts lines and what it leaves out under its input's name.
protocol CountingDecoder: AnyObject {
  /// Called once, before the first scan.
  func bind(_ counters: StageCounters)
}

extension LineDecoder: CountingDecoder {}
extension MultilineDecoder: CountingDecoder {}
