import CWeirSystem
import Dispatch
import Glibc
import WeirDelivery
import WeirRing
import WeirStage
import WeirTelemetry

/// What becomes of a file whose name moved on: it is read to its end, waited for, and closed.
extension Tailer {
  /// A writer may still hold a renamed file when its successor exists (30 ms were seen): the
  /// successor waits until the old file was quiet for so long, in nanoseconds.
  static let quietTime: Int64 = 100_000_000
  /// … but no longer than this after the rename: some writers never let go.
  static let quietTimeMax: Int64 = 1_000_000_000
  /// Idle time after which a deleted file is closed, in nanoseconds, if `rotate_wait` is longer.
  static let deletedWait: Int64 = 1_000_000_000
  /// Disk space that deleted files may be held open for; beyond it the oldest is given up.
  static let heldBytesMax = 1 << 30

  /// Looks in a row at a stream whose files change their names meanwhile; the next event or
  /// refresh goes on from there.
  static let looksMax = 16

  /// Compares what stands at a stream's path with what is being read.
  func check(_ stream: TailStream) {
    for _ in 0..<Self.looksMax where look(at: stream) { return }
    gaveUp(stream.path)
  }

  /// Names moved under every look.
  func gaveUp(_ path: Path) {
    tell(path, "its name changes faster than it is looked at; the next event or refresh goes on")
  }

  /// - Returns: false when names have moved under the look, so that files may have been missed.
  private func look(at stream: TailStream) -> Bool {
    guard let status = FileStatus(of: stream.path), status.isRegular else {
      vanished(stream)
      return true
    }
    stream.isGone = false
    if !stream.mustReopen, staysParked(stream, status) { return true }
    if unpark(stream, status) { return true }
    if let newest = stream.chain.last, newest.key == status.key {
      if newest.isLeft { rejoin(newest) }
      activateIfGrown(newest, status.size)
      return true
    }
    if openFiles[status.key] != nil { return true }
    follow(stream)
    if let newest = stream.chain.last, !newest.isLeft { leave(newest) }
    listing.reset()
    let isComplete = open(openings(of: stream, status), in: stream)
    settle(stream)
    hasOpened(stream)
    return isComplete
  }

  /// Nothing stands at the path: between the two steps of a rotation, or for good.
  private func vanished(_ stream: TailStream) {
    stream.isGone = !nameExists(stream.path)
    leaveParked(stream)
    if let newest = stream.chain.last, !newest.isLeft { leave(newest) }
    if stream.isGone && stream.chain.isEmpty && stream.drained.isEmpty { end(stream) }
    care()
  }

  /// Every file but the newest has been left; the name means the newest.
  func settle(_ stream: TailStream) {
    for file in stream.chain.dropLast() where !file.isLeft { leave(file, at: 0) }
    index(stream)
    if stream.chain.count > 1 && !holding.contains(where: { $0 === stream }) {
      holding.append(stream)
    }
    care()
  }

  /// The name is another file's now, or nobody's: the file is read to its end and then closed.
  func leave(_ file: TailFile, at time: Int64 = Clock.monotonic()) {
    file.isLeft = true
    file.leftAt = time
    left.append(file)
    if !file.isCompressed { extendFingerprint(file) }
    let path = file.status?.links == 0 ? file.path : locate(file.known) ?? file.path
    update(file.known, path: path, isRotated: true)
    count(InputCounterNames.filesRotated)
  }

  /// A renamed file has its name back.
  private func rejoin(_ file: TailFile) {
    file.isLeft = false
    left.removeAll { $0 === file }
    update(file.known, path: file.stream.realPath, isRotated: false)
    index(file.stream)
  }

  /// Where a rotated file is now: by its inode among the siblings of its old name.
  private func locate(_ file: KnownFile) -> Path? {
    if let open = openFiles[file.key], open.known !== file { return nil }
    let place = splitPath(file.row.path)
    listing.reset()
    let siblings = listing.siblings(place.directory, DirectoryListing.stem(place.name))
    // While a file is open its inode is its own; afterwards its bytes have to agree.
    return siblings.first {
      $0.status.key == file.key
        && (file.isOpen || Fingerprint.matches(file.row, prefix(of: $0.path, $0.isCompressed)))
    }?.path
  }

