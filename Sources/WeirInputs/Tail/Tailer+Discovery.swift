import CWeirSystem
import CXXHash
import Dispatch
import Glibc
import WeirRing
import WeirStage
import WeirTelemetry

/// Finding files: globs, watched directories, events.
extension Tailer {
  /// What is watched in directories that hold logs.
  static let leafMask = UInt32(
    IN_CREATE | IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF
      | IN_MOVE_SELF)
  /// What is watched in directories on the way.
  static let wayMask = UInt32(IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF)

  /// The slow look at everything: what events have told is found again, and what they have not.
  func refresh() {
    guard !isStopped else { return }
    let wasPolling = isPolling
    rescan()
    finishEvents()
    prune()
    checkStalls()
    if options.ignoresActiveOlder { closeStale() }
    if wasPolling { for file in openFiles.values { activateIfGrown(file) } }
  }

  /// Expands all globs, and looks at every stream.
  func rescan() {
    listing.reset()
    let before = Array(streams.values)
    for stream in before { stream.wasFound = false }
    for index in patterns.indices { walk(index, from: patterns[index].root, level: 0) }
    for stream in before where !stream.wasFound { check(stream) }
    listing.reset()
  }

  private func walk(_ pattern: Int, from directory: Path, level: Int) {
    patterns[pattern].walk(
      from: directory, level: level,
      visit: { [self] path, level in
        let isLeaf = level == patterns[pattern].components.count - 1
        guard let watched = watch(path, isLeaf ? Self.leafMask : Self.wayMask) else { return }
        watched.add(WatchedDirectory.Role(pattern: pattern, level: level, path: path))
      },
      found: { [self] in consider($0) },
      unreadable: { [self] in tell($0, "the folder cannot be read: \(errorText($1))") })
  }

  /// Watches a directory; nil when that is not possible, then it is polled.
  func watch(_ path: Path, _ mask: UInt32) -> WatchedDirectory? {
    guard let watcher else { return nil }
    let number = watcher.add(path, mask)
    guard number >= 0 else {
      if errno == ENOSPC && !isPolling {
        isPolling = true
        Log.warn(
          "\(host.name): the kernel's inotify watches are used up, files are polled; raise "
            + "fs.inotify.max_user_watches")
        restartTimer()
      }
      return nil
    }
    if let known = directories[number] { return known }
    let directory = WatchedDirectory(watch: number)
    directories[number] = directory
    return directory
  }

  private func restartTimer() {
    refreshTimer?.schedule(
      deadline: .now() + .milliseconds(250), repeating: .milliseconds(250),
      leeway: .milliseconds(25))
  }

  /// Follows a stream's real directory, wherever its path leads now. In the gap of a rotation it
  /// leads nowhere, and the next file comes where the last one was.
  func follow(_ stream: TailStream) {
    guard let real = realPath(stream.path), real != stream.realPath || stream.directory == nil
    else { return }
    unfollow(stream)
    stream.realPath = real
    let (directory, name) = splitPath(real)
    guard let watched = watch(directory, Self.leafMask) else { return }
    watched.streams[name, default: []].append(stream)
    stream.directory = watched
  }

  func unfollow(_ stream: TailStream) {
    guard let directory = stream.directory else { return }
    let name = splitPath(stream.realPath).name
    directory.streams[name]?.removeAll { $0 === stream }
    if directory.streams[name]?.isEmpty == true { directory.streams[name] = nil }
    filesByName[nameHash(directory.watch, name)] = nil
    stream.directory = nil
    if directory.streams.isEmpty && directory.roles.isEmpty {
      watcher?.remove(directory.watch)
      directories[directory.watch] = nil
    }
  }

  /// Lets changes of the stream's name wake its newest file.
  func index(_ stream: TailStream) {
    guard let directory = stream.directory else { return }
    let name = splitPath(stream.realPath).name
    filesByName[nameHash(directory.watch, name)] = stream.chain.last
  }

