import CWeirPlugin
import WeirBatch
import WeirRing
import WeirStage
import WeirTelemetry

/// An encoder whose payloads count against the share of the input that their records are of, from
/// here until the output has finished with them. Wraps encoders only where an input has a share.
final class ShareLane: OutputLane {
  private let lane: any OutputLane
  /// Per input.
  private let shares: [CreditGate?]

  init(_ lane: any OutputLane, _ shares: [CreditGate?]) {
    self.lane = lane
    self.shares = shares
  }

  func encode(
    _ batch: Batch, _ selection: Selection, into payload: Payload, _ counters: StageCounters
  ) {
    lane.encode(batch, selection, into: payload, counters)
    // A batch is of one slot, and a slot of one input.
    guard payload.recordCount > 0 || payload.length > 0, batch.raw.pointee.source_count > 0,
      let share = shares[Int(batch.raw.pointee.sources[0].input)]
    else { return }
    payload.take(of: share)
  }
}
