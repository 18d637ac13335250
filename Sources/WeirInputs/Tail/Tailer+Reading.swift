import CWeirKernels
import CWeirSystem
import Dispatch
import Glibc
import WeirDelivery
import WeirRing
import WeirStage
import WeirSystem
import WeirTelemetry

/// Reading in turns: every file with something to read gets a slice, one after the other.
extension Tailer {
  /// Room that a turn asks for at least, in bytes.
  static let roomMin = 4_096
  /// An unfinished line longer than this is only looked at where it is new.
  static let rescanMax = 4_096
  /// The longest line that is delivered whole, in bytes.
  static let jumboBytesMax = 16 << 20
  /// Refused jumbo segments after which a line is delivered in pieces of a slot.
  static let jumboRefusalsMax = 40
  /// Time after which the lane is given back for other work, in nanoseconds.
  static let pumpTime: Int64 = 5_000_000
  /// Bytes read from a file between two hints to the page cache.
  static let adviseBytes = 8 << 20

  private enum Turn {
    case more, end
    /// An output that the stream reaches is full.
    case blocked
    /// The ring is full.
    case full
  }

  /// Puts a file on the list of those with something to read.
  func activate(_ file: TailFile) {
    guard file.isRegistered, !file.isQueued, file.descriptor >= 0 else { return }
    guard file.isDrained || file.stream.chain.first === file else { return }
    file.isQueued = true
    file.isAtEnd = false
    active.append(file)
  }

  func activateIfGrown(_ file: TailFile, _ size: UInt64? = nil) {
    guard let size = size ?? file.status?.size else { return }
    if file.isCompressed ? !file.isAtEnd : size != file.offset + UInt64(file.scanned) {
      activate(file)
    }
  }

  func resume() {
    isStalled = false
    for file in blocked {
      file.isQueued = false
      activate(file)
    }
    blocked.removeAll(keepingCapacity: true)
    schedulePump()
  }

  func schedulePump() {
    guard !isPumpScheduled, !isStopped, !isStalled else { return }
    if activeHead == active.count { return checkEOF() }
    isPumpScheduled = true
    pumpWork.submit(keeping: self)
  }

  func pump() {
    isPumpScheduled = false
    let begin = Clock.monotonic()
    var turns = 0
    while activeHead < active.count, !isStopped {
      let file = active[activeHead]
      activeHead += 1
      file.isQueued = false
      switch turn(file) {
      case .more: activate(file)
      case .end: file.isAtEnd = true
      case .blocked:
        file.isQueued = true
        blocked.append(file)
      case .full:
        file.isQueued = true
        activeHead -= 1
        isStalled = true
        return
      }
      if activeHead >= 1_024 {
        active.removeFirst(activeHead)
        activeHead = 0
      }
      turns += 1
      if turns & 7 == 0, Clock.monotonic() - begin > Self.pumpTime { break }
    }
    if activeHead == active.count {
      active.removeAll(keepingCapacity: true)
      activeHead = 0
      register()
      care()
    }
    schedulePump()
  }

  private func turn(_ file: TailFile) -> Turn {
    guard file.descriptor >= 0, openFiles[file.key] === file else { return .end }
    guard host.mayRead(file.stream.stream) else { return .blocked }
    if let encoding = options.encoding {
      switch encodedLines(file, encoding) {
      case .more: return .more
      case .end: return .end
      case .full: return .full
      }
    }
    guard file.scanned > Self.rescanMax else { return take(file, Self.roomMin) }
    switch probe(file) {
    case .line(let length): return takeLong(file, length)
    case .piece(let length): return takePiece(file, length)
    case .result(let turn): return turn
    }
  }

  // MARK: Whole lines

  /// Reads what there is, up to a slice, and takes the whole lines of it.
  private func take(_ file: TailFile, _ minimum: Int) -> Turn {
    guard let room = reserve(file, minimum), let base = room.baseAddress else { return .full }
    let want = min(room.count, max(minimum, options.sliceBytes))
    let n: Int
    switch file.read(into: base, want) {
    case .bytes(let count): n = count
    case .replaced:
      restart(file)
      return .end
    case .failed(let code): return failed(file, errorText(code))
    case .damaged(let why): return failed(file, why)
    }
    if n == 0 { return .end }
    file.grownAt = Clock.monotonic()
    let bytes = base.assumingMemoryBound(to: UInt8.self)
    if bytes[0] == 0, skipNULs(file, bytes, n) { return .more }
    let last = weir_last_newline(bytes, n)
    if last < 0 {
      file.scanned = max(file.scanned, n)
      return n < want ? .end : .more
    }
    let length = last + 1
    let clip = options.longLines == .deliver ? nil : clip(bytes, length)
    if let clip {
      file.keepMarker(nil, 0)
      commit(file, clip.length, clip.covered, clip.isCut ? .truncated : [])
      file.advance(UInt64(clip.covered))
      return .more
    }
    file.keepMarker(base + length, length)
    commit(file, length, length, [])
    file.advance(UInt64(length))
    file.scanned = n - length
    return n < want ? .end : .more
  }

