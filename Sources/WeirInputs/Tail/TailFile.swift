import Glibc
import WeirDelivery
import WeirRing
import WeirStage

/// How a read ended.
enum ReadResult {
  case bytes(Int)
  /// The content is shorter than what was read of it, or other bytes stand there now.
  case replaced
  case failed(Int32)
  /// Damaged compressed data.
  case damaged(String)
}

/// One open file of a stream, and how far it was read. Input lane only.
final class TailFile {
  unowned let stream: TailStream
  let known: KnownFile
  let generation: Generation
  let key: FileKey
  private(set) var descriptor: Int32
  private let gzip: GzipSource?
  private let descriptors: DescriptorBudget
  /// Monotonic nanoseconds at which it was opened.
  let openedAt = Clock.monotonic()

  /// Position of the next byte to be read.
  var offset: UInt64
  /// Bytes behind `offset` that hold no line end: an unfinished line, seen but not taken.
  var scanned = 0
  /// Refusals of a jumbo segment for the line at `offset`.
  var jumboRefusals = 0
  /// Its row is stored: records may leave.
  var isRegistered = false
  /// It waits for its turn.
  var isQueued = false
  /// The last turn came to the end of what there was.
  var isAtEnd = false
  /// The stream has moved on, or its name is gone: it is closed when it is read and idle.
  var isLeft = false
  /// Monotonic nanoseconds at which it was left.
  var leftAt: Int64 = 0
  /// Monotonic nanoseconds at which bytes were last read.
  var grownAt: Int64 = 0
  /// Bytes read since the page cache was last advised.
  var unadvised = 0
  /// It is not in the chain any more, but may still be written to.
  var isDrained = false
  /// Set by the stall check: it had unread bytes at the last look, and stood there.
  var isBehind = false
  var offsetAtCheck: UInt64 = 0

  static let markerBytes = 32
  private let marker: UnsafeMutableRawPointer
  private var markerLength = 0

  init(
    stream: TailStream, known: KnownFile, generation: Generation, key: FileKey, descriptor: Int32,
    gzip: GzipSource?, offset: UInt64, descriptors: DescriptorBudget
  ) {
    self.stream = stream
    self.known = known
    self.generation = generation
    self.key = key
    self.descriptor = descriptor
    self.gzip = gzip
    self.offset = offset
    self.descriptors = descriptors
    descriptors.take()
    marker = .allocate(byteCount: Self.markerBytes * 2, alignment: 8)
    readMarker()
  }

  deinit {
    marker.deallocate()
    close()
  }

  var isCompressed: Bool { gzip != nil }
  var path: Path { known.row.path }

  /// The open file's state; nil when the kernel refuses.
  var status: FileStatus? { FileStatus(descriptor: descriptor) }

  // MARK: Reading

  /// Reads from `offset` on and checks, in the same call, that the bytes before it still stand.
  func read(into room: UnsafeMutableRawPointer, _ count: Int) -> ReadResult {
    if let gzip { return result(gzip.read(at: offset, into: room, count: count), gzip) }
    guard markerLength > 0 else {
      let n = pread(descriptor, room, count, off_t(offset))
      if n == 0, offset > 0, let status, status.size < offset { return .replaced }
      return plain(n)
    }
    let seen = marker + Self.markerBytes
    let n = withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { parts in
      parts[0] = iovec(iov_base: seen, iov_len: markerLength)
      parts[1] = iovec(iov_base: room, iov_len: count)
      return preadv(descriptor, parts.baseAddress, 2, off_t(offset) - off_t(markerLength))
    }
    if n < 0 { return .failed(errno) }
    if n < markerLength || memcmp(seen, marker, markerLength) != 0 { return .replaced }
    return .bytes(n - markerLength)
  }

  /// Reads somewhere behind `offset`, to look for a line end.
  func peek(at distance: Int, into room: UnsafeMutableRawPointer, _ count: Int) -> ReadResult {
    let position = offset + UInt64(distance)
    if let gzip { return result(gzip.read(at: position, into: room, count: count), gzip) }
    return plain(pread(descriptor, room, count, off_t(position)))
  }

  private func plain(_ n: Int) -> ReadResult { n < 0 ? .failed(errno) : .bytes(n) }

