import WeirStage

@testable import WeirPipeline

/// Ends of a process, and what the next one finds.
extension SimulatedWorld {
  /// Items of the requests under way.
  var itemsUnderWay: Set<Int> {
    var items: Set<Int> = []
    for case (_, .reply(let parcel, _, _)) in due {
      items.formUnion(SimulatedWorld.items(parcel.body))
    }
    return items
  }

  /// kill -9, and a new start: memory is gone, servers keep what they have, the spool's entries are
  /// taken again, and what was not acknowledged is read again, before anything that comes later.
  func crash() {
    due.removeAll { if case .submit = $0.what { false } else { true } }
    wakeAt = .max
    underWay = 0
    memoryBytes = 0
    for number in entries.keys { entries[number]?.isTaken = false }
    let left = lanes
    lanes = []
    engine = DeliveryEngine(policy, nodes: servers.count, self)
    for lane in left {
      let payload = Payload()
      lane.payload.withUnsafeBytes { payload.append($0) }
      payload.recordOffsets = lane.ends
      submit(payload, at: now)
    }
    add(.wake, at: now)
  }

  /// The end of the grace period: requests under way are given up, whatever the server did.
  func abandon() {
    engine?.abandon(at: now)
    due = due.map { entry in
      guard case .reply(let parcel, let node, _) = entry.what else { return entry }
      return (now, .reply(parcel, node, .cancelled))
    }
    due.sort { $0.at > $1.at }
  }
}
