import Glibc
public import WeirDelivery
public import WeirRing

/// One stretch of a payload that belongs together: the records of one tag, or of one file.
public struct PayloadSection {
  /// Who it is for: an output's own number (a file, a tag); 0 where an output has one target.
  public var target: Int
  /// Bytes `[begin, end)` of the payload.
  public var begin: Int
  public var end: Int
  /// Records in it.
  public var records: Int

  public init(target: Int, begin: Int, end: Int, records: Int) {
    self.target = target
    self.begin = begin
    self.end = end
    self.records = records
  }
}

/// Encoded records of one batch for one output. It owns its bytes, so the slot that the records
/// came from is free at once. Made on a lane, then owned by the output's queue; reused through a
/// pool, so that a steady stream allocates nothing.
@safe public final class Payload: @unchecked Sendable {
  /// The batch's place in the order of batches; ordered outputs take payloads by it.
  public var sequence: UInt64 = 0
  /// Bytes in use; grow with `reserve`.
  public private(set) var base: UnsafeMutablePointer<UInt8>
  public var length = 0
  public private(set) var capacity: Int
  /// The sections, in order.
  public var sections: [PayloadSection] = []
  /// Offsets where records begin, for outputs that need them (`recordStarts` of the encoder);
  /// of a `CarriedOutput`: where each item ENDS in the uncompressed body.
  public var recordOffsets: [UInt32] = []
  /// Bytes of the body before it was compressed; 0 where outputs do not compress.
  public var uncompressedLength = 0
  /// Records in it.
  public var recordCount = 0
  /// Ranges whose owner this payload is; released when the output has finished with it.
  public var ranges: [RangeID] = []
  /// Bytes of credit that the payload holds of its output: of raw bytes or of its footprint,
  /// whichever is more.
  public var creditBytes = 0
  /// The share of the input that its records are of, if it has one: the payload counts against it
  /// until it is emptied.
  public private(set) var share: CreditGate?
  private var shareBytes = 0
  /// How often delivery was tried.
  public var attempts = 0

  /// Bytes that a pooled payload keeps at most; beyond it the memory goes back after use.
  public static let keptBytes = 8 << 20
  /// Uses in a row that need less than a quarter of the memory before it goes back.
  static let smallUsesMax = 16
  private var smallUses = 0

  /// Bytes that a payload takes beside those in use.
  public static let overheadBytes = 8 << 10

  /// Bytes of memory that it takes while it waits.
  public var footprint: Int { length + Payload.overheadBytes }

  public init(capacity: Int = 16 << 10) {
    self.capacity = capacity
    guard let memory = unsafe malloc(capacity + 64) else { preconditionFailure("out of memory") }
    unsafe base = memory.assumingMemoryBound(to: UInt8.self)
  }

  deinit { unsafe free(base) }

  /// Makes room for `count` more bytes behind `length` (and 64 to spare) and returns where they go.
  /// The place moves when the payload grows: take it anew after each call.
  @inline(__always)
  public func reserve(_ count: Int) -> UnsafeMutablePointer<UInt8> {
    if length &+ count > capacity { grow(count) }
    return unsafe base + length
  }

  private func grow(_ count: Int) {
    var size = capacity
    while size < length + count { size += size / 2 + 4096 }
    guard let memory = unsafe realloc(base, size + 64) else { preconditionFailure("out of memory") }
    unsafe base = memory.assumingMemoryBound(to: UInt8.self)
    capacity = size
  }

  /// Gives back memory that is not in use, for a payload that may wait long.
  public func trim() {
    guard capacity > 2 * length + (16 << 10) else { return }
    let size = length + 1024
    guard let memory = unsafe realloc(base, size + 64) else { return }
    unsafe base = memory.assumingMemoryBound(to: UInt8.self)
    capacity = size
  }

  /// Appends bytes.
  @inline(__always)
  public func append(_ bytes: UnsafeRawBufferPointer) {
    guard let from = bytes.baseAddress else { return }
    unsafe memcpy(reserve(bytes.count), from, bytes.count)
    length &+= bytes.count
  }

  /// Appends one byte.
  @inline(__always)
  public func append(_ byte: UInt8) {
    unsafe reserve(1).pointee = byte
    length &+= 1
  }

  /// Counts it against the share of an input until it is emptied.
  public func take(of share: CreditGate) {
    precondition(self.share == nil, "a payload counts against one share")
    self.share = share
    shareBytes = footprint
    share.take(shareBytes)
  }

  /// Empties it for the next batch. A steady stream keeps its memory: growing anew for each batch
  /// of enriched records (some 4 MiB) costs eight times what encoding them does.
  public func reset() {
    smallUses = length < capacity / 4 && capacity > 64 << 10 ? smallUses + 1 : 0
    length = 0
    sections.removeAll(keepingCapacity: true)
    recordOffsets.removeAll(keepingCapacity: true)
    ranges.removeAll(keepingCapacity: true)
    recordCount = 0
    uncompressedLength = 0
    creditBytes = 0
    attempts = 0
    share?.give(shareBytes)
    share = nil
    shareBytes = 0
    if capacity > Payload.keptBytes || smallUses > Payload.smallUsesMax {
      smallUses = 0
      capacity = 16 << 10
      guard let memory = unsafe realloc(base, capacity + 64) else {
        preconditionFailure("out of memory")
      }
      unsafe base = memory.assumingMemoryBound(to: UInt8.self)
    }
  }
}
