public import WeirBatch
public import WeirTelemetry

/// The records of a batch that a stage is to work on: indexes into the record table, ascending,
/// none of them dropped. Valid during the call only.
public typealias Selection = UnsafeBufferPointer<UInt32>

/// What a lane lends the stages it runs.
public struct LaneContext: Sendable {
  /// Number of the lane, from 0.
  public let index: Int
  public init(index: Int) { self.index = index }
}

/// A configured filter (or parser, or processor): immutable, shared by all lanes.
public protocol Filter: AnyObject, Sendable {
  /// Makes what one lane needs: match data, scratch. Called once per lane before the first batch.
  func openLane(_ lane: LaneContext) -> any FilterLane
}

/// A filter's state on one lane; its calls never overlap.
public protocol FilterLane: AnyObject {
  /// Works on the selected records in place: sets `WEIR_RECORD_DROPPED`, edits or appends fields,
  /// appends records (flagged `WEIR_RECORD_EMITTED`, which run all filters again under their tag).
  ///
  /// One call per batch. `counters` is the instance's; the host counts records seen and dropped by
  /// flag, the filter counts what only it knows (`errors`, `extra`).
  func process(_ batch: Batch, _ selection: Selection, _ counters: StageCounters)
}
