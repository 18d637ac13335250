import Glibc
import WeirSystem
import WeirTelemetry

/// What an append means for the lease that it is a part of.
struct SpoolReplacement: Sendable {
  let lease: SpoolLease
  /// It is all that is left: the lease ends with it.
  let isAll: Bool
  /// Who appends goes on with the new entry: nobody else takes it.
  let isKept: Bool
}

/// An append that waits.
struct SpoolRequest: Sendable {
  enum Body: @unchecked Sendable {
    // SAFETY: unchecked because of the pointer: its owner keeps the bytes, unchanged, until the
    // request is answered.
    case array([UInt8])
    case borrowed(UnsafeRawBufferPointer, any AnyObject & Sendable)

    func withBytes<T>(_ body: (UnsafeRawBufferPointer) -> T) -> T {
      switch self {
      case .array(let bytes): bytes.withUnsafeBytes(body)
      case .borrowed(let bytes, let owner): withExtendedLifetime(owner) { body(bytes) }
      }
    }
  }

  let fields: [UInt8]
  let body: Body
  let bodyLength: Int
  let contentHash: UInt64
  let encoding: UInt8
  let itemCount: UInt32
  let time: Int64
  let replacing: SpoolReplacement?
  /// The result, and the entry that it is now.
  let answer: @Sendable (SpoolAppendResult, SpoolEntryID?) -> Void

  /// Takes the checksum of the contents, on the thread that appends.
  init(
    fields: [UInt8], body: Body, encoding: UInt8, itemCount: UInt32, time: Int64,
    replacing: SpoolReplacement?,
    answer: @escaping @Sendable (SpoolAppendResult, SpoolEntryID?) -> Void
  ) {
    self.fields = fields
    self.body = body
    (bodyLength, contentHash) = body.withBytes { bytes in
      (bytes.count, SpoolFormat.contentHash(fields: fields, body: bytes))
    }
    self.encoding = encoding
    self.itemCount = itemCount
    self.time = time
    self.replacing = replacing
    self.answer = answer
  }

  var recordBytes: Int { SpoolFormat.recordHeaderBytes + fields.count + bodyLength }

  func header(_ index: UInt32, salt: UInt64) -> RecordHeader {
    RecordHeader(
      encoding: encoding, salt: salt, index: index,
      fieldsLength: UInt32(truncatingIfNeeded: fields.count),
      bodyLength: UInt32(truncatingIfNeeded: bodyLength), itemCount: itemCount, time: time,
      contentHash: contentHash)
  }
}

/// Writes the segments of a spool. Used on the spool's queue only.
final class SpoolWriter {
  private struct Active {
    var id: UInt64
    var salt: UInt64
    var descriptor: Int32
    /// Where the next record goes.
    var end: Int
    var nextIndex: UInt32
    /// As far as it is on the disk and visible.
    var syncedEnd: Int
    var syncedIndex: UInt32
  }

  /// Names that are tried for a segment.
  static let takenNamesMax = 16

  typealias Answer = (SpoolRequest, SpoolAppendResult, SpoolEntryID?) -> Void

  private let settings: SpoolSettings
  private let files: any SpoolFiles
  private let clock: @Sendable () -> Int64
  private var lock: SpoolLock?
  private var active: Active?
  private var nextID: UInt64
  /// Written and not synced.
  private var group: [SpoolRequest] = []
  private var hasFailed = false

  init(
    _ settings: SpoolSettings, _ files: any SpoolFiles, _ lock: consuming SpoolLock,
    _ recovery: SpoolRecovery, _ clock: @escaping @Sendable () -> Int64
  ) {
    self.settings = settings
    self.files = files
    self.clock = clock
    self.lock = consume lock
    nextID = recovery.nextID
    if let (segment, descriptor) = recovery.active {
      active = Active(
        id: segment.id, salt: segment.salt, descriptor: descriptor, end: segment.bytes,
        nextIndex: segment.count, syncedEnd: segment.bytes, syncedIndex: segment.count)
    }
  }

