import Dispatch
import Glibc
import WeirSystem
import WeirTelemetry

/// Requests of one output on the disk, in order, until they are delivered.
///
/// Segment files that are only appended to, with a checksum for each entry. Appends that wait at
/// the same moment share one sync. Memory is a note per segment and a bit per entry of the segments
/// that are being read; entries are read one at a time. The format is in docs/spool.md. Any thread.
public final class Spool: Sendable {
  /// Where it is and how much it may hold.
  public let settings: SpoolSettings
  private let queue: DispatchQueue
  private let waiting = Locked(Waiting())
  private let store: Locked<SpoolStore>
  // SAFETY: the writer is used on the queue only.
  private nonisolated(unsafe) let writer: SpoolWriter
  private let tally: TallyReader

  private struct Waiting {
    var requests: [SpoolRequest] = []
    var isScheduled = false
    var isClosed = false
    var entries = 0
  }

  /// Opens or makes a spool, and recovers what is in its directory: damaged bytes go to its
  /// quarantine and are counted, what is intact is delivered.
  /// - Throws: only when the directory cannot be used at all, or another process has it.
  public static func open(_ settings: SpoolSettings) throws(SpoolError) -> Spool {
    try Spool(settings, SystemFiles())
  }

  /// As `open`, with another file system and clock (nanoseconds since 1970).
  init(
    _ settings: SpoolSettings, _ files: any SpoolFiles,
    clock: @escaping @Sendable () -> Int64 = wallClock
  ) throws(SpoolError) {
    self.settings = settings
    try SpoolLayout.makeFolders(settings.directory, files)
    let lock = try SpoolLock.take(settings.directory)
    let store = SpoolStore(files, settings)
    var recovery = SpoolRecovery(store)
    try recovery.run(rollBytes: settings.rollBytes)
    tally = TallyReader(store)
    queue = DispatchQueue(label: "weir.spool")
    self.store = Locked(store)
    writer = SpoolWriter(settings, files, lock, recovery, clock)
    let found = tally.read.counters.recovered
    if found.entries > 0 {
      Log.info("\(settings.directory): \(found.entries) entries wait, \(found.bytes) bytes")
    }
  }

  deinit {
    store.withLock { $0.close() }
    writer.close()
  }

  // MARK: Numbers

  /// Appended and not finished, taken ones included. Does not wait for the disk.
  public var pending: (entries: Int, bytes: Int) {
    let amount = tally.read.pending
    return (amount.entries, amount.bytes)
  }

  /// Items of what is pending; entries that cannot be read count as none.
  public var pendingItems: Int { tally.read.pending.items }

  /// Appends that have not been answered.
  public var underWay: Int { waiting.withLock { $0.entries } }

  /// What happened since it was opened. Does not wait for the disk.
  public var counters: SpoolCounters { tally.read.counters }

  /// Segment files, and their bytes: what `limitBytes` limits.
  public var disk: (segments: Int, bytes: Int) {
    let now = tally.read
    return (now.segments, now.diskBytes)
  }

  // MARK: Appending

  /// Stores a payload behind all others.
  /// - Parameters:
  ///   - replacing: a lease that is finished by this (a part of its items is left): the limit does
  ///     not count, and when storing fails the lease goes on.
  ///   - whenDurable: called once, on the spool's queue, after the sync; must not wait for it.
  public func append(
    _ payload: SpoolPayload, replacing lease: SpoolLease? = nil,
    whenDurable: @escaping @Sendable (SpoolAppendResult) -> Void
  ) {
    let fields = RecordFields.encode(
      attempts: payload.attempts, note: payload.note, itemEnds: payload.itemEnds)
    add(
      SpoolRequest(
        fields: fields, body: .array(payload.body), encoding: payload.encoding,
        itemCount: UInt32(truncatingIfNeeded: payload.itemEnds.count), time: payload.time,
        replacing: lease.map { SpoolReplacement(lease: $0, isAll: true, isKept: false) },
        answer: { result, _ in whenDurable(result) }))
  }

  /// Stores a payload whose body somebody else holds: `owner` keeps it readable and unchanged until
  /// `whenDurable` has been called.
  public func append(
    body: UnsafeRawBufferPointer, keeping owner: any AnyObject & Sendable, encoding: UInt8,
    itemEnds: [UInt32], attempts: UInt32 = 0, note: [UInt8] = [], time: Int64,
    replacing lease: SpoolLease? = nil,
    whenDurable: @escaping @Sendable (SpoolAppendResult) -> Void
  ) {
    let fields = RecordFields.encode(attempts: attempts, note: note, itemEnds: itemEnds)
    add(
      SpoolRequest(
        fields: fields, body: .borrowed(body, owner), encoding: encoding,
        itemCount: UInt32(truncatingIfNeeded: itemEnds.count), time: time,
        replacing: lease.map { SpoolReplacement(lease: $0, isAll: true, isKept: false) },
        answer: { result, _ in whenDurable(result) }))
  }

