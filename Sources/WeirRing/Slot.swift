import Glibc
import Synchronization

/// What a chunk of a slot means beside its bytes.
public struct ChunkFlags: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// No bytes: what the stream holds open has reached its age and leaves now.
  public static let flushOpen = ChunkFlags(rawValue: 1)
  /// The stream ends here: nothing more of it will come, what it holds open leaves.
  public static let streamEnd = ChunkFlags(rawValue: 2)
  /// The last line has no line end and never gets one (its file is gone, or rotated and idle).
  public static let unfinished = ChunkFlags(rawValue: 4)
  /// The bytes are the first part of a line whose rest was cut off at a bound.
  public static let truncated = ChunkFlags(rawValue: 8)
}

/// A run of whole lines of one stream inside a slot.
public struct SlotChunk {
  /// The stream; a `Stream` of the pipeline, opaque to the ring.
  public var stream: AnyObject
  /// The file generation that the bytes are of, or nil for inputs without positions.
  public var generation: AnyObject?
  /// Byte position of the chunk's first byte in its generation.
  public var position: UInt64
  /// Where the chunk begins in the slot, in bytes.
  public var offset: Int
  /// Bytes in the slot.
  public var length: Int
  /// Bytes that the chunk covers in its generation; differs from `length` where bytes were left
  /// out (a cut line).
  public var covered: UInt64
  public var flags: ChunkFlags

  public init(
    stream: AnyObject, generation: AnyObject?, position: UInt64, offset: Int, length: Int,
    covered: UInt64? = nil, flags: ChunkFlags = []
  ) {
    self.stream = stream
    self.generation = generation
    self.position = position
    self.offset = offset
    self.length = length
    self.covered = covered ?? UInt64(length)
    self.flags = flags
  }
}

/// A fixed block of the ring's memory, and what it holds while it travels.
///
/// Between `claim` and `publish` it belongs to the input lane that claimed it; after `publish` it
/// is read-only until its last reference is released.
@safe public final class Slot: @unchecked Sendable {
  /// Chunks a slot takes before it is sealed.
  public static let chunksMax = 1_024
  /// Readable bytes behind the raw segment, for kernels without a tail loop.
  public static let padBytes = 64

  /// Its place in the ring.
  public let index: Int
  let ownBase: UnsafeMutablePointer<UInt8>
  let ownCapacity: Int
  /// The raw segment: the slot's own memory, or a jumbo mapping while one is attached.
  public private(set) var base: UnsafeMutablePointer<UInt8>
  /// Bytes that fit.
  public private(set) var capacity: Int
  /// Bytes in use.
  public var length = 0
  /// What it holds.
  public var chunks: [SlotChunk] = []
  /// Its number, never reused; set by `publish`.
  public internal(set) var sequence: UInt64 = 0
  /// The share of the input that fills it, if it has one: it gets the slot's bytes back.
  public var share: CreditGate?
  let references = Atomic<Int>(0)
  private var jumboBytes = 0

  init(index: Int, base: UnsafeMutablePointer<UInt8>, capacity: Int) {
    self.index = index
    unsafe ownBase = base
    ownCapacity = capacity
    unsafe self.base = base
    self.capacity = capacity
    chunks.reserveCapacity(Slot.chunksMax)
  }

  /// True when nothing was put in.
  public var isEmpty: Bool { chunks.isEmpty }

  /// Puts a larger mapping in place of the slot's own memory, for a line that does not fit.
  /// - Returns: false when the budget or the kernel refuses; the slot is unchanged.
  public func attachJumbo(bytes: Int, budget: MemoryBudget) -> Bool {
    precondition(isEmpty && length == 0 && jumboBytes == 0, "a jumbo segment needs an empty slot")
    let size = bytes + Slot.padBytes
    guard budget.take(size) else { return false }
    guard
      let mapping = unsafe mmap(
        nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      unsafe mapping != MAP_FAILED
    else {
      budget.give(size)
      return false
    }
    unsafe base = mapping.assumingMemoryBound(to: UInt8.self)
    capacity = bytes
    jumboBytes = size
    return true
  }

  func clear(budget: MemoryBudget) {
    if jumboBytes > 0 {
      unsafe munmap(base, jumboBytes)
      budget.give(jumboBytes)
      jumboBytes = 0
      unsafe base = ownBase
      capacity = ownCapacity
    }
    let bytes = length
    length = 0
    chunks.removeAll(keepingCapacity: true)
    if let share {
      self.share = nil
      share.give(bytes)
    }
  }
}