  /// Writes requests, and answers each of them.
  func write(_ requests: [SpoolRequest], _ store: borrowing Locked<SpoolStore>, _ answer: Answer) {
    for request in requests {
      if admit(request, store, answer) {
        put(request, store, answer)
      } else {
        store.withLock { $0.count { $0.counters.refused += 1 } }
        answer(request, .full, nil)
      }
    }
    commit(store, answer)
  }

  // MARK: Room

  private func admit(
    _ request: SpoolRequest, _ store: borrowing Locked<SpoolStore>, _ answer: Answer
  ) -> Bool {
    if request.recordBytes > SpoolSettings.payloadBytesMax { return false }
    guard let limit = settings.limitBytes, request.replacing == nil else { return true }
    let wanted = request.recordBytes + SpoolFormat.segmentHeaderBytes
    if wanted > limit { return false }
    var missing = missing(wanted, limit, store)
    if missing <= 0 { return true }
    if settings.policy == .block {
      // A segment that is finished but still open would hold its space for ever.
      retire(store)
      return self.missing(wanted, limit, store) <= 0
    }
    missing = store.withLock { $0.shed(missing) }
    if missing <= 0 { return true }
    // Only what is written now, or is taken, is left: the former can be shed once it is closed.
    end(store, answer)
    return store.withLock { $0.shed(missing) } <= 0
  }

  /// Bytes above the limit, were so many added.
  private func missing(
    _ wanted: Int, _ limit: Int, _ store: borrowing Locked<SpoolStore>
  ) -> Int {
    let unsynced = active.map { $0.end - $0.syncedEnd } ?? 0
    return store.withLock { $0.tally.withLock { $0.diskBytes } } + unsynced + wanted - limit
  }

  // MARK: Writing

  private func put(
    _ request: SpoolRequest, _ store: borrowing Locked<SpoolStore>, _ answer: Answer
  ) {
    if let now = active,
      now.end >= settings.rollBytes || now.nextIndex >= SpoolFormat.entriesMax
    {
      end(store, answer)
    }
    if active == nil, let message = begin(store) {
      fail([request], message, store, answer)
      return
    }
    guard let now = active else { return }
    let head = request.header(now.nextIndex, salt: now.salt).bytes + request.fields
    let status = head.withUnsafeBytes { head in
      request.body.withBytes { files.writeAll(now.descriptor, head, $0, at: now.end) }
    }
    if status == 0 {
      active?.end += request.recordBytes
      active?.nextIndex += 1
      group.append(request)
      return
    }
    let message = "cannot write \(name(now.id)): \(files.text(Int(status)))"
    // What came before it may be fine; the half record must not stay behind it.
    let isCut = files.truncate(now.descriptor, to: now.end) == 0
    commit(store, answer)
    if !isCut { end(store, answer) }
    fail([request], message, store, answer)
  }

  private func name(_ id: UInt64) -> String {
    "\(settings.directory)/\(SegmentName.segment(id))"
  }

  /// Makes the next segment; a text when that fails.
  private func begin(_ store: borrowing Locked<SpoolStore>) -> String? {
    var id = nextID
    var path = name(id)
    let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW
    var descriptor = files.open(path, flags)
    // Somebody has put a file there since the spool was opened: it is left alone.
    for _ in 0..<Self.takenNamesMax where descriptor == -EEXIST {
      nextID += 1
      id = nextID
      path = name(id)
      descriptor = files.open(path, flags)
    }
    if descriptor < 0 { return "cannot make \(path): \(files.text(Int(descriptor)))" }
    nextID += 1
    let header = SegmentHeader(id: id, salt: .random(in: 1...UInt64.max), created: clock())
    let bytes = header.bytes
    var status = bytes.withUnsafeBytes { files.writeAll(descriptor, $0, at: 0) }
    if status == 0 { status = files.syncDirectory(settings.directory) }
    if status != 0 {
      files.close(descriptor)
      _ = files.remove(path)
      return "cannot make \(path): \(files.text(Int(status)))"
    }
    active = Active(
      id: id, salt: header.salt, descriptor: descriptor, end: bytes.count, nextIndex: 0,
      syncedEnd: bytes.count, syncedIndex: 0)
    var segment = Segment(id: id, salt: header.salt, bytes: bytes.count)
    segment.isActive = true
    store.withLock { $0.begin(segment) }
    return nil
  }