  func reserve(_ file: TailFile, _ minimum: Int) -> UnsafeMutableRawBufferPointer? {
    if let room = host.reserve(minimum) { return room }
    if minimum > host.ring.slotBytes { file.jumboRefusals += 1 }
    return nil
  }

  /// NUL bytes before a line are what a truncation under a writer leaves: they are passed over.
  private func skipNULs(_ file: TailFile, _ bytes: UnsafePointer<UInt8>, _ n: Int) -> Bool {
    var count = 0
    while count < n, bytes[count] == 0 { count += 1 }
    file.keepMarker(bytes + count, count)
    file.advance(UInt64(count))
    return true
  }

  func commit(_ file: TailFile, _ length: Int, _ covered: Int, _ flags: ChunkFlags) {
    let stream = file.stream
    host.commit(
      stream.stream, generation: file.generation, position: file.offset, length: length,
      covered: UInt64(covered), flags: flags)
    unflushedAtEOF = nil
    stream.lastGeneration = file.generation
    stream.lastEnd = file.offset + UInt64(covered)
    watchForFlush(stream)
    if file.known.row.fingerprintLength < Fingerprint.lengthMax, !file.isCompressed {
      let had = file.known.row.fingerprintLength
      if stream.lastEnd >= UInt64(max(2 * had, 1)) {
        extendFingerprint(file)
        if file.known.row.fingerprintLength > had { put(file.known) }
      }
    }
    file.unadvised += covered
    if options.advisesCache, file.unadvised >= Self.adviseBytes { file.adviseCache() }
  }

  private func failed(_ file: TailFile, _ why: String) -> Turn {
    tell(file.path, "it cannot be read at byte \(file.offset): \(why)")
    return .end
  }

  // MARK: Long lines

  private enum Probe {
    /// The line at the file's offset is so long, its end included.
    case line(Int)
    /// The line is at least so long, and no longer one is delivered whole.
    case piece(Int)
    case result(Turn)
  }

  /// Looks for the end of a long unfinished line where it was not looked at yet.
  private func probe(_ file: TailFile) -> Probe {
    var left = 4 * TailOptions.sliceBytesMax
    while left > 0 {
      let n: Int
      switch file.peek(at: file.scanned, into: scratch, Self.scratchBytes) {
      case .bytes(let count): n = count
      case .replaced: n = 0
      case .failed(let code): return .result(failed(file, errorText(code)))
      case .damaged(let why): return .result(failed(file, why))
      }
      if n == 0 { return .result(endOfLongLine(file)) }
      file.grownAt = Clock.monotonic()
      if let end = memchr(scratch, 0x0a, n) {
        return .line(file.scanned + (UnsafeRawPointer(end) - UnsafeRawPointer(scratch)) + 1)
      }
      file.scanned += n
      if options.longLines == .deliver, file.scanned >= pieceBytes(file) {
        return .piece(pieceBytes(file))
      }
      if n < Self.scratchBytes, !file.isCompressed { return .result(endOfLongLine(file)) }
      left -= n
    }
    return .result(.more)
  }

  /// The end of the file inside a long line: was something cut off meanwhile?
  private func endOfLongLine(_ file: TailFile) -> Turn {
    guard !file.isCompressed, let status = file.status else { return .end }
    if status.size < file.offset {
      restart(file)
    } else if status.size < file.offset + UInt64(file.scanned) {
      count(InputCounterNames.filesTruncated)
      file.scanned = 0
      return .more
    }
    return .end
  }

  private func pieceBytes(_ file: TailFile) -> Int {
    file.jumboRefusals > Self.jumboRefusalsMax ? host.ring.slotBytes : Self.jumboBytesMax
  }

  /// Takes a line whose length is known.
  private func takeLong(_ file: TailFile, _ length: Int) -> Turn {
    if options.longLines == .deliver {
      if length > pieceBytes(file) { return takePiece(file, pieceBytes(file)) }
      return take(file, length)
    }
    if length - 1 <= options.lineMax { return take(file, length) }
    return takeCut(file, length, .truncated)
  }

