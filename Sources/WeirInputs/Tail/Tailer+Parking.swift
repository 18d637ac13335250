import CWeirSystem
import Dispatch
import Glibc
import WeirDelivery
import WeirRing
import WeirStage
import WeirTelemetry

/// What is known of a stream's file while it is closed to save a descriptor.
struct ParkedFile {
  let known: KnownFile
  let key: FileKey
  /// Bytes that it had, and when it was last written, when it was closed.
  let size: UInt64
  let modifiedNanoseconds: Int64
  /// Everything that it had was read.
  let isRead: Bool

  init(_ file: TailFile, _ status: FileStatus) {
    known = file.known
    known.sizeSeen = status.size
    key = status.key
    size = status.size
    modifiedNanoseconds = status.modifiedNanoseconds
    isRead = status.size == file.offset
  }

  /// Notes how much it has at a look.
  func see(_ status: FileStatus) {
    if key == status.key && !known.isOpen { known.sizeSeen = status.size }
  }

  /// True when it is read, and nothing has happened to it since.
  func isUnchanged(_ status: FileStatus) -> Bool {
    isRead && key == status.key && size == status.size
      && modifiedNanoseconds == status.modifiedNanoseconds
  }
}

/// More files than descriptors: those that are read to their end are closed (parked) and opened
/// again, by their inode and first bytes, when they change; those that cannot be opened now wait.
///
/// A parked file is to this input what a file is to it after a restart, so rotations meanwhile are
/// found the same way. Rotated files give their descriptor up after a second of quiet while
/// others wait. What cannot be kept: bytes written to a parked file that is deleted before it could
/// be opened again; those that a look has seen are counted as lost.
extension Tailer {
  /// How long a file that is not read to its end is read before others get its descriptor, while
  /// some wait, in nanoseconds.
  static let parkAfter: Int64 = 500_000_000
  /// Time between looks at those that wait, in milliseconds.
  static let waitLookMs = 50

  /// Makes room after a file was opened: closes idle files, oldest first, or else the new one.
  func keepWithinDescriptors(_ newest: TailFile) {
    guard descriptors.excess > 0 else { return }
    if parkIdle(descriptors.excess, but: newest) < 1, isParkable(newest) { park(newest) }
  }

  /// True when a parked stream stays as it is for now.
  func staysParked(_ stream: TailStream, _ status: FileStatus) -> Bool {
    guard let parked = stream.parked else { return false }
    parked.see(status)
    if parked.isUnchanged(status) || stream.isWaiting { return true }
    if descriptors.hasRoom || parkIdle(1, but: nil) > 0 { return false }
    wait(stream)
    return true
  }

  private func wait(_ stream: TailStream) {
    guard !stream.isWaiting else { return }
    stream.isWaiting = true
    waiting.append(stream)
    care()
  }

  /// Parks up to `count` files that are read to their end, those first that were idle longest.
  /// - Returns: how many.
  @discardableResult
  private func parkIdle(_ count: Int, but newest: TailFile?) -> Int {
    let idle = openFiles.values.filter { $0 !== newest && $0.isAtEnd && isParkable($0) }
      .sorted { $0.grownAt < $1.grownAt }
    // Some more at once: the look at all files is not made for each.
    let wanted = max(count, descriptors.filesMax / 16)
    var parked = 0
    for file in idle where parked < wanted {
      if park(file) { parked += 1 }
    }
    return parked
  }

  private func isParkable(_ file: TailFile) -> Bool {
    let stream = file.stream
    return !file.isLeft && !file.isCompressed && file.scanned == 0 && stream.chain.count == 1
      && stream.chain.first === file
  }

  /// Closes a file; what is open in its stream stays open there.
  /// - Returns: false for one that was cut off or rewritten: only its reader can tell what is lost.
  @discardableResult
  private func park(_ file: TailFile) -> Bool {
    guard let status = file.status, file.standsAsRead(status) else {
      activate(file)
      schedulePump()
      return false
    }
    let stream = file.stream
    unregistered.removeAll { $0 === file }
    close(file)
    let parked = ParkedFile(file, status)
    stream.parked = parked
    count(InputCounterNames.filesParked)
    if !parked.isRead { wait(stream) }
    return true
  }

  /// The name of a parked file is gone, or another file's. It is forgotten once it is gone too.
  func leaveParked(_ stream: TailStream) {
    if let known = stream.parked?.known, !known.isOpen { known.isDrained = true }
    stream.parked = nil
  }

  /// Opens files that wait, as far as there is room; files that are read for long make some.
  func openWaiting() {
    guard !waiting.isEmpty else { return }
    let now = Clock.monotonic()
    let room = descriptors.filesMax - descriptors.openCount
    if room < waiting.count {
      let missing = min(waiting.count - max(0, room), max(1, descriptors.filesMax / 4))
      let parked = parkIdle(missing, but: nil)
      if parked < missing { parkBusy(missing - parked, now) }
    }
    let due = waiting
    waiting.removeAll(keepingCapacity: true)
    for (index, stream) in due.enumerated() {
      guard descriptors.hasRoom else {
        waiting.append(contentsOf: due[index...])
        break
      }
      stream.isWaiting = false
      guard streams[stream.path] === stream, stream.parked != nil else { continue }
      reopen(stream)
    }
    register()
  }

  private func parkBusy(_ count: Int, _ now: Int64) {
    let busy = openFiles.values.filter { now - $0.openedAt >= Self.parkAfter && isParkable($0) }
      .sorted { $0.openedAt < $1.openedAt }
    for file in busy.prefix(count) { park(file) }
  }

  private func reopen(_ stream: TailStream) {
    // Not to wait again: there is room now.
    stream.mustReopen = true
    check(stream)
    stream.mustReopen = false
  }

  /// Opens the file of a parked stream where it is the same one and has not shrunk: its siblings
  /// need not be looked at.
  /// - Returns: false when the whole look is needed.
  func unpark(_ stream: TailStream, _ status: FileStatus) -> Bool {
    guard let parked = stream.parked, parked.key == status.key, parked.size <= status.size,
      stream.chain.isEmpty
    else { return false }
    follow(stream)
    let opening = current(of: stream, status)
    // Nobody held it open: its inode may be another file's by now.
    guard opening.known?.key == parked.key, open(opening, in: stream) else { return false }
    settle(stream)
    hasOpened(stream)
    return true
  }

  /// Ends the parking of a stream that has an open file again, and keeps within the descriptors.
  func hasOpened(_ stream: TailStream) {
    guard let newest = stream.chain.last else { return }
    if stream.parked != nil { count(InputCounterNames.filesUnparked) }
    leaveParked(stream)
    keepWithinDescriptors(newest)
  }
}