  // MARK: Care

  /// Looks after files that were left, as long as there are any.
  func care() {
    guard !isCaring, !isStopped,
      !(left.isEmpty && holding.isEmpty && pendingEnds.isEmpty && waiting.isEmpty)
    else { return }
    isCaring = true
    let pause = !holding.isEmpty ? 25 : !waiting.isEmpty ? Self.waitLookMs : 250
    host.queue.asyncAfter(deadline: .now() + .milliseconds(pause)) { [weak self] in
      guard let self else { return }
      self.isCaring = false
      guard !self.isStopped else { return }
      self.tendAll()
      self.register()
      self.schedulePump()
      self.care()
    }
  }

  private func tendAll() {
    let now = Clock.monotonic()
    holding.removeAll { stream in
      advance(stream, now)
      return stream.chain.count < 2
    }
    for file in left { tend(file, now) }
    openWaiting()
    shed()
    sendEnds()
  }

  /// Goes on to the next file of a stream once the one before it is read and quiet.
  private func advance(_ stream: TailStream, _ now: Int64) {
    while stream.chain.count > 1, let head = stream.chain.first, isRead(head) {
      guard isQuiet(head, now) || now - head.leftAt >= Self.quietTimeMax || head.isCompressed
      else { return }
      stream.chain.removeFirst()
      stream.drained.append(head)
      head.isDrained = true
      if let next = stream.chain.first { activate(next) }
    }
  }

  /// A file that was rotated long ago, and is only read now, has been quiet since.
  private func isQuiet(_ file: TailFile, _ now: Int64) -> Bool {
    if now - max(file.grownAt, file.leftAt) >= Self.quietTime { return true }
    return file.status.map { Clock.wall() - $0.changedNanoseconds >= Self.quietTime } ?? true
  }

  /// True when everything that the file holds was taken; wakes it when it has more.
  private func isRead(_ file: TailFile) -> Bool {
    guard file.isAtEnd, !file.isQueued else { return false }
    if file.isCompressed { return true }
    guard let status = file.status, status.size > file.offset + UInt64(file.scanned) else {
      return true
    }
    activate(file)
    return false
  }

  private func tend(_ file: TailFile, _ now: Int64) {
    let stream = file.stream
    if stream.chain.count > 1 && stream.chain.first === file { return }
    guard file.isDrained || stream.chain.first === file, isRead(file) else { return }
    let isDeleted = file.status?.links == 0
    let isShort = isDeleted || !waiting.isEmpty
    let wait =
      file.isCompressed
      ? 0 : isShort ? min(options.rotateWait, Self.deletedWait) : options.rotateWait
    guard now - max(file.grownAt, file.leftAt) >= wait else { return }
    if file.scanned > 0, !takeUnfinished(file) { return }
    close(file)
  }

  /// Closes a file for good; its row stays as long as the file exists.
  func close(_ file: TailFile) {
    let stream = file.stream
    file.known.end = file.offset
    file.known.isOpen = false
    file.known.isDrained = file.isLeft && file.isAtEnd
    openFiles[file.key] = nil
    stream.chain.removeAll { $0 === file }
    stream.drained.removeAll { $0 === file }
    left.removeAll { $0 === file }
    file.close()
    count(InputCounterNames.filesClosed)
    if file.known.isBlank { drop(file.known) } else { put(file.known) }
    index(stream)
    if stream.isGone && stream.chain.isEmpty && stream.drained.isEmpty { end(stream) }
  }

  /// Deleted files that nobody can read fast enough must not fill the disk.
  private func shed() {
    var held: [(TailFile, Int)] = []
    for file in left {
      guard let status = file.status, status.links == 0 else { continue }
      held.append((file, status.diskBytes))
    }
    var total = held.reduce(0) { $0 + $1.1 }
    for (file, bytes) in held where total > Self.heldBytesMax {
      let size = file.status?.size ?? file.offset
      let lost = Int(clamping: Int64(size) - Int64(file.offset))
      if lost > 0 {
        host.counters.drop(.lostFile, records: 0, bytes: lost)
        count(InputCounterNames.shedBytes, lost)
        Log.error(
          "\(host.name): \(printable(file.path)): deleted and not read in time, "
            + "\(lost) bytes are given up so that the disk does not fill")
      }
      total -= bytes
      file.isAtEnd = true
      close(file)
    }
  }