  /// Skips or truncates the line at the file's offset, which takes `length` bytes there.
  private func takeCut(_ file: TailFile, _ length: Int, _ flags: ChunkFlags) -> Turn {
    let isSkipped = options.longLines == .skip
    guard let room = host.reserve(isSkipped ? 0 : options.lineMax), let base = room.baseAddress
    else { return .full }
    var kept = 0
    if !isSkipped {
      switch file.read(into: base, options.lineMax) {
      case .bytes(let n):
        kept = weir_utf8_truncate(base.assumingMemoryBound(to: UInt8.self), n)
      case .replaced:
        restart(file)
        return .end
      case .failed(let code): return failed(file, errorText(code))
      case .damaged(let why): return failed(file, why)
      }
    }
    countLong(length - kept)
    file.keepMarker(nil, 0)
    commit(file, kept, length, isSkipped ? [] : flags)
    file.advance(UInt64(length))
    return .more
  }

  /// Takes the first part of a line that is too long even for a jumbo segment.
  private func takePiece(_ file: TailFile, _ bytes: Int) -> Turn {
    guard let room = reserve(file, bytes), let base = room.baseAddress else { return .full }
    switch file.read(into: base, bytes) {
    case .bytes(let n):
      if n == 0 { return .end }
      let kept = weir_utf8_truncate(base.assumingMemoryBound(to: UInt8.self), n)
      let length = kept > 0 ? kept : n
      count(InputCounterNames.longLinesSplit)
      file.keepMarker(base + length, length)
      commit(file, length, length, .truncated)
      file.advance(UInt64(length))
      return .more
    case .replaced:
      restart(file)
      return .end
    case .failed(let code): return failed(file, errorText(code))
    case .damaged(let why): return failed(file, why)
    }
  }

  private func countLong(_ bytes: Int) {
    if options.longLines == .skip {
      count(InputCounterNames.longLinesSkipped)
      host.counters.drop(.longLine, records: 1, bytes: bytes)
    } else {
      count(InputCounterNames.longLinesTruncated)
    }
  }

  /// The first line over the limit among whole lines: what stands before it (and, truncated, its
  /// beginning), and how much that covers. Jumps from limit to limit; short lines cost nothing.
  private func clip(
    _ bytes: UnsafePointer<UInt8>, _ length: Int
  ) -> (length: Int, covered: Int, isCut: Bool)? {
    var start = 0
    while start < length {
      let window = min(options.lineMax + 1, length - start)
      let last = weir_last_newline(bytes + start, window)
      if last >= 0 {
        start += last + 1
        continue
      }
      // The bytes end with a line end, so there is one behind the window.
      let rest = bytes + start + window
      guard let end = memchr(rest, 0x0a, length - start - window) else { return nil }
      let covered = UnsafeRawPointer(end) - UnsafeRawPointer(bytes) + 1
      if options.longLines == .skip {
        countLong(covered - start)
        return (start, covered, false)
      }
      let kept = weir_utf8_truncate(bytes + start, options.lineMax)
      countLong(covered - start - kept)
      return (start + kept, covered, true)
    }
    return nil
  }

  // MARK: Ends

  /// Takes an unfinished last line whose file gets no more.
  /// - Returns: false when there is no room now.
  func takeUnfinished(_ file: TailFile) -> Bool {
    guard host.mayRead(file.stream.stream) else { return false }
    if options.longLines != .deliver && file.scanned > options.lineMax {
      if case .full = takeCut(file, file.scanned, [.truncated, .unfinished]) { return false }
      return true
    }
    guard let room = reserve(file, file.scanned), let base = room.baseAddress else { return false }
    guard case .bytes(let n) = file.read(into: base, file.scanned), n > 0 else { return true }
    if let encoding = options.encoding { return takeUnfinished(file, encoding, n) }
    file.keepMarker(nil, 0)
    commit(file, n, n, .unfinished)
    file.advance(UInt64(n))
    return true
  }

  /// `exit_on_eof`: ends the process when everything that was found is read.
  private func checkEOF() {
    guard options.exitsOnEOF, isFirstScanDone, !hasAskedToStop, blocked.isEmpty, holding.isEmpty,
      waiting.isEmpty,
      openFiles.values.allSatisfy({ $0.isRegistered && $0.isAtEnd })
    else { return }
    sendEnds()
    guard pendingEnds.isEmpty, flushAtEOF() else { return }
    hasAskedToStop = true
    host.seal()
    host.requestStop("\(host.name): all files are read (exit_on_eof)")
  }
}
