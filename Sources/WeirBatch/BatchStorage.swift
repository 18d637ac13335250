import CWeirPlugin
import Glibc

/// What one batch may hold.
public struct BatchLimits: Sendable {
  /// Records a batch holds when it is scanned; filters may add as many again.
  public var recordsMax = 8_192
  /// Fields of all records, filters' additions included. Untouched pages cost nothing.
  public var fieldsMax = 1 << 22
  /// Scratch bytes: joined lines, decoded values, what filters write.
  public var scratchBytesMax = 96 << 20
  /// Scratch bytes that stay mapped between batches.
  public var scratchBytesKept = 1 << 20
  public var sourcesMax = 2_048
  public var tagsMax = 4_096
  /// Keys beyond those that the process has learnt; more than a slot of JSON can hold.
  public var localKeysMax = 1 << 17
  public var resourcesMax = 1_024

  public init() {}
}

/// The memory of a lane's batches: tables and scratch in one reserved mapping, reused batch after
/// batch. Owned by one lane; not thread-safe.
///
/// Everything is reserved at its maximum and touched only as far as a batch goes, so growth needs
/// no copy and no chunk list, and what a large batch touched goes back to the kernel afterwards.
public final class BatchStorage {
  /// The batch that lives in this storage.
  public let batch: Batch
  public let limits: BatchLimits
  private let mapping: UnsafeMutableRawPointer
  private let mappingBytes: Int
  private let fieldsOffset: Int
  private let scratchOffset: Int
  // The most that was in use since the last reset, where a rewind has hidden it.
  private var fieldPeak = 0
  private var scratchPeak = 0
  private var localKeyPeak = 0
  private let localKeys: LocalKeyIndex

