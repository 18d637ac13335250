import CWeirPlugin
import Glibc
import WeirBatch

/// Finds the members of a map that a later member of the same key hides.
///
/// A table over all key ids remembers the place of the last member of each key; members elsewhere
/// get a bit. Both are made when the first record with duplicates comes, and need no clearing:
/// what a map reads of the table it has just written, and bits are taken back as they are read.
/// Linear in the number of members, however hostile the record. Owned by one lane.
final class DuplicateMarks {
  private var lastOf: UnsafeMutablePointer<UInt32>?
  private var lastOfCount = 0
  private var bits: UnsafeMutablePointer<UInt64>?
  private var bitsCount = 0

  deinit {
    lastOf?.deallocate()
    free(bits)
  }

  /// Marks the hidden ones of the fields `[first, first + count)`.
  func mark(_ batch: Batch, first: Int, count: Int) {
    let (table, marks) = tables(batch)
    let fields = batch.fields
    for i in first..<first + count where UInt32(fields[i].type) != WEIR_METADATA {
      table[slot(fields[i].key)] = UInt32(truncatingIfNeeded: i)
    }
    for i in first..<first + count
    where UInt32(fields[i].type) != WEIR_METADATA
      && table[slot(fields[i].key)] != UInt32(truncatingIfNeeded: i)
    {
      marks[i >> 6] |= 1 << UInt64(i & 63)
    }
  }

  /// True when the field at an index of the batch is hidden; its mark is gone afterwards.
  @inline(__always)
  func take(_ index: Int) -> Bool {
    guard let bits else { return false }
    let bit = UInt64(1) << UInt64(index & 63)
    if bits[index >> 6] & bit == 0 { return false }
    bits[index >> 6] &= ~bit
    return true
  }

  private static let globalCount = KeyTable.learntMax + KeyTable.configuredMax

  /// Global ids first, then the batch's own; the last slot is for elements without a key.
  @inline(__always)
  private func slot(_ key: KeyID) -> Int {
    if key & WEIR_LOCAL_KEY == 0 { return Int(key) }
    if key == WEIR_NO_KEY { return lastOfCount - 1 }
    return DuplicateMarks.globalCount + Int(key & ~WEIR_LOCAL_KEY)
  }

  private func tables(
    _ batch: Batch
  ) -> (UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<UInt64>) {
    let slots = DuplicateMarks.globalCount + Int(batch.raw.pointee.local_key_capacity) + 1
    if slots > lastOfCount {
      lastOf?.deallocate()
      lastOf = .allocate(capacity: slots)
      lastOfCount = slots
    }
    let words = (Int(batch.raw.pointee.field_capacity) + 63) / 64
    if words > bitsCount {
      free(bits)
      // calloc: pages that no record reaches are never touched.
      bits = calloc(words, MemoryLayout<UInt64>.stride)?.assumingMemoryBound(to: UInt64.self)
      bitsCount = words
    }
    guard let lastOf, let bits else { preconditionFailure("out of memory") }
    return (lastOf, bits)
  }
}
