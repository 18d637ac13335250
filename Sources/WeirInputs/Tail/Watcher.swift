import CWeirSystem
import Dispatch
import Glibc

/// One change in a watched directory. The name is valid during the call only.
struct WatchEvent {
  var watch: Int32
  var mask: UInt32
  var name: UnsafeBufferPointer<UInt8>
}

/// One inotify descriptor on the input lane, watching directories.
///
/// A busy directory makes an event per write: after the first one the descriptor rests for a short
/// time and is then read in bulk, so that a flood of small writes costs a hundred wake-ups a
/// second and not one per line. A quiet one is told at once.
final class Watcher: @unchecked Sendable {
  /// Pause between bulk reads while events keep coming.
  static let restMs = 10
  static let bufferBytes = 256 << 10

  private let descriptor: Int32
  private let queue: DispatchQueue
  private let source: any DispatchSourceRead
  private let buffer: UnsafeMutableRawPointer
  private var isResting = false
  private var isStopped = false
  private let onEvent: (WatchEvent) -> Void
  /// Called after each bulk read, so that work is begun once for many events.
  private let onBatch: () -> Void

  /// - Returns: nil when the kernel gives no inotify instance (their number is limited per user).
  init?(
    queue: DispatchQueue, onEvent: @escaping (WatchEvent) -> Void, onBatch: @escaping () -> Void
  ) {
    descriptor = inotify_init1(O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    self.queue = queue
    self.onEvent = onEvent
    self.onBatch = onBatch
    buffer = .allocate(byteCount: Self.bufferBytes, alignment: 8)
    source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
    let fd = descriptor
    source.setCancelHandler { Glibc.close(fd) }
    source.setEventHandler { [weak self] in self?.wake() }
    source.resume()
  }

  deinit {
    stop()
    buffer.deallocate()
  }

  /// Watches a directory; more bits are added to what is watched already.
  /// - Returns: the watch's number, or -1 with errno set.
  func add(_ directory: Path, _ mask: UInt32) -> Int32 {
    let bits = mask | UInt32(IN_ONLYDIR) | UInt32(IN_MASK_ADD)
    return withPath(directory) { inotify_add_watch(descriptor, $0, bits) }
  }

  func remove(_ watch: Int32) { inotify_rm_watch(descriptor, watch) }

  func stop() {
    guard !isStopped else { return }
    isStopped = true
    // A suspended source must not be released.
    if isResting { source.resume() }
    source.cancel()
  }

  private func wake() {
    guard !isStopped, !isResting else { return }
    if drain() { rest() }
  }

  private func rest() {
    isResting = true
    source.suspend()
    queue.asyncAfter(deadline: .now() + .milliseconds(Self.restMs)) { [weak self] in
      self?.look()
    }
  }

  /// After a rest: reads what came meanwhile; only when nothing did does the source watch again.
  private func look() {
    guard !isStopped else { return }
    isResting = false
    source.resume()
    if drain() { rest() }
  }

  /// Reads everything there is; false when there was nothing.
  private func drain() -> Bool {
    var hadEvents = false
    while true {
      let n = read(descriptor, buffer, Self.bufferBytes)
      guard n > 0 else { break }
      hadEvents = true
      parse(n)
      if n < Self.bufferBytes / 2 { break }
    }
    if hadEvents { onBatch() }
    return hadEvents
  }

  private func parse(_ length: Int) {
    let header = MemoryLayout<inotify_event>.size
    var at = 0
    while at + header <= length {
      // SAFETY: the kernel writes whole, aligned events; the name follows its header.
      let event = buffer.load(fromByteOffset: at, as: inotify_event.self)
      let name = (buffer + at + header).assumingMemoryBound(to: UInt8.self)
      let room = Int(event.len)
      let count = room == 0 ? 0 : strnlen(UnsafePointer<CChar>(OpaquePointer(name)), room)
      onEvent(
        WatchEvent(
          watch: event.wd, mask: event.mask,
          name: UnsafeBufferPointer(start: name, count: count)))
      at += header + room
    }
  }
}

/// A directory that is watched, and why.
final class WatchedDirectory {
  /// A component of a glob that is looked for in this directory.
  struct Role {
    var pattern: Int
    var level: Int
    /// The directory as the glob reaches it.
    var path: Path
  }

  let watch: Int32
  var roles: [Role] = []
  /// Streams whose real file lies here, by the file's name.
  var streams: [Path: [TailStream]] = [:]

  init(watch: Int32) { self.watch = watch }

  func add(_ role: Role) {
    let known = roles.contains {
      $0.pattern == role.pattern && $0.level == role.level && $0.path == role.path
    }
    if !known { roles.append(role) }
  }
}
