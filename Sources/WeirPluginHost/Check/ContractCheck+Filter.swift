import CWeirPlugin
import Dispatch
import WeirBatch
import WeirSystem

/// Filters and parsers under the contract.
extension ContractCheck {
  mutating func checkFilter(_ component: PluginComponent, _ table: weir_filter) throws {
    let name = label(component)
    let instance = try make(component)
    let lane = try instance.openLane(0)

    let empty = CheckBatch()
    let onEmpty = call(table, instance, lane, empty, [])
    report.expect(onEmpty.result >= 0, name, "it fails on an empty batch (\(onEmpty.result))")

    let plain = CheckBatch()
    plain.addEverything()
    let sum = plain.rawSum
    let before = BatchText.render(plain.batch)
    let done = call(table, instance, lane, plain, plain.selection)
    check(done, plain, sum, name, "on every type of value")
    let expected = BatchText.render(plain.batch)

    checkSelection(table, instance, lane, name, before)
    checkDropAll(table, instance, lane, name)
    checkNoSpace(table, instance, lane, name, expected)
    try checkLanes(table, instance, name, expected)
    take(instance)
  }

  /// One call of `process`.
  private struct Call {
    var result: Int32
    var cursor: UInt32
    var selected: Int
    var message: String
    /// What was wrong with the batch; repaired since, so that it may be looked at.
    var problems: [String]
  }

  private func call(
    _ table: weir_filter, _ instance: PluginInstance, _ lane: PluginInstance.Lane,
    _ check: CheckBatch, _ selection: [UInt32], from start: UInt32 = 0
  ) -> Call {
    var cursor = start
    var error = ErrorStruct.make()
    let bounds = BatchBounds(check.batch)
    lane.mark.enter(check.batch.raw)
    let result = selection.withUnsafeBufferPointer {
      table.process(
        instance.raw, lane.state, check.batch.raw, $0.baseAddress, UInt32($0.count), &cursor,
        &error)
    }
    lane.mark.leave()
    let problems = bounds.problems(check.batch)
    _ = bounds.repair(check.batch)
    return Call(
      result: result, cursor: cursor, selected: selection.count,
      message: ErrorStruct.message(error, result), problems: problems)
  }

  private mutating func check(
    _ call: Call, _ batch: CheckBatch, _ sum: UInt64, _ name: String, _ when: String
  ) {
    report.expect(call.result >= 0, name, "process fails \(when): \(call.message)")
    report.expect(
      call.cursor <= UInt32(call.selected), name,
      "process leaves the cursor behind the selection \(when)")
    if call.result == WEIR_OK || call.result == WEIR_DROPPED_ALL {
      report.expect(
        call.cursor == UInt32(call.selected), name,
        "process answers WEIR_OK with a cursor before the end \(when)")
    }
    report.expect(batch.rawSum == sum, name, "process writes into the raw segment \(when)")
    for problem in call.problems {
      report.error(name, "process leaves a broken batch \(when): \(problem)")
    }
  }

  /// What is not selected is not touched.
  private mutating func checkSelection(
    _ table: weir_filter, _ instance: PluginInstance, _ lane: PluginInstance.Lane,
    _ name: String, _ before: [String]
  ) {
    let batch = CheckBatch()
    batch.addEverything()
    let sum = batch.rawSum
    let some = batch.selection.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    check(call(table, instance, lane, batch, some), batch, sum, name, "on some of the records")
    let after = BatchText.render(batch.batch)
    for (i, text) in before.enumerated() where !some.contains(UInt32(i)) {
      report.expect(after[i] == text, name, "process changes record \(i), which is not selected")
    }
  }

  /// A second pass over records that the first one dropped must not be given; a batch whose
  /// records are all dropped is an empty selection.
  private mutating func checkDropAll(
    _ table: weir_filter, _ instance: PluginInstance, _ lane: PluginInstance.Lane, _ name: String
  ) {
    let batch = CheckBatch()
    batch.addEverything()
    for i in 0..<batch.batch.recordCount {
      batch.batch.records[i].flags |= UInt16(WEIR_RECORD_DROPPED)
    }
    let sum = batch.rawSum
    check(
      call(table, instance, lane, batch, []), batch, sum, name, "when everything is dropped")
    report.expect(
      BatchText.render(batch.batch).allSatisfy { $0 == "dropped" }, name,
      "process brings dropped records back")
  }

