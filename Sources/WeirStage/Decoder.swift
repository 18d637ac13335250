public import WeirBatch
public import WeirDelivery
public import WeirRing

/// A run of whole lines of one stream, as the decoder sees it.
@safe public struct Chunk {
  public let stream: Stream
  /// The file generation of the bytes, or nil for inputs without positions.
  public let generation: Generation?
  /// First byte; 64 readable bytes follow the last. The bytes lie in the batch's raw segment.
  public let base: UnsafePointer<UInt8>
  /// Offset of `base` in the batch's raw segment, for slices.
  public let rawOffset: UInt32
  public let length: Int
  /// Position of the first byte in its generation.
  public let position: UInt64
  public let flags: ChunkFlags

  public init(
    stream: Stream, generation: Generation?, base: UnsafePointer<UInt8>, rawOffset: UInt32,
    length: Int, position: UInt64, flags: ChunkFlags
  ) {
    self.stream = stream
    self.generation = generation
    unsafe self.base = base
    self.rawOffset = rawOffset
    self.length = length
    self.position = position
    self.flags = flags
  }
}

/// What the ordered scan lends a decoder for one chunk.
public struct ScanContext {
  public let batch: Batch
  /// Index of the batch's source for this chunk: stream, generation, range, tag.
  public let source: Int
  /// Records that the scan may have in the batch; beyond it the batch is full.
  public let recordsMax: Int
  /// Wall clock at the start of the batch, in nanoseconds: the time of records without their own.
  public let now: Int64
  /// Monotonic clock at the start of the batch, in nanoseconds: for `Stream.openDeadline`.
  public let monotonicNow: Int64
  public let ledger: Ledger
  /// The ledger's range of this chunk.
  public let range: RangeID
  /// The memory budget that carried fragments count against.
  public let budget: MemoryBudget

  public init(
    batch: Batch, source: Int, recordsMax: Int, now: Int64, monotonicNow: Int64, ledger: Ledger,
    range: RangeID, budget: MemoryBudget
  ) {
    self.batch = batch
    self.source = source
    self.recordsMax = recordsMax
    self.now = now
    self.monotonicNow = monotonicNow
    self.ledger = ledger
    self.range = range
    self.budget = budget
  }

  /// Holds this chunk's range open for a fragment that is carried beyond the batch. Hand the
  /// result to `attach` when the fragment leaves in a record, or to `ledger.release` when it is
  /// given up.
  public func hold() -> RangeID {
    ledger.retain(range)
    return range
  }

  /// Ties held ranges to this chunk's range: they finish when the joined record does.
  public func attach(_ held: RangeID) { ledger.chain(held, behind: range) }
}

/// How far a scan came.
public enum ScanStatus: Sendable {
  /// The whole chunk was scanned.
  case finished
  /// The batch is full; the scan goes on at this offset of the chunk in the next batch.
  case full(offset: Int)
}

/// Makes records of a stream's bytes: the parser stage's ordered part.
///
/// `scan` runs in the order in which the bytes were read, one chunk at a time over the whole
/// pipeline, so that it may join lines across chunks, slots and files through
/// `Stream.openState`; it must be quick (split, recognise, join). What takes long and needs no
/// order (expressions, JSON) belongs into the parallel part, a `Filter` that the input asks for.
public protocol Decoder: AnyObject, Sendable {
  /// Scans a chunk from `offset` on and appends records to the batch.
  ///
  /// A chunk with `flushOpen` or `streamEnd` has what is open leave now (after its bytes, if any).
  /// The stream's `openDeadline` is kept up to date. Never throws: what cannot be read becomes a
  /// record of raw text, or is counted.
  func scan(_ chunk: Chunk, from offset: Int, in context: ScanContext) -> ScanStatus
}
