import CWeirPlugin
import WeirBatch
import WeirStage

/// The conditional routes of one input on one lane: gives each record the tag and the outputs of
/// the routes whose condition it meets. Not thread-safe.
///
/// A record goes to every route that takes it (copies for the second and further ones), else to
/// the default route, else by its own tag to the outputs that match it.
final class LaneRoutes {
  struct Route {
    /// Nil takes every record.
    let takes: ((Batch, UnsafeMutablePointer<weir_record>) -> Bool)?
    let isDefault: Bool
    let plan: TagPlan
    let processors: [LaneFilter]
  }

  private let routes: [Route]
  private let indices: UnsafeMutablePointer<UInt32>
  private var lost = 0

  init(routes: [Route], recordsMax: Int) {
    self.routes = routes
    indices = .allocate(capacity: recordsMax)
  }

  deinit { indices.deallocate() }

  /// Routes every record of the batch.
  /// - Returns: copies for which the batch had no room.
  func apply(_ batch: Batch) -> Int {
    lost = 0
    var tags: [UInt32?] = routes.map { _ in nil }
    let end = batch.recordCount
    for i in 0..<end {
      let record = batch.records + i
      if record.pointee.flags & UInt16(WEIR_RECORD_DROPPED) != 0 { continue }
      route(batch, record, &tags)
    }
    for (r, route) in routes.enumerated() where !route.processors.isEmpty {
      guard let tag = tags[r] else { continue }
      for stage in route.processors { process(stage, batch, tag) }
    }
    return lost
  }

  private func route(
    _ batch: Batch, _ record: UnsafeMutablePointer<weir_record>, _ tags: inout [UInt32?]
  ) {
    let original = record.pointee
    var isTaken = false
    var isConditionMet = false
    for (r, route) in routes.enumerated() where !route.isDefault {
      if let takes = route.takes {
        // Conditions look at the record as it came, whatever a route before it made of the tag.
        guard takes(batch, record) else { continue }
        isConditionMet = true
      }
      send(batch, record, original, r, &tags, copy: isTaken)
      isTaken = true
    }
    if !isConditionMet, let r = routes.firstIndex(where: \.isDefault) {
      send(batch, record, original, r, &tags, copy: isTaken)
    }
  }

  private func send(
    _ batch: Batch, _ record: UnsafeMutablePointer<weir_record>, _ original: weir_record,
    _ route: Int, _ tags: inout [UInt32?], copy: Bool
  ) {
    if tags[route] == nil {
      let plan = routes[route].plan
      // SAFETY: the plan is held by this object, and its tag's storage with it.
      tags[route] = plan.tag.withUnsafeBytes { batch.appendTag($0, plan: plan.index) }
    }
    guard let tag = tags[route] else {
      lost += 1
      return
    }
    if copy {
      guard let twin = batch.duplicate(record) else {
        lost += 1
        return
      }
      twin.pointee.ordinal &+= UInt16(truncatingIfNeeded: route)
      twin.pointee.tag = tag
    } else {
      record.pointee.tag = tag
    }
  }

  private func process(_ stage: LaneFilter, _ batch: Batch, _ tag: UInt32) {
    var count = 0
    for i in 0..<batch.recordCount where batch.records[i].tag == tag {
      if batch.records[i].flags & UInt16(WEIR_RECORD_DROPPED) == 0 {
        indices[count] = UInt32(i)
        count += 1
      }
    }
    guard count > 0 else { return }
    stage.counters.records.add(count)
    stage.lane.process(batch, Selection(start: indices, count: count), stage.counters)
  }
}