  /// With hardly any room it asks for more, goes on where it stopped, and makes the same.
  private mutating func checkNoSpace(
    _ table: weir_filter, _ instance: PluginInstance, _ lane: PluginInstance.Lane,
    _ name: String, _ expected: [String]
  ) {
    let batch = CheckBatch()
    batch.addEverything()
    let sum = batch.rawSum
    let raw = batch.batch.raw
    let fieldRoom = raw.pointee.field_capacity
    let scratchRoom = raw.pointee.segments[1].capacity
    raw.pointee.field_capacity = raw.pointee.field_count
    raw.pointee.segments[1].capacity = raw.pointee.segments[1].length
    var cursor: UInt32 = 0
    var step: UInt64 = 16
    while true {
      let made = call(table, instance, lane, batch, batch.selection, from: cursor)
      report.expect(
        made.cursor >= cursor, name, "process moves the cursor back when there is no room")
      cursor = made.cursor
      guard made.result == WEIR_NO_SPACE else {
        check(made, batch, sum, name, "when room comes bit by bit")
        break
      }
      raw.pointee.field_capacity = min(
        fieldRoom, raw.pointee.field_capacity + UInt32(step / 4))
      let scratch = min(scratchRoom, raw.pointee.segments[1].capacity + step)
      if scratch == scratchRoom && raw.pointee.field_capacity == fieldRoom {
        report.error(name, "process has no room even in a whole batch")
        break
      }
      raw.pointee.segments[1].capacity = scratch
      step = min(step * 2, 1 << 16)
    }
    let after = BatchText.render(batch.batch)
    report.expect(
      after == expected, name,
      "process makes something else when room comes bit by bit: "
        + Self.difference(after, expected))
  }

  private static func difference(_ a: [String], _ b: [String]) -> String {
    for (i, pair) in zip(a, b).enumerated() where pair.0 != pair.1 {
      return "record \(i) is \(pair.0.prefix(200)), was \(pair.1.prefix(200))"
    }
    return "\(a.count) records, were \(b.count)"
  }

  /// Lanes at the same time, on changing threads, make what one makes.
  private mutating func checkLanes(
    _ table: weir_filter, _ instance: PluginInstance, _ name: String, _ expected: [String]
  ) throws {
    let lanes = try (0..<4).map { try instance.openLane($0) }
    let wrong = Locked<Int>(0)
    let runner = LaneRunner(table, instance)
    for _ in 0..<8 {
      DispatchQueue.concurrentPerform(iterations: 4) { index in
        let lane = lanes[index]
        if !runner.makes(expected, on: lane, takesTurns: instance.sharesLanes) {
          wrong.withLock { $0 += 1 }
        }
      }
    }
    report.expect(
      wrong.withLock { $0 } == 0, name, "process makes something else when lanes work at once")
  }
}

/// Runs one batch on one lane; used from several threads.
private struct LaneRunner: @unchecked Sendable {
  let table: weir_filter
  let instance: PluginInstance

  init(_ table: weir_filter, _ instance: PluginInstance) {
    self.table = table
    self.instance = instance
  }

  func makes(_ expected: [String], on lane: PluginInstance.Lane, takesTurns: Bool) -> Bool {
    let batch = CheckBatch()
    batch.addEverything()
    if takesTurns { lane.turn.withLock { _ in run(batch, lane) } } else { run(batch, lane) }
    return BatchText.render(batch.batch) == expected
  }

  private func run(_ check: CheckBatch, _ lane: PluginInstance.Lane) {
    var cursor: UInt32 = 0
    var error = ErrorStruct.make()
    let bounds = BatchBounds(check.batch)
    lane.mark.enter(check.batch.raw)
    _ = check.selection.withUnsafeBufferPointer {
      table.process(
        instance.raw, lane.state, check.batch.raw, $0.baseAddress, UInt32($0.count), &cursor,
        &error)
    }
    lane.mark.leave()
    _ = bounds.repair(check.batch)
  }
}