  // MARK: Ends

  /// The stream's name is gone and everything of it is read.
  private func end(_ stream: TailStream) {
    guard streams[stream.path] === stream else { return }
    streams[stream.path] = nil
    unfollow(stream)
    holding.removeAll { $0 === stream }
    if stream.lastGeneration != nil { pendingEnds.append(stream) }
    sendEnds()
  }

  /// Lets go of a stream that is not read on but may come back; what it holds open leaves.
  func retire(_ stream: TailStream) {
    for file in stream.openFiles { close(file) }
    stream.isGone = true
    end(stream)
  }

  func sendEnds() {
    while let stream = pendingEnds.first, sendMark(stream, .streamEnd) {
      pendingEnds.removeFirst()
    }
  }

  /// Forgets closed files that exist no more and whose records are all done. Others are looked for
  /// under the name that they may have now.
  func prune() {
    listing.reset()
    for file in Array(known.values) where !file.isOpen {
      let others = knownByKey[file.key] ?? []
      let isReused = others.contains {
        $0 !== file && ($0.isOpen || $0.row.order > file.row.order)
      }
      if !isReused {
        if FileStatus(of: file.row.path)?.key == file.key { continue }
        if let path = locate(file) {
          update(file, path: path, isRotated: true)
          continue
        }
      }
      if let sibling = compressedForm(of: file) {
        update(file, path: sibling.path, key: sibling.status.key, isRotated: true)
      } else {
        tellUnread(file)
        if file.isForgettable { drop(file) }
      }
    }
    listing.reset()
  }

  /// Counts what a file that is gone still had when it was closed, or was looked at since.
  private func tellUnread(_ file: KnownFile) {
    let bytes = file.unread
    guard bytes > 0 else { return }
    file.sizeSeen = 0
    host.counters.drop(.lostFile, records: 0, bytes: bytes)
    count(InputCounterNames.lostBytes, bytes)
    tell(
      file.row.path,
      "it is gone with \(bytes) bytes that were not read: it was closed at a stop, or as there are "
        + "more files than may be open")
  }

  private func drop(_ file: KnownFile) {
    forget(file)
    store.remove(file.row.id)
  }

  /// Forgets rows of files that were empty and are not open: only their inode speaks for them, and
  /// inodes come back. Nothing was read of them, so nothing is lost.
  func dropBlanks() {
    for file in Array(known.values) where !file.isOpen && file.isBlank { drop(file) }
  }

  /// The `.gz` that a file has become: by its name, else by its first bytes.
  private func compressedForm(of file: KnownFile) -> Sibling? {
    let place = splitPath(file.row.path)
    let compressed = file.row.path + Path(".gz".utf8)
    let siblings = listing.siblings(place.directory, DirectoryListing.stem(place.name)).filter {
      $0.isCompressed
    }
    if let sibling = siblings.first(where: { $0.path == compressed }) { return sibling }
    guard file.row.fingerprintLength >= Fingerprint.lengthOfProof, !file.isForgettable else {
      return nil
    }
    return siblings.first { sibling in
      knownByKey[sibling.status.key] == nil
        && Fingerprint.matches(file.row, prefix(of: sibling.path, true))
    }
  }

  /// Closes files that were not written for longer than `ignore_older`.
  func closeStale() {
    for stream in Array(streams.values) {
      guard let file = stream.chain.first, stream.chain.count == 1, file.isAtEnd,
        let status = file.status, isTooOld(status)
      else { continue }
      retire(stream)
    }
  }

  /// The slow poll: wakes files that have grown without an event, and names those that stay behind.
  func checkStalls() {
    for file in openFiles.values {
      guard let status = file.status, !file.isQueued, file.isAtEnd else { continue }
      let isBehind = !file.isCompressed && status.size > file.offset + UInt64(file.scanned)
      if isBehind, file.isBehind, file.offsetAtCheck == file.offset {
        count(InputCounterNames.stalledFiles)
        tell(file.path, "it grows but is not read on")
      }
      file.isBehind = isBehind
      file.offsetAtCheck = file.offset
      if isBehind { activate(file) }
    }
  }
}
