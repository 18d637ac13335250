import CWeirSystem
import Glibc
import WeirDelivery
import WeirRing
import WeirStage
import WeirTelemetry

/// A file that is to be opened for a stream, and where reading begins.
struct Opening {
  var path: Path
  var key: FileKey
  var isCompressed: Bool
  /// The generation that the file continues; nil begins a new one.
  var known: KnownFile?
  var begin: Begin

  enum Begin {
    case at(UInt64)
    /// Behind what is there now.
    case end
  }
}

/// Identity and start positions.
extension Tailer {
  /// The files of a stream that are to be read, oldest first; `status` is of its path, or nil when
  /// nothing stands there any more.
  func openings(of stream: TailStream, _ status: FileStatus?) -> [Opening] {
    // A file that waits for its turn may have been empty when it was opened.
    for file in stream.openFiles where !file.isCompressed { extendFingerprint(file) }
    let rows = (knownByStream[stream.path] ?? []).sorted { $0.row.order < $1.row.order }
    let base = stream.realPath.isEmpty ? rows.last?.row.path ?? stream.path : stream.realPath
    let place = splitPath(base)
    let newest = status.flatMap { openFiles[$0.key] == nil ? current(of: stream, $0) : nil }
    var matcher = SiblingMatcher(rows: rows, without: newest?.known)
    let siblings =
      rows.isEmpty && !(hasHistory || isFirstScanDone)
      ? [] : listing.siblings(place.directory, DirectoryListing.stem(place.name))
    let matches = siblings.map { match($0, &matcher) }
    // A file that was empty when it was stored is known by its inode only, and inodes come back:
    // it does not tell which siblings are older.
    let lastKnown = matches.lastIndex { $0.map { $0.row.fingerprintLength > 0 } ?? false }
    var result: [Opening] = []
    for (index, sibling) in siblings.enumerated() where openFiles[sibling.status.key] == nil {
      if let file = matches[index] {
        if !file.isOpen, let opening = remainder(of: file, sibling) { result.append(opening) }
      } else if lastKnown.map({ index > $0 }) ?? (sibling.status.modified >= newsSince) {
        result.append(
          Opening(
            path: sibling.path, key: sibling.status.key, isCompressed: sibling.isCompressed,
            known: nil, begin: .at(0)))
      }
    }
    if status == nil { result += unlinked(rows.filter { !matcher.used.contains($0.row.id) }) }
    if let newest { result.append(newest) }
    return result
  }

  /// Files that still have their name although the stream's path (a link) is gone.
  private func unlinked(_ rows: [KnownFile]) -> [Opening] {
    rows.compactMap { file in
      guard !file.isOpen, let status = FileStatus(of: file.row.path),
        match(file.row.path, status, false) === file, status.size > file.resumePosition
      else { return nil }
      return Opening(
        path: file.row.path, key: status.key, isCompressed: false, known: file,
        begin: .at(file.resumePosition))
    }
  }

  /// What is left to read of a rotated file that is known.
  private func remainder(of file: KnownFile, _ sibling: Sibling) -> Opening? {
    if sibling.path != file.row.path || sibling.status.key != file.key {
      update(file, path: sibling.path, key: sibling.status.key, isRotated: true)
    }
    let position = file.resumePosition
    if sibling.isCompressed {
      let length = withDescriptor(sibling.path) {
        GzipSource.statedLength($0, fileSize: sibling.status.size)
      }
      if let length, length == UInt32(truncatingIfNeeded: position) { return nil }
    } else if sibling.status.size <= position {
      return nil
    }
    return Opening(
      path: sibling.path, key: sibling.status.key, isCompressed: sibling.isCompressed,
      known: file, begin: .at(position))
  }

  /// The file that stands at the stream's path.
  func current(of stream: TailStream, _ status: FileStatus) -> Opening {
    let path = stream.realPath.isEmpty ? stream.path : stream.realPath
    let isCompressed = stream.path.ends(with: ".gz")
    var opening = Opening(
      path: path, key: status.key, isCompressed: isCompressed, known: nil, begin: .at(0))
    if let file = match(path, status, isCompressed) {
      opening.known = file
      opening.begin = .at(file.resumePosition)
    } else if let offset = foreignPosition(path, status) {
      opening.begin = .at(offset)
    } else {
      // A stream that is known goes on in its next file from that file's first byte.
      let isKnown =
        !stream.openFiles.isEmpty || stream.parked != nil || knownByStream[stream.path] != nil
      let isNews = (hasHistory || isFirstScanDone) && options.readsNewFilesFromHead
      opening.begin = isKnown || isNews || options.readsFromHead ? .at(0) : .end
    }
    return opening
  }

  // MARK: Matching