  private func result(_ n: Int, _ gzip: GzipSource) -> ReadResult {
    n < 0 ? .damaged(gzip.failure ?? "damaged data") : .bytes(n)
  }

  /// Keeps the last of `available` bytes that end at `end`, to recognise them before the next read.
  /// Called before the bytes are committed: afterwards they are not the input's any more. Nil when
  /// they are not at hand, then the next read goes unchecked.
  func keepMarker(_ end: UnsafeRawPointer?, _ available: Int) {
    guard let end, gzip == nil else {
      markerLength = 0
      return
    }
    markerLength = min(available, Self.markerBytes)
    memcpy(marker, end - markerLength, markerLength)
  }

  /// Moves on over `count` bytes.
  func advance(_ count: UInt64) {
    offset += count
    scanned = 0
    jumboRefusals = 0
  }

  /// Takes the bytes before `offset` as they are now for what they should be.
  private func readMarker() {
    guard gzip == nil, offset > 0 else { return }
    markerLength = Int(min(offset, UInt64(Self.markerBytes)))
    let n = pread(descriptor, marker, markerLength, off_t(offset) - off_t(markerLength))
    if n != markerLength { markerLength = 0 }
  }

  /// True when another file has the same bytes before `offset`.
  func precedingBytesMatch(_ other: Int32) -> Bool {
    guard markerLength > 0 else { return false }
    let seen = marker + Self.markerBytes
    let n = pread(other, seen, markerLength, off_t(offset) - off_t(markerLength))
    return n == markerLength && memcmp(seen, marker, markerLength) == 0
  }

  /// True when what was read of the file still stands there, as far as its last bytes tell.
  func standsAsRead(_ status: FileStatus) -> Bool {
    status.size >= offset && (markerLength == 0 || precedingBytesMatch(descriptor))
  }

  /// The first bytes of the content, for the fingerprint.
  func prefix() -> [UInt8] {
    gzip?.prefix(Fingerprint.lengthMax) ?? Fingerprint.prefix(of: descriptor)
  }

  /// The first two bytes: a byte order mark, perhaps.
  func mark() -> [UInt8] { gzip?.prefix(2) ?? Fingerprint.prefix(of: descriptor, 2) }

  /// Tells the kernel that the pages behind `offset` need not be kept.
  func adviseCache() {
    unadvised = 0
    posix_fadvise(descriptor, 0, off_t(offset), POSIX_FADV_DONTNEED)
  }

  /// Gives up the descriptor, for a new `TailFile` of the same open file.
  func takeDescriptor() -> Int32 {
    defer { descriptor = -1 }
    if descriptor >= 0 { descriptors.give() }
    return descriptor
  }

  func close() {
    guard descriptor >= 0 else { return }
    Glibc.close(descriptor)
    descriptor = -1
    descriptors.give()
  }
}

/// One path that a glob matched, through all its rotations. Input lane only.
final class TailStream {
  let path: Path
  let stream: Stream
  /// The files in reading order; the first one is read, the others wait for it.
  var chain: [TailFile] = []
  /// Files that were read to their end and are still open for late writes.
  var drained: [TailFile] = []
  /// Where the path leads, without links, or led when it last led anywhere.
  var realPath: Path = []
  /// The directory that is watched for it.
  weak var directory: WatchedDirectory?
  /// Nothing stands at the path any more, not even a link.
  var isGone = false
  /// Position behind the last byte given to the pipeline, and in which generation.
  var lastGeneration: Generation?
  var lastEnd: UInt64 = 0
  /// The deadline for which a flush was already sent.
  var flushedDeadline: Int64 = 0
  /// It is on the list of streams that may hold something open.
  var isWatchedForFlush = false
  /// Its file, closed to save a descriptor.
  var parked: ParkedFile?
  /// It is on the list of streams that wait for a descriptor.
  var isWaiting = false
  /// Its file is opened whether it has changed or not.
  var mustReopen = false
  /// The present scan has met it.
  var wasFound = false

  init(path: Path, stream: Stream) {
    self.path = path
    self.stream = stream
  }

  /// The newest file.
  var current: TailFile? { chain.last ?? drained.last }
  var openFiles: [TailFile] { drained + chain }
}
