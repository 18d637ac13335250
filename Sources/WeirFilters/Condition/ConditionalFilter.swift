import WeirBatch
public import WeirStage
import WeirTelemetry

/// A processor with a condition: only records that meet it reach the filter inside.
public final class ConditionalFilter: Filter {
  private let condition: Condition
  private let inner: any Filter

  public init(_ condition: Condition, _ inner: any Filter) {
    self.condition = condition
    self.inner = inner
  }

  public func openLane(_ lane: LaneContext) -> any FilterLane {
    ConditionalLane(condition.openLane(), inner.openLane(lane))
  }
}

private final class ConditionalLane: FilterLane {
  private let condition: ConditionLane
  private let inner: any FilterLane

  init(_ condition: ConditionLane, _ inner: any FilterLane) {
    self.condition = condition
    self.inner = inner
  }

  func process(_ batch: Batch, _ selection: Selection, _ counters: StageCounters) {
    let met = condition.select(batch, selection)
    if met.count > 0 { inner.process(batch, met, counters) }
  }
}