  /// The generation that a file continues: the same inode with the same first bytes.
  func match(_ path: Path, _ status: FileStatus, _ isCompressed: Bool) -> KnownFile? {
    let candidates = (knownByKey[status.key] ?? []).filter {
      !$0.isOpen && (!options.comparesNames || splitPath($0.row.path).name == splitPath(path).name)
    }
    guard !candidates.isEmpty else { return nil }
    let prefix = prefix(of: path, isCompressed)
    let matching = candidates.filter {
      Fingerprint.matches($0.row, prefix)
        && (isCompressed || $0.resumePosition <= status.size)
    }
    // Of several (an inode that came back) the one that is proven best, and latest.
    return matching.max {
      ($0.row.fingerprintLength, $0.row.order) < ($1.row.fingerprintLength, $1.row.order)
    }
  }

  /// Matches the rotated files of one stream, oldest first; a row is used once.
  private struct SiblingMatcher {
    let rows: [KnownFile]
    var used: Set<GenerationID> = []

    init(rows: [KnownFile], without newest: KnownFile?) {
      self.rows = rows
      if let newest { used.insert(newest.row.id) }
    }

    mutating func take(_ test: (KnownFile) -> Bool) -> KnownFile? {
      guard let file = rows.first(where: { !used.contains($0.row.id) && test($0) }) else {
        return nil
      }
      used.insert(file.row.id)
      return file
    }
  }

  private func match(_ sibling: Sibling, _ matcher: inout SiblingMatcher) -> KnownFile? {
    if let open = openFiles[sibling.status.key] { return matcher.take { $0 === open.known } }
    guard sibling.isCompressed else {
      guard let file = match(sibling.path, sibling.status, false) else { return nil }
      return matcher.take { $0 === file }
    }
    let plain = Path(sibling.path.dropLast(3))
    if let file = matcher.take({ $0.row.path == plain || $0.row.path == sibling.path }) {
      return file
    }
    // A compressed form has another inode: only its bytes tell.
    guard matcher.rows.contains(where: { $0.row.fingerprintLength >= Fingerprint.lengthOfProof })
    else { return nil }
    let prefix = prefix(of: sibling.path, true)
    return matcher.take {
      $0.row.fingerprintLength >= Fingerprint.lengthOfProof && Fingerprint.matches($0.row, prefix)
    }
  }

  func prefix(of path: Path, _ isCompressed: Bool) -> [UInt8] {
    withDescriptor(path) { descriptor in
      guard isCompressed else { return Fingerprint.prefix(of: descriptor) }
      do {
        return try GzipSource(descriptor: descriptor).prefix(Fingerprint.lengthMax)
      } catch {
        tell(path, "it is compressed: \(error)")
        return []
      }
    } ?? []
  }

  func withDescriptor<T>(_ path: Path, _ body: (Int32) -> T?) -> T? {
    let descriptor = withPath(path) { weir_open($0, O_RDONLY | O_CLOEXEC, 0) }
    guard descriptor >= 0 else { return nil }
    defer { Glibc.close(descriptor) }
    return body(descriptor)
  }

  /// The offset that Fluent Bit has stored for a file, if it is still that file.
  private func foreignPosition(_ path: Path, _ status: FileStatus) -> UInt64? {
    guard let row = foreign[status.key.inode]?.last, row.offset <= status.size else { return nil }
    if options.comparesNames && splitPath(row.name).name != splitPath(path).name { return nil }
    guard row.markerSize > 0 else { return row.offset }
    let size = min(row.markerSize, 4_096, Int(clamping: row.offset))
    let bytes = withDescriptor(path) { descriptor -> [UInt8] in
      [UInt8](unsafeUninitializedCapacity: size) { buffer, used in
        used = max(0, pread(descriptor, buffer.baseAddress, size, off_t(row.offset) - off_t(size)))
      }
    }
    let isSame = (bytes ?? []).withUnsafeBytes { Fingerprint.hash($0) } == row.marker
    return isSame ? row.offset : 0
  }

  // MARK: Opening

