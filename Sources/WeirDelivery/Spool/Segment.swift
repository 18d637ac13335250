/// What an open spool knows of one segment: a bounded note, not an index of its entries.
struct Segment {
  let id: UInt64
  let salt: UInt64
  /// Bytes that may be read: up to here everything is on the disk.
  var bytes: Int
  /// One more than the place of the last entry.
  var count: UInt32 = 0
  /// Finished, lost or shed.
  var done = EntryBits()
  /// The others; taken ones included.
  var live = SpoolAmount()
  /// Taken ones.
  var leased = SpoolAmount()
  /// Places of damage that was counted before.
  var damage: Set<Int> = []
  /// The one that is being written.
  var isActive = false

  /// Nothing in it is wanted any more.
  var isDone: Bool { live.entries == 0 && leased.entries == 0 }
}

/// What each part of a spool counts into; read at any time, from any thread, without waiting for
/// the disk.
struct SpoolTally {
  var counters = SpoolCounters()
  /// Appended and not finished.
  var pending = SpoolAmount()
  /// Of all segment files, bytes.
  var diskBytes = 0
  var segments = 0
}
