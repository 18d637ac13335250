import CWeirSystem
import Dispatch
import Glibc
import WeirDelivery
import WeirRing
import WeirStage
import WeirSystem
import WeirTelemetry

/// The running part of a `tail` input: finds files, follows them, fills slots.
///
/// Everything happens on the input lane and nothing there blocks. The concerns have a file each:
/// discovery (globs and watches), opening (identity, start positions, siblings), rotation (what
/// becomes of a file whose name moved on), reading (turns, long lines) and flushing.
final class Tailer: @unchecked Sendable {
  let host: InputHost
  let options: TailOptions
  let store: CheckpointStore
  let tags: TagMaker
  let patterns: [GlobPattern]
  let listing = DirectoryListing()

  // Files and streams.
  var streams: [Path: TailStream] = [:]
  /// The open files by identity: an inode is not reused while it is held open.
  var openFiles: [FileKey: TailFile] = [:]
  /// All generations that still matter, also of closed files.
  var known: [GenerationID: KnownFile] = [:]
  var knownByKey: [FileKey: [KnownFile]] = [:]
  var knownByStream: [Path: [KnownFile]] = [:]
  var foreign: [UInt64: [ForeignRow]] = [:]
  var nextOrder: Int64 = 0
  /// Files whose row is on its way to the store.
  var unregistered: [TailFile] = []
  /// Rotated and deleted files that are still open.
  var left: [TailFile] = []
  /// Streams whose next file waits for the one before it.
  var holding: [TailStream] = []
  /// Streams that have something to read and no descriptor.
  var waiting: [TailStream] = []
  let descriptors: DescriptorBudget

  // Start positions.
  /// There was a process before this one that stored positions.
  var hasHistory = false
  /// The first scan of this process is over.
  var isFirstScanDone = false
  /// Seconds since 1970: siblings of unknown streams written later are news.
  var newsSince: Int64 = 0

  // Reading.
  var active: [TailFile] = []
  var activeHead = 0
  var blocked: [TailFile] = []
  var isStalled = false
  private(set) lazy var pumpWork = RepeatedWork(on: host.queue) { [unowned self] in pump() }
  var isPumpScheduled = false
  var isStopped = false
  let scratch: UnsafeMutableRawPointer
  static let scratchBytes = 64 << 10

  // Watching.
  var watcher: Watcher?
  var directories: [Int32: WatchedDirectory] = [:]
  /// The file that a change of a name in a watched directory means, by a hash of both.
  var filesByName: [UInt64: TailFile] = [:]
  var isPolling = false
  var hasLostEvents = false
  var told: Set<Path> = []
  var refreshTimer: (any DispatchSourceTimer)?
  var isCaring = false
  var flushStreams: [TailStream] = []
  var isFlushTimerSet = false
  var pendingEnds: [TailStream] = []
  /// `exit_on_eof`: streams whose open records have not been told to leave yet.
  var unflushedAtEOF: [TailStream]?
  var hasAskedToStop = false

  /// Paths that a problem was told about at most; beyond it problems are only counted.
  static let toldMax = 1_024

  init(
    host: InputHost, options: TailOptions, store: CheckpointStore,
    descriptors: DescriptorBudget = .shared
  ) {
    self.host = host
    self.descriptors = descriptors
    self.options = options
    self.store = store
    tags = TagMaker(tag: options.tag, regex: options.tagRegex)
    patterns = options.patterns.map(GlobPattern.init).filter { !$0.components.isEmpty }
    scratch = .allocate(byteCount: Self.scratchBytes, alignment: 64)
  }

  deinit { scratch.deallocate() }

  // MARK: Life

  /// Loads checkpoints, finds the first files and begins to read.
  /// - Throws: when the checkpoints cannot be read.
  func start() throws {
    descriptors.measure()
    let contents = try store.load()
    newsSince = contents.aliveSeconds ?? Int64(time(nil))
    hasHistory =
      !contents.rows.isEmpty || !contents.foreign.isEmpty || contents.aliveSeconds != nil
    for row in contents.rows {
      remember(KnownFile(row))
      nextOrder = max(nextOrder, row.order + 1)
    }
    for row in contents.foreign { foreign[row.inode, default: []].append(row) }
    if options.usesInotify { startWatcher() } else { isPolling = true }
    rescan()
    adoptLeftovers()
    dropBlanks()
    if !contents.foreign.isEmpty { store.markImported() }
    foreign.removeAll()
    isFirstScanDone = true
    register()
    startTimers()
    schedulePump()
  }

  private func startWatcher() {
    watcher = Watcher(
      queue: host.queue, onEvent: { [unowned self] in handle($0) },
      onBatch: { [unowned self] in finishEvents() })
    if watcher == nil {
      isPolling = true
      Log.warn(
        "\(host.name): no inotify instance is left (\(errorText())), files are polled; raise "
          + "fs.inotify.max_user_instances")
    }
  }

  private func startTimers() {
    let timer = DispatchSource.makeTimerSource(queue: host.queue)
    let interval = isPolling ? min(options.refreshInterval, 250_000_000) : options.refreshInterval
    timer.schedule(
      deadline: .now() + .nanoseconds(Int(interval)), repeating: .nanoseconds(Int(interval)),
      leeway: .nanoseconds(Int(interval / 10)))
    timer.setEventHandler { [unowned self] in refresh() }
    timer.resume()
    refreshTimer = timer
  }

  func stop() {
    flushAtStop()
    isStopped = true
    refreshTimer?.cancel()
    watcher?.stop()
  }

  /// Stores what outputs have acknowledged to the end, and forgets files that are gone.
  func finish() {
    for file in openFiles.values {
      file.known.end = file.offset
      file.known.isOpen = false
      if !file.isCompressed { file.known.sizeSeen = file.status?.size ?? 0 }
      file.close()
    }
    prune()
    store.flush()
  }

  // MARK: Memory of generations

  func remember(_ file: KnownFile) {
    known[file.row.id] = file
    knownByKey[file.key, default: []].append(file)
    knownByStream[file.row.stream, default: []].append(file)
  }

  func forget(_ file: KnownFile) {
    known[file.row.id] = nil
    knownByKey[file.key]?.removeAll { $0 === file }
    if knownByKey[file.key]?.isEmpty == true { knownByKey[file.key] = nil }
    knownByStream[file.row.stream]?.removeAll { $0 === file }
    if knownByStream[file.row.stream]?.isEmpty == true { knownByStream[file.row.stream] = nil }
  }

  /// Notes under which name a generation was seen last, and stores it.
  func update(_ file: KnownFile, path: Path, key: FileKey? = nil, isRotated: Bool) {
    if let key, key != file.key {
      knownByKey[file.key]?.removeAll { $0 === file }
      file.row.device = key.device
      file.row.inode = key.inode
      knownByKey[key, default: []].append(file)
    }
    file.row.path = path
    file.row.isRotated = isRotated
    put(file)
  }

  func put(_ file: KnownFile) {
    if let generation = file.generation { file.row.position = generation.committed }
    store.put(file.row)
  }

  // MARK: Messages

  /// Tells a problem with a path once, and counts it each time.
  func tell(_ path: Path, _ message: String) {
    host.counters.errors.add()
    count(InputCounterNames.errors)
    guard told.count < Self.toldMax, told.insert(path).inserted else { return }
    Log.warn("\(host.name): \(printable(path)): \(message)")
  }

  func count(_ name: String, _ n: Int = 1) { host.counters.extra[name]?.add(n) }
}