  func nameHash(_ watch: Int32, _ name: some Sequence<UInt8>) -> UInt64 {
    let bytes = Array(name)
    return bytes.withUnsafeBytes { nameHash(watch, $0) }
  }

  private func nameHash(_ watch: Int32, _ name: UnsafeRawBufferPointer) -> UInt64 {
    XXH3_64bits_withSeed(name.baseAddress, name.count, UInt64(UInt32(bitPattern: watch)))
  }

  // MARK: Events

  func handle(_ event: WatchEvent) {
    if event.mask & UInt32(IN_Q_OVERFLOW) != 0 {
      hasLostEvents = true
      return
    }
    if event.mask & UInt32(IN_MODIFY) != 0,
      let file = filesByName[nameHash(event.watch, UnsafeRawBufferPointer(event.name))]
    {
      // A hash that two names share makes one useless look, nothing more.
      activate(file)
      return
    }
    guard let directory = directories[event.watch] else { return }
    if event.mask & UInt32(IN_IGNORED) != 0 {
      directories[event.watch] = nil
      for stream in directory.streams.values.joined() { stream.directory = nil }
      hasLostEvents = hasLostEvents || !directory.roles.isEmpty
      return
    }
    if event.name.isEmpty { return }
    changed(directory, Path(event.name))
  }

  private func changed(_ directory: WatchedDirectory, _ name: Path) {
    for stream in directory.streams[name] ?? [] { check(stream) }
    for role in directory.roles where patterns[role.pattern].matches(role.level, name) {
      if role.level == patterns[role.pattern].components.count - 1 {
        consider(joinPath(role.path == [0x2e] ? [] : role.path, name))
      } else {
        walk(role.pattern, from: role.path == [0x2e] ? [] : role.path, level: role.level)
      }
    }
  }

  /// Ends a run of events: registers what was found, reads what has grown.
  func finishEvents() {
    guard !isStopped else { return }
    if hasLostEvents {
      hasLostEvents = false
      rescan()
      for file in openFiles.values { activateIfGrown(file) }
    }
    listing.reset()
    register()
    schedulePump()
    care()
  }

  // MARK: Paths

  /// Looks at a path that a glob matches.
  func consider(_ path: Path) {
    if let stream = streams[path] {
      stream.wasFound = true
      return check(stream)
    }
    for _ in 0..<Self.looksMax {
      if discover(path) { return }
      listing.reset()
    }
    gaveUp(path)
  }

  /// - Returns: false when the path's file was another one in the end: look again.
  private func discover(_ path: Path) -> Bool {
    guard let status = FileStatus(of: path), status.isRegular, !isExcluded(path) else {
      return true
    }
    if isTooOld(status) || openFiles[status.key] != nil { return true }
    guard let tag = tags.tag(for: path) else {
      tell(path, "tag_regex does not match the path, the file is not read")
      return true
    }
    let stream = TailStream(path: path, stream: host.makeStream(tag: tag, path: path))
    follow(stream)
    streams[path] = stream
    let isComplete = open(openings(of: stream, status), in: stream)
    if stream.chain.isEmpty && stream.drained.isEmpty {
      streams[path] = nil
      unfollow(stream)
      return isComplete
    }
    settle(stream)
    hasOpened(stream)
    if !isComplete { check(stream) }
    return true
  }

  /// True when a glob of the present configuration means the path, whether it exists or not.
  func isWanted(_ path: Path) -> Bool {
    let flags = Int32(FNM_PATHNAME) | Int32(FNM_PERIOD)
    let isMeant = options.patterns.contains { pattern in
      withPath(pattern) { pattern in withPath(path) { fnmatch(pattern, $0, flags) == 0 } }
    }
    return isMeant && !isExcluded(path)
  }

  private func isExcluded(_ path: Path) -> Bool {
    options.excludes.contains { pattern in
      withPath(pattern) { pattern in withPath(path) { fnmatch(pattern, $0, 0) == 0 } }
    }
  }

  func isTooOld(_ status: FileStatus) -> Bool {
    options.ignoreOlder > 0 && status.modified < Int64(time(nil)) - options.ignoreOlder
  }
}