  /// Opens a file at the end of a stream's chain. Its row is stored before it is read.
  /// - Returns: false when the name has gone to another file since the look: what stood there may
  ///   have been renamed unseen, so that the whole look has to be made again.
  @discardableResult
  func open(_ opening: Opening, in stream: TailStream) -> Bool {
    let descriptor = withPath(opening.path) { weir_open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0) }
    guard descriptor >= 0 else {
      if errno == ENOENT { return false }
      tell(opening.path, "it cannot be opened: \(errorText())")
      return true
    }
    let status = FileStatus(descriptor: descriptor)
    guard let status, status.key == opening.key, openFiles[status.key] == nil else {
      Glibc.close(descriptor)
      return status?.key == opening.key
    }
    var gzip: GzipSource?
    if opening.isCompressed {
      do { gzip = try GzipSource(descriptor: descriptor) } catch {
        Glibc.close(descriptor)
        tell(opening.path, "it is compressed: \(error)")
        return true
      }
    }
    let begin: UInt64 =
      switch opening.begin {
      case .at(let position): position
      case .end: status.size
      }
    adopt(descriptor, status.key, gzip, opening.known, begin, opening.path, in: stream)
    return true
  }

  /// Opens files, oldest first, until one is not what it was at the look.
  /// - Returns: false then; the files behind it would be taken for its successors.
  func open(_ openings: [Opening], in stream: TailStream) -> Bool {
    openings.allSatisfy { open($0, in: stream) }
  }

  /// Takes an open descriptor as the newest file of a stream.
  func adopt(
    _ descriptor: Int32, _ key: FileKey, _ gzip: GzipSource?, _ continued: KnownFile?,
    _ begin: UInt64, _ path: Path, in stream: TailStream
  ) {
    let file = continued ?? newGeneration(key, path, stream, begin)
    // An earlier process may have read, and sent, all that is there now of a file that it knew.
    let size = gzip == nil ? FileStatus(descriptor: descriptor)?.size : nil
    let generation =
      file.generation
      ?? Generation(
        id: file.row.id, committed: file.row.position,
        repeatsBefore: continued == nil ? 0 : size ?? .max, dirtyList: store.dirty)
    file.generation = generation
    file.isOpen = true
    file.isDrained = false
    file.sizeSeen = 0
    file.end = nil
    if file.key != key || file.row.path != path {
      update(file, path: path, key: key, isRotated: false)
    }
    let open = TailFile(
      stream: stream, known: file, generation: generation, key: key, descriptor: descriptor,
      gzip: gzip, offset: begin, descriptors: descriptors)
    open.grownAt = Clock.monotonic()
    openFiles[key] = open
    stream.chain.append(open)
    count(InputCounterNames.filesOpened)
    told.remove(path)
    extendFingerprint(open)
    put(file)
    unregistered.append(open)
  }

  private func newGeneration(
    _ key: FileKey, _ path: Path, _ stream: TailStream, _ begin: UInt64
  ) -> KnownFile {
    // Whatever was known under this inode is another file's past.
    for old in knownByKey[key] ?? [] where !old.isOpen && old.row.path == path && old.isDone {
      forget(old)
      store.remove(old.row.id)
    }
    let row = CheckpointRow(
      id: .random(), stream: stream.path, path: path, device: key.device, inode: key.inode,
      position: begin, order: nextOrder)
    nextOrder += 1
    let file = KnownFile(row)
    remember(file)
    return file
  }

  /// Lets the fingerprint cover more of a file that has grown; short files are hashed a few times.
  func extendFingerprint(_ file: TailFile) {
    let have = file.known.row.fingerprintLength
    guard have < Fingerprint.lengthMax else { return }
    let prefix = file.prefix()
    guard prefix.count > have else { return }
    file.known.row.fingerprintLength = prefix.count
    file.known.row.fingerprint = prefix.withUnsafeBytes { Fingerprint.hash($0) }
  }

  /// Stores the rows of new files; they are read once that is done.
  func register() {
    guard !unregistered.isEmpty else { return }
    let files = unregistered
    unregistered.removeAll()
    // SAFETY: the files are touched on the input lane only; the store's queue just passes them on.
    nonisolated(unsafe) let batch = files
    store.sync { [weak self, queue = host.queue] in
      queue.async { [weak self] in self?.registered(batch) }
    }
  }

  private func registered(_ files: [TailFile]) {
    for file in files { file.isRegistered = true }
    guard !isStopped else { return }
    for file in files { activate(file) }
    schedulePump()
    care()
  }

  /// Files that a former process knew and that no glob finds now: what they still hold is read.
  func adoptLeftovers() {
    for path in Array(knownByStream.keys) where streams[path] == nil {
      guard let rows = knownByStream[path], rows.contains(where: { !$0.isOpen }),
        isWanted(path), FileStatus(of: path) == nil, let tag = tags.tag(for: path)
      else { continue }
      let stream = TailStream(path: path, stream: host.makeStream(tag: tag, path: path))
      stream.isGone = !nameExists(path)
      for _ in 0..<Self.looksMax {
        if open(openings(of: stream, nil), in: stream) { break }
        listing.reset()
      }
      guard !stream.chain.isEmpty else { continue }
      streams[path] = stream
      for file in stream.chain { leave(file) }
      settle(stream)
    }
    listing.reset()
  }
}
