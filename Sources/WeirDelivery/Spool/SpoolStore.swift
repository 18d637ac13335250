import Glibc
import WeirSystem
import WeirTelemetry

/// The segments of an open spool: who has taken what, what is finished. Used under the lock of its
/// spool; the file that is being written belongs to the spool's queue.
final class SpoolStore {
  /// An entry that somebody has, or has given back.
  struct Taken {
    var offset: Int
    var amount: SpoolAmount
    var attempts: UInt32?
  }

  struct Cursor {
    var segment: UInt64 = 0
    var offset = SpoolFormat.segmentHeaderBytes
    var index: UInt32 = 0
  }

  let files: any SpoolFiles
  let directory: String
  let tally = Locked(SpoolTally())
  /// By number, the oldest first.
  var segments: [Segment] = []
  /// Before it everything is taken or finished.
  var cursor = Cursor()
  var leased: [SpoolEntryID: Taken] = [:]
  /// Entries that were leased as they were written: the cursor leaves them out.
  private var ahead: Set<SpoolEntryID> = []
  /// Given back, the oldest last; none of them does the cursor find.
  var returned: [(id: SpoolEntryID, taken: Taken)] = []
  var quarantine: Quarantine
  var journal: DoneJournal
  private var readSegment: UInt64?
  private var readDescriptor: Int32 = -1
  /// Damaged places and foreign files that are named in the log at most.
  static let toldMax = 50
  private var told = 0
  private var hasToldUnnoted = false
  var hasToldUnreadable = false
  var isClosed = false

  init(_ files: any SpoolFiles, _ settings: SpoolSettings) {
    self.files = files
    directory = settings.directory
    quarantine = Quarantine(
      files, spool: settings.directory, bytesMax: settings.quarantineBytes)
    journal = DoneJournal(files)
  }

  func path(_ id: UInt64) -> String { "\(directory)/\(SegmentName.segment(id))" }
  func journalPath(_ id: UInt64) -> String { "\(directory)/\(SegmentName.journal(id))" }

  func count(_ body: (inout SpoolTally) -> Void) { tally.withLock { body(&$0) } }

  /// Position of a segment in `segments`. Complexity: logarithmic.
  func position(_ id: UInt64) -> Int? {
    let place = firstPosition(from: id)
    return place < segments.count && segments[place].id == id ? place : nil
  }

