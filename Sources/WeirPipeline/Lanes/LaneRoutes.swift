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
  /// Of each copy that `apply` made, in the batch's order: the record it was made of. Rises.
  private let origins: UnsafeMutablePointer<UInt32>
  private(set) var copyCount = 0
  /// Where the copies begin in the batch.
  private(set) var firstCopy = 0

  init(routes: [Route], recordsMax: Int) {
    self.routes = routes
    indices = .allocate(capacity: recordsMax)
    origins = .allocate(capacity: recordsMax)
  }

  deinit {
    indices.deallocate()
    origins.deallocate()
  }

  /// Puts records that were selected in the batch's order, where copies stand behind all records,
  /// into the order of the input: a copy beside the record it was made of.
  /// - Parameter room: as large as the selection.
  func restoreOrder(
    _ selected: UnsafeMutablePointer<UInt32>, _ count: Int, _ room: UnsafeMutablePointer<UInt32>
  ) {
    guard copyCount > 0, count > 0 else { return }
    let end = firstCopy + copyCount
    var split = count
    while split > 0, Int(selected[split - 1]) >= firstCopy { split -= 1 }
    var last = split
    while last < count, Int(selected[last]) < end { last += 1 }
    guard split > 0, last > split, origins[Int(selected[split]) - firstCopy] < selected[split - 1]
    else { return }
    room.update(from: selected, count: split)
    var (kept, copy, out) = (0, split, 0)
    while kept < split {
      if copy < last, origins[Int(selected[copy]) - firstCopy] < room[kept] {
        // Copies are read ahead of where this writes: of `copy - split` and `kept` written.
        selected[out] = selected[copy]
        copy += 1
      } else {
        selected[out] = room[kept]
        kept += 1
      }
      out += 1
    }
  }

  /// Routes every record of the batch.
  /// - Returns: copies for which the batch had no room.
  func apply(_ batch: Batch) -> Int {
    lost = 0
    var tags: [UInt32?] = routes.map { _ in nil }
    let end = batch.recordCount
    firstCopy = end
    copyCount = 0
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
      origins[copyCount] = UInt32(truncatingIfNeeded: record - batch.records)
      copyCount += 1
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