  /// Stores what is left of a lease, or a part of it, as an entry that is leased already: who gets
  /// it goes on with it, and after a crash it is what comes again. The limit does not count.
  /// - Parameters:
  ///   - isAll: nothing else is left of `lease`, which ends in the same moment; else it goes on.
  ///   - whenDurable: as for `append`, with the new lease (without a body) when it is stored.
  public func appendRest(
    of lease: SpoolLease, isAll: Bool, body: UnsafeRawBufferPointer,
    keeping owner: any AnyObject & Sendable, encoding: UInt8, itemEnds: [UInt32],
    attempts: UInt32, time: Int64,
    whenDurable: @escaping @Sendable (SpoolAppendResult, SpoolLease?) -> Void
  ) {
    let fields = RecordFields.encode(attempts: attempts, note: [], itemEnds: itemEnds)
    let left = SpoolPayload(body: [], encoding: encoding, attempts: attempts, time: time)
    add(
      SpoolRequest(
        fields: fields, body: .borrowed(body, owner), encoding: encoding,
        itemCount: UInt32(truncatingIfNeeded: itemEnds.count), time: time,
        replacing: SpoolReplacement(lease: lease, isAll: isAll, isKept: true),
        answer: { result, id in whenDurable(result, id.map { SpoolLease(id: $0, payload: left) }) }
      ))
  }

  private func add(_ request: SpoolRequest) {
    let (isFirst, isClosed) = waiting.withLock { waiting in
      if waiting.isClosed { return (false, true) }
      waiting.requests.append(request)
      waiting.entries += 1
      defer { waiting.isScheduled = true }
      return (!waiting.isScheduled, false)
    }
    if isClosed {
      request.answer(.failed("the spool \(settings.directory) is closed"), nil)
    } else if isFirst {
      queue.async { self.drain() }
    }
  }

  /// Writes what waits. On the queue.
  private func drain() {
    while true {
      let batch = waiting.withLock { waiting in
        defer { waiting.requests = [] }
        waiting.isScheduled = !waiting.requests.isEmpty
        return waiting.requests
      }
      if batch.isEmpty { return }
      writer.write(batch, store) { request, result, id in
        request.answer(result, id)
        waiting.withLock { $0.entries -= 1 }
      }
    }
  }

  // MARK: Delivering

  /// Takes the oldest entry that nobody has, read back and checked; nil when there is none. Damaged
  /// ones go to quarantine on the way, counted. Reads one body from the disk.
  public func take() -> SpoolLease? { store.withLock { $0.take() } }

  /// The entry is delivered: it does not come again, also after a crash of the process.
  public func finish(_ lease: SpoolLease) {
    let isIdle = store.withLock { $0.finish(lease) }
    if isIdle { queue.async { self.retire() } }
  }

  /// The entry is not delivered: it is the oldest again.
  /// - Parameter attempts: how often it was tried, for whoever takes it next; without it, what
  ///   `lease.payload.attempts` says. Forgotten at a restart.
  public func giveBack(_ lease: SpoolLease, attempts: UInt32? = nil) {
    store.withLock { $0.giveBack(lease, attempts: attempts) }
  }

  /// Ends the active segment when nothing in it is wanted: an empty spool leaves no files. On the
  /// queue.
  private func retire() { writer.retire(store) }

  /// Waits for the appends that are under way, and lets go of the directory. What is pending stays
  /// on the disk. Later calls do nothing; not to be called from `whenDurable`.
  public func close() {
    waiting.withLock { $0.isClosed = true }
    queue.sync {
      drain()
      writer.retire(store)
      store.withLock { $0.close() }
      writer.close()
    }
  }
}

/// Reads the numbers of a store without its lock.
private struct TallyReader: Sendable {
  // SAFETY: the reference is constant, and the tally has a lock of its own.
  private nonisolated(unsafe) let store: SpoolStore
  init(_ store: SpoolStore) { self.store = store }
  var read: SpoolTally { store.tally.withLock { $0 } }
}

/// Nanoseconds since 1970.
@Sendable
func wallClock() -> Int64 {
  var now = timespec()
  clock_gettime(CLOCK_REALTIME, &now)
  return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}
