import CWeirPlugin
import Glibc
import WeirBatch

/// A top-level key that a configuration names.
struct FieldName {
  let key: KeyID
  let bytes: UnsafePointer<UInt8>
  let count: Int
}

/// A text that a configuration writes into records.
struct ConstantText {
  let bytes: UnsafePointer<UInt8>
  let count: Int
  /// `WEIR_FIELD_ASCII` and `WEIR_FIELD_CLEAN` as they hold for it.
  let flags: UInt8
  /// Number in its pool.
  let index: Int
}

/// The names and texts of one filter's configuration; they live as long as the filter.
final class ConstantPool: @unchecked Sendable {
  // SAFETY: unchecked because of the pointers; filled while the filter is built, read-only after.
  private var blocks: [UnsafeMutablePointer<UInt8>] = []
  /// Texts handed out.
  private(set) var textCount = 0

  deinit { for block in blocks { block.deallocate() } }

  /// Interns a key.
  func name(_ text: String) -> FieldName {
    let bytes = Array(text.utf8)
    return FieldName(key: KeyTable.shared.intern(text), bytes: keep(bytes), count: bytes.count)
  }

  /// Keeps a text.
  func text(_ text: String) -> ConstantText {
    let bytes = Array(text.utf8)
    defer { textCount += 1 }
    return ConstantText(
      bytes: keep(bytes), count: bytes.count, flags: fieldFlags(of: bytes), index: textCount)
  }

  private func keep(_ bytes: [UInt8]) -> UnsafePointer<UInt8> {
    let block = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count + 64)
    block.initialize(repeating: 0, count: bytes.count + 64)
    bytes.withUnsafeBufferPointer { source in
      if let base = source.baseAddress { block.update(from: base, count: source.count) }
    }
    blocks.append(block)
    return UnsafePointer(block)
  }
}

/// The flags that are true of a text: nothing above 7f (hex), nothing that JSON escapes.
func fieldFlags(of bytes: some Sequence<UInt8>) -> UInt8 {
  var flags = UInt8(WEIR_FIELD_ASCII) | UInt8(WEIR_FIELD_CLEAN)
  for byte in bytes {
    if byte >= 0x80 { return 0 }
    if byte < 0x20 || byte == 0x7f || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
      flags = UInt8(WEIR_FIELD_ASCII)
    }
  }
  return flags
}

/// Where a filter's texts lie in the scratch segment of the batch under way: each is copied once
/// per batch, and all records share the copy. One per lane.
final class ConstantScratch {
  private static let absent = UInt32.max
  private let offsets: UnsafeMutableBufferPointer<UInt32>

  init(textCount: Int) {
    offsets = .allocate(capacity: textCount)
    offsets.initialize(repeating: ConstantScratch.absent)
  }

  deinit { offsets.deallocate() }

  /// Forgets the batch before.
  func begin() { offsets.update(repeating: ConstantScratch.absent) }

  /// A field of that text; nil when scratch is full.
  func field(_ key: KeyID, _ text: ConstantText, _ batch: Batch) -> weir_field? {
    var offset = offsets[text.index]
    if offset == ConstantScratch.absent {
      guard let copied = batch.copyToScratch(text.bytes, text.count) else { return nil }
      offset = copied
      offsets[text.index] = offset
    }
    return weir_field.slice(
      key, UInt32(WEIR_TEXT), segment: UInt32(WEIR_SEGMENT_SCRATCH), offset: offset,
      length: UInt32(truncatingIfNeeded: text.count), flags: text.flags)
  }
}