  /// Position of the first segment with this number or a higher one.
  func firstPosition(from id: UInt64) -> Int {
    var low = 0
    var high = segments.count
    while low < high {
      let middle = (low + high) / 2
      if segments[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// A descriptor to read a segment with, valid until another one is asked for; negative when it
  /// cannot be opened.
  func reader(_ id: UInt64) -> Int32 {
    if readSegment == id { return readDescriptor }
    closeReader()
    readDescriptor = files.open(path(id), O_RDONLY | O_NOFOLLOW)
    if readDescriptor >= 0 { readSegment = id }
    return readDescriptor
  }

  private func closeReader() {
    if readSegment != nil { files.close(readDescriptor) }
    readSegment = nil
    readDescriptor = -1
  }

  /// Names a place in a file, in the log; beyond `toldMax` places are counted only.
  func tell(_ text: String) {
    told += 1
    if told <= Self.toldMax { Log.warn(text) }
    if told == Self.toldMax {
      Log.warn("\(directory): more of this is counted, and no longer named; see weir spool verify")
    }
  }

  // MARK: Appending

  /// Adds the segment that is about to be written.
  func begin(_ segment: Segment) {
    segments.append(segment)
    count {
      $0.diskBytes += segment.bytes
      $0.segments += 1
    }
  }

  /// Makes stored entries visible.
  func publish(_ amount: SpoolAmount, _ id: UInt64, count: UInt32) {
    guard let place = position(id) else { return }
    segments[place].bytes += amount.bytes
    segments[place].count = count
    segments[place].live += amount
    self.count {
      $0.counters.appended += amount
      $0.pending += amount
      $0.diskBytes += amount.bytes
    }
  }

  /// Nothing is written to a segment any more.
  func seal(_ id: UInt64) {
    guard let place = position(id) else { return }
    segments[place].isActive = false
    removeIfDone(place)
  }

  // MARK: Finishing

  /// Ends a lease; nothing when it had ended before.
  /// - Returns: whether the active segment has nothing left in it by this.
  func finish(_ lease: SpoolLease, isReplaced: Bool = false) -> Bool {
    guard !isClosed, let taken = leased.removeValue(forKey: lease.id),
      let place = position(lease.id.segment)
    else { return false }
    ahead.remove(lease.id)
    segments[place].leased -= taken.amount
    settle(place, lease.id.index, taken.amount)
    count {
      if isReplaced {
        $0.counters.replaced += taken.amount
      } else {
        $0.counters.delivered += taken.amount
      }
    }
    note([lease.id.index], place)
    let isIdle = segments[place].isActive && segments[place].isDone
    removeIfDone(place)
    return isIdle
  }

  /// Leases a visible entry that the cursor has not come to.
  func lease(_ id: SpoolEntryID, _ taken: Taken) {
    guard let place = position(id.segment) else { return }
    leased[id] = taken
    ahead.insert(id)
    segments[place].leased += taken.amount
  }

  /// Whether an entry before the cursor was leased as it was written; asked once.
  func wasLeased(_ id: SpoolEntryID) -> Bool { ahead.remove(id) != nil }

  /// Ends a lease without success: the entry is as old as it was.
  func giveBack(_ lease: SpoolLease, attempts: UInt32?) {
    guard !isClosed, var taken = leased.removeValue(forKey: lease.id),
      let place = position(lease.id.segment)
    else { return }
    segments[place].leased -= taken.amount
    taken.attempts = attempts ?? lease.payload.attempts
    let at = returned.firstIndex { $0.id < lease.id } ?? returned.count
    returned.insert((lease.id, taken), at: at)
  }

  /// Takes an entry off the books of its segment.
  func settle(_ place: Int, _ index: UInt32, _ amount: SpoolAmount) {
    segments[place].done.insert(index)
    segments[place].live -= amount
    count { $0.pending -= amount }
  }

  /// Writes marks into the journal of a segment; what fails is counted and comes again.
  func note(_ marks: [UInt32], _ place: Int) {
    let segment = segments[place]
    if segment.isDone && !segment.isActive { return }
    if journal.add(marks, segment.id, salt: segment.salt, journalPath(segment.id)) {
      hasToldUnnoted = false
      return
    }
    count { $0.counters.unnoted += marks.count }
    if hasToldUnnoted { return }
    hasToldUnnoted = true
    Log.warn(
      "\(journalPath(segment.id)) cannot be written: what is finished may be sent again after a "
        + "restart")
  }

  func removeIfDone(_ place: Int) {
    let segment = segments[place]
    if !segment.isDone || segment.isActive { return }
    if readSegment == segment.id { closeReader() }
    let status = files.remove(path(segment.id))
    if status == 0 || status == -ENOENT {
      journal.close(segment.id)
      _ = files.remove(journalPath(segment.id))
    } else {
      Log.warn("\(path(segment.id)) cannot be removed: \(files.text(Int(status)))")
      // It is found again at the next start, and must have nothing to deliver then.
      let all = Array(0..<segment.count)
      if !journal.add(all, segment.id, salt: segment.salt, journalPath(segment.id)) {
        count { $0.counters.unnoted += all.count }
      }
      journal.close(segment.id)
    }
    segments.remove(at: place)
    count {
      // What lost entries held was a guess.
      $0.pending -= segment.live
      $0.diskBytes -= segment.bytes
      $0.segments -= 1
    }
  }

  // MARK: Shedding

  /// Sheds the oldest segments that no lease holds, until so many bytes of disk are free.
  /// - Returns: the bytes that are still missing; 0 or less for success.
  func shed(_ bytes: Int) -> Int {
    var missing = bytes
    var place = 0
    while missing > 0, place < segments.count {
      let segment = segments[place]
      if segment.isActive || segment.leased.entries > 0 {
        place += 1
        continue
      }
      returned.removeAll { $0.id.segment == segment.id }
      ahead = ahead.filter { $0.segment != segment.id }
      segments[place].live = SpoolAmount()
      count {
        $0.counters.dropped += segment.live
        $0.pending -= segment.live
      }
      missing -= segment.bytes
      removeIfDone(place)
    }
    return missing
  }

  func close() {
    isClosed = true
    closeReader()
    journal.close()
  }
}