  /// Syncs what was written, makes it visible and answers it.
  private func commit(_ store: borrowing Locked<SpoolStore>, _ answer: Answer) {
    guard let now = active, !group.isEmpty else { return }
    let done = group
    group = []
    let status = files.syncData(now.descriptor)
    if status != 0 {
      // After a failed sync nobody knows what is on the disk: nothing more goes into this file.
      takeBack(now, store)
      let message = "cannot sync \(name(now.id)): \(files.text(Int(status)))"
      fail(done, message, store, answer)
      return
    }
    active?.syncedEnd = now.end
    active?.syncedIndex = now.nextIndex
    var amount = SpoolAmount(entries: done.count, bytes: now.end - now.syncedEnd)
    for request in done { amount.items += Int(request.itemCount) }
    store.withLock { store in
      store.publish(amount, now.id, count: now.nextIndex)
      replace(done, now, store)
    }
    if hasFailed { Log.info("\(settings.directory): appends are stored again") }
    hasFailed = false
    for (place, request) in done.enumerated() {
      let index = now.syncedIndex + UInt32(place)
      answer(request, .stored, SpoolEntryID(segment: now.id, index: index))
    }
  }

  /// Ends the leases that visible requests replace, and leases those to whom they belong.
  private func replace(_ done: [SpoolRequest], _ now: Active, _ store: SpoolStore) {
    var offset = now.syncedEnd
    for (place, request) in done.enumerated() {
      defer { offset += request.recordBytes }
      guard let replacement = request.replacing else { continue }
      if replacement.isKept {
        let amount = SpoolAmount(
          entries: 1, items: Int(request.itemCount), bytes: request.recordBytes)
        store.lease(
          SpoolEntryID(segment: now.id, index: now.syncedIndex + UInt32(place)),
          SpoolStore.Taken(offset: offset, amount: amount))
      }
      if replacement.isAll { _ = store.finish(replacement.lease, isReplaced: true) }
    }
  }

  /// Cuts off what was not synced, or else notes that it is not wanted, and ends the segment.
  private func takeBack(_ now: Active, _ store: borrowing Locked<SpoolStore>) {
    let isCut = files.truncate(now.descriptor, to: now.syncedEnd) == 0
    store.withLock { store in
      if !isCut, let place = store.position(now.id) {
        store.note(Array(now.syncedIndex..<now.nextIndex), place)
      }
      store.seal(now.id)
    }
    files.close(now.descriptor)
    active = nil
  }

  private func fail(
    _ requests: [SpoolRequest], _ message: String, _ store: borrowing Locked<SpoolStore>,
    _ answer: Answer
  ) {
    store.withLock { $0.count { $0.counters.failed += requests.count } }
    if !hasFailed { Log.error("\(message); appends fail until that is mended") }
    hasFailed = true
    for request in requests { answer(request, .failed(message), nil) }
  }

  // MARK: Ending a segment

  /// Ends the active segment, after a sync of what is in it.
  private func end(_ store: borrowing Locked<SpoolStore>, _ answer: Answer) {
    commit(store, answer)
    guard let now = active else { return }
    active = nil
    files.close(now.descriptor)
    store.withLock { $0.seal(now.id) }
  }

  /// Ends the active segment when everything in it is finished.
  func retire(_ store: borrowing Locked<SpoolStore>) {
    guard let now = active, group.isEmpty else { return }
    let isDone = store.withLock { store in
      store.position(now.id).map { store.segments[$0].isDone } ?? true
    }
    if isDone { end(store) { _, _, _ in } }
  }

  /// Lets go of files and lock.
  func close() {
    if let now = active { files.close(now.descriptor) }
    active = nil
    lock = nil
  }
}