  /// Reserves the storage. Traps when the address space is refused: the host cannot run without.
  public init(limits: BatchLimits = BatchLimits()) {
    self.limits = limits
    let page = 4096
    func pages(_ bytes: Int) -> Int { (bytes + page - 1) & ~(page - 1) }
    let recordRoom = limits.recordsMax * 2
    let header = pages(
      MemoryLayout<weir_batch>.stride + 64 * MemoryLayout<weir_segment>.stride
        + limits.sourcesMax * MemoryLayout<weir_source>.stride
        + limits.tagsMax * MemoryLayout<weir_tag>.stride
        + limits.localKeysMax * MemoryLayout<weir_key>.stride
        + limits.resourcesMax * MemoryLayout<weir_resource>.stride
        + LocalKeyIndex.bytes(limits.localKeysMax) + 256)
    let recordBytes = pages(recordRoom * MemoryLayout<weir_record>.stride)
    let fieldBytes = pages(limits.fieldsMax * MemoryLayout<weir_field>.stride)
    fieldsOffset = header + recordBytes
    scratchOffset = fieldsOffset + fieldBytes
    mappingBytes = scratchOffset + pages(limits.scratchBytesMax + 64)
    guard
      let base = mmap(
        nil, mappingBytes, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      base != MAP_FAILED
    else { preconditionFailure("the address space for a batch was refused") }
    mapping = base
    var cursor = base
    func carve<T>(_ type: T.Type, _ count: Int) -> UnsafeMutablePointer<T> {
      // SAFETY: every stride is a multiple of 8 and the mapping is page-aligned.
      let p = cursor.bindMemory(to: type, capacity: count)
      cursor += count * MemoryLayout<T>.stride
      return p
    }
    let raw = carve(weir_batch.self, 1)
    raw.initialize(to: weir_batch())
    raw.pointee.struct_size = UInt32(MemoryLayout<weir_batch>.size)
    raw.pointee.record_stride = UInt32(MemoryLayout<weir_record>.stride)
    raw.pointee.segments = carve(weir_segment.self, 64)
    raw.pointee.segment_capacity = 64
    raw.pointee.sources = carve(weir_source.self, limits.sourcesMax)
    raw.pointee.source_capacity = UInt32(limits.sourcesMax)
    raw.pointee.tags = carve(weir_tag.self, limits.tagsMax)
    raw.pointee.tag_capacity = UInt32(limits.tagsMax)
    raw.pointee.local_keys = carve(weir_key.self, limits.localKeysMax)
    raw.pointee.local_key_capacity = UInt32(limits.localKeysMax)
    raw.pointee.resources = carve(weir_resource.self, limits.resourcesMax)
    raw.pointee.resource_capacity = UInt32(limits.resourcesMax)
    raw.pointee.keys = KeyTable.shared.entries
    localKeys = LocalKeyIndex(making: cursor, keysMax: limits.localKeysMax)
    raw.pointee.host = cursor
    cursor = base + header
    raw.pointee.records = carve(weir_record.self, recordRoom)
    raw.pointee.record_capacity = UInt32(recordRoom)
    cursor = base + fieldsOffset
    raw.pointee.fields = carve(weir_field.self, limits.fieldsMax)
    raw.pointee.field_capacity = UInt32(limits.fieldsMax)
    raw.pointee.segments[1] = weir_segment(
      base: (base + scratchOffset).assumingMemoryBound(to: UInt8.self), length: 0,
      capacity: UInt64(limits.scratchBytesMax))
    batch = Batch(raw)
    reset(sequence: 0)
  }

  deinit { munmap(mapping, mappingBytes) }

  /// Empties the batch for the next one and gives back what only an unusual batch needed.
  public func reset(sequence: UInt64) {
    let raw = batch.raw
    let keptFields = 1 << 16
    notePeaks()
    if fieldPeak > keptFields {
      let kept = fieldsOffset + keptFields * MemoryLayout<weir_field>.stride
      madvise(mapping + kept, scratchOffset - kept, MADV_DONTNEED)
    }
    if scratchPeak > limits.scratchBytesKept {
      let kept = scratchOffset + limits.scratchBytesKept
      madvise(mapping + kept, mappingBytes - kept, MADV_DONTNEED)
    }
    if localKeyPeak > 0 { clearLocalKeys() }
    fieldPeak = 0
    scratchPeak = 0
    localKeyPeak = 0
    raw.pointee.sequence = sequence
    raw.pointee.record_count = 0
    raw.pointee.field_count = 0
    raw.pointee.segment_count = 2
    raw.pointee.segments[0] = weir_segment(base: nil, length: 0, capacity: 0)
    raw.pointee.segments[1].length = 0
    raw.pointee.source_count = 0
    raw.pointee.tag_count = 0
    raw.pointee.local_key_count = 0
    raw.pointee.resource_count = 0
    raw.pointee.key_count = KeyTable.shared.count
  }

  private func clearLocalKeys() {
    localKeys.clear()
    let kept = 16_384
    guard localKeyPeak > kept, let table = batch.raw.pointee.local_keys else { return }
    let page = 4096
    let offset = UnsafeRawPointer(table) - UnsafeRawPointer(mapping)
    let stride = MemoryLayout<weir_key>.stride
    let begin = (offset + kept * stride + page - 1) & ~(page - 1)
    let end = (offset + localKeyPeak * stride) & ~(page - 1)
    if begin < end { madvise(mapping + begin, end - begin, MADV_DONTNEED) }
  }

  /// How far the tables of a batch were filled at one moment.
  public struct Mark {
    fileprivate let header: weir_batch
    fileprivate let scratchLength: UInt64
  }

  /// The moment to which `rewind` goes back.
  public var mark: Mark {
    Mark(header: batch.raw.pointee, scratchLength: batch.raw.pointee.segments[1].length)
  }

  /// Takes out everything that was added since the mark: records, fields, scratch, keys, tags,
  /// resources. What stood before is as it was, unless somebody edited it.
  public func rewind(to mark: Mark) {
    notePeaks()
    let keys = batch.raw.pointee.local_key_count
    batch.raw.pointee = mark.header
    if keys > mark.header.local_key_count, let table = mark.header.local_keys {
      localKeys.rewind(table, count: Int(mark.header.local_key_count))
    }
    batch.raw.pointee.segments[1].length = mark.scratchLength
  }

  private func notePeaks() {
    fieldPeak = max(fieldPeak, Int(batch.raw.pointee.field_count))
    scratchPeak = max(scratchPeak, Int(batch.raw.pointee.segments[1].length))
    localKeyPeak = max(localKeyPeak, Int(batch.raw.pointee.local_key_count))
  }
}
