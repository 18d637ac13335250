public import WeirBatch
public import WeirTelemetry

/// How a delivery ended.
public enum DeliveryResult: Sendable {
  /// Everything is stored.
  case done
  /// It may work later: the host tries again after a pause, within the output's retry limit.
  case retry(String)
  /// It never will: the host counts the records as dropped and tells why.
  case failed(String)
  /// Part of it never will: so many records were dropped, the rest is stored.
  case partial(dropped: Int, String)
}

/// A configured output: immutable settings, shared by lanes, and one queue that delivers.
public protocol Output: AnyObject, Sendable {
  /// Makes what one lane needs to encode. Called once per lane before the first batch.
  func openLane(_ lane: LaneContext) -> any OutputLane

  /// Opens what delivery needs. Called once before the first batch.
  /// - Throws: any error that prints as a message naming the option and what to do.
  func start() throws

  /// Delivers a payload; calls never overlap and come in batch order. May block: it is the
  /// output's own thread, and the host stops reading streams that reach it.
  func deliver(_ payload: Payload) -> DeliveryResult

  /// A flush interval has passed, and everything read before it was delivered: the end of what the
  /// reference calls a chunk (arrays are closed, counters printed). Calls never overlap `deliver`.
  func flush()

  /// The last call, after the last `flush`.
  func close()
}

/// An output's encoder on one lane; its calls never overlap.
public protocol OutputLane: AnyObject {
  /// Encodes the selected records into the payload: bytes, sections and `recordCount`. Records that
  /// cannot be encoded are counted in `counters` with their reason. One call per batch.
  func encode(
    _ batch: Batch, _ selection: Selection, into payload: Payload, _ counters: StageCounters)
}
