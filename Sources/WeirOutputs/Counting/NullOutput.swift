import WeirBatch
import WeirStage
import WeirTelemetry

/// `null`: counts records as delivered and throws them away.
final class NullOutput: Output {
  func openLane(_ lane: LaneContext) -> any OutputLane { CountingLane() }
  func start() throws {}
  func deliver(_ payload: Payload) -> DeliveryResult { .done }
  func flush() {}
  func close() {}
}

/// Encodes nothing but the number of records.
final class CountingLane: OutputLane {
  func encode(
    _ batch: Batch, _ selection: Selection, into payload: Payload, _ counters: StageCounters
  ) {
    payload.recordCount = selection.count
  }
}
