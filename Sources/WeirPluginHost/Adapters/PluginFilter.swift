import CWeirPlugin
import WeirBatch
import WeirStage
import WeirTelemetry

/// A filter or parser of a plugin as a stage of the pipeline.
final class PluginFilter: Filter {
  let instance: PluginInstance
  private let table: weir_filter

  init(_ instance: PluginInstance) throws(PluginHostError) {
    guard case .filter(let table) = instance.component.table else {
      throw .refused(component: instance.context.name, what: "it is no filter")
    }
    self.instance = instance
    self.table = table
  }

  func openLane(_ lane: LaneContext) -> any FilterLane {
    do {
      return PluginFilterLane(instance, table, try instance.openLane(lane.index))
    } catch {
      Log.error("\(error)")
      return PluginFilterLane(instance, table, nil)
    }
  }
}

/// A lane of a filter. Records that the plugin could not finish go on as they are when it failed,
/// counted as errors; for want of room they are dropped, so that nothing passes unseen.
final class PluginFilterLane: FilterLane {
  private let instance: PluginInstance
  private let table: weir_filter
  private let lane: PluginInstance.Lane?
  private var failures = 0

  init(_ instance: PluginInstance, _ table: weir_filter, _ lane: PluginInstance.Lane?) {
    self.instance = instance
    self.table = table
    self.lane = lane
  }

  func process(_ batch: Batch, _ selection: Selection, _ counters: StageCounters) {
    guard let lane else {
      counters.errors.add(selection.count)
      return
    }
    if instance.sharesLanes {
      lane.turn.withLock { _ in run(lane, batch, selection, counters) }
    } else {
      run(lane, batch, selection, counters)
    }
  }

  private func run(
    _ lane: PluginInstance.Lane, _ batch: Batch, _ selection: Selection,
    _ counters: StageCounters
  ) {
    let before = BatchBounds(batch)
    var cursor: UInt32 = 0
    var error = ErrorStruct.make()
    lane.mark.enter(batch.raw)
    let result = table.process(
      instance.raw, lane.state, batch.raw, selection.baseAddress, UInt32(selection.count),
      &cursor, &error)
    lane.mark.leave()
    let done = min(Int(cursor), selection.count)
    let broken = before.repair(batch)
    if broken > 0 {
      counters.errors.add(broken)
      instance.context.breach("process leaves records that point outside of the batch")
    }
    switch result {
    case WEIR_OK, WEIR_DROPPED_ALL:
      if cursor != UInt32(selection.count) {
        instance.context.breach("process answers WEIR_OK with a cursor before the end")
      }
    case WEIR_NO_SPACE:
      for i in done..<selection.count {
        batch.records[Int(selection[i])].flags |= UInt16(WEIR_RECORD_DROPPED)
      }
      fail(counters, selection.count - done, "the batch has no room for what it makes; dropped")
    default:
      fail(counters, selection.count - done, ErrorStruct.message(error, result))
    }
  }

  private func fail(_ counters: StageCounters, _ records: Int, _ why: String) {
    counters.errors.add(max(1, records))
    failures += 1
    // The first one, then each that doubles the number: a broken filter does not fill the log.
    if failures & (failures - 1) == 0 {
      Log.error("\(instance.context.name): \(why) (\(records) records, failure \(failures))")
    }
  }
}
