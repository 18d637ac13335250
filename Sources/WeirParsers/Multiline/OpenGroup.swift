import CWeirKernels
import CWeirPlugin
import Glibc
import WeirBatch
import WeirDelivery
import WeirRing

/// A record that waits for more lines: its first part's fields and the text so far, in memory of
/// its own, because the batch that they came in goes on without it.
final class OpenGroup {
  /// A field of the first part; slices point into `header`.
  struct SavedField {
    var field: weir_field
    /// Name of a key that is the batch's own, in `header`; empty when the key is global.
    var nameOffset = 0
    var nameCount = 0
  }

  /// Which of the decoder's parsers opened it.
  let parser: Int
  /// State of the parser's rules.
  var state = MultilineRules.start
  var fields: [SavedField] = []
  /// Index in `fields` of the text that is joined, -1 when the record has only that.
  var contentIndex = -1
  var header = CarriedBytes()
  var content = CarriedBytes()
  /// The value of `key_group`.
  var group = CarriedBytes()
  var time: Int64 = 0
  /// A part was cut off at the limit and has left on its own.
  var isTruncated = false
  /// Monotonic nanoseconds at which it leaves without a further part.
  var deadline = Int64.max
  /// Position of its first byte in `generation`, and of its last line; the end behind it.
  var position: UInt64 = 0
  var lastPosition: UInt64 = 0
  var endPosition: UInt64 = 0
  var generation: Generation?
  /// Whether all parts are of `generation`.
  var isOfOneGeneration = true
  /// Ledger ranges of earlier chunks that hold parts of it.
  var held: [RangeID] = []
  /// The generation of the last of them.
  var heldGeneration: Generation?
  /// Whether a part came in the chunk that is being scanned.
  var isTouched = true

  private let budget: MemoryBudget

  init(parser: Int, _ budget: MemoryBudget) {
    self.parser = parser
    self.budget = budget
  }

  // A stream that is given up takes what it holds with it.
  deinit { free() }

  /// Whether nothing more of a generation needs to be held: only the part before an open range is
  /// committed, so the first range of each generation stands for all behind it. A range per chunk
  /// would fill the ledger where lines come one by one.
  func holds(_ generation: Generation?) -> Bool {
    generation == nil || (!held.isEmpty && heldGeneration === generation)
  }

  /// Gives its memory back.
  func free() {
    header.free(budget)
    content.free(budget)
    group.free(budget)
    fields.removeAll(keepingCapacity: true)
  }

  /// Makes the text so far a field like others, so that another one can be joined.
  /// - Returns: false when the budget refuses.
  func settleContent() -> Bool {
    guard contentIndex >= 0 else { return true }
    let offset = header.count
    guard header.append(content.bytes, budget) else { return false }
    fields[contentIndex].field.value.slice.offset = UInt32(truncatingIfNeeded: offset)
    fields[contentIndex].field.value.slice.length = UInt32(truncatingIfNeeded: content.count)
    fields[contentIndex].field.type = UInt8(WEIR_TEXT)
    fields[contentIndex].field.flags = 0
    contentIndex = -1
    content.free(budget)
    return true
  }

  /// Copies the fields of a part behind those that are there; `contentIndex` counts in `source`.
  /// - Returns: false when the budget refuses.
  func save(
    _ source: UnsafeBufferPointer<weir_field>, _ batch: Batch, contentIndex: Int
  ) -> Bool {
    if contentIndex >= 0 { self.contentIndex = fields.count + contentIndex }
    for index in 0..<source.count {
      var saved = SavedField(field: source[index])
      if saved.field.key & UInt32(WEIR_LOCAL_KEY) != 0 {
        let name = batch.name(of: saved.field.key)
        saved.nameOffset = header.count
        saved.nameCount = name.count
        guard header.append(name, budget) else { return false }
      }
      if saved.field.isSlice, index != contentIndex {
        let bytes = batch.bytes(of: saved.field)
        saved.field.value.slice.offset = UInt32(truncatingIfNeeded: header.count)
        guard header.append(bytes, budget) else { return false }
      }
      fields.append(saved)
    }
    return true
  }
}

/// Bytes that a stream carries from batch to batch, counted against the memory budget.
struct CarriedBytes {
  private(set) var base: UnsafeMutablePointer<UInt8>?
  private(set) var count = 0
  private var capacity = 0

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  /// Room for `extra` more bytes; nil when the budget refuses.
  mutating func reserve(_ extra: Int, _ budget: MemoryBudget) -> UnsafeMutablePointer<UInt8>? {
    if let base, count + extra <= capacity { return base + count }
    let wanted = max(count + extra, capacity * 2, 256)
    guard budget.take(wanted - capacity) else { return nil }
    guard let memory = realloc(base, wanted) else {
      budget.give(wanted - capacity)
      return nil
    }
    let moved = memory.assumingMemoryBound(to: UInt8.self)
    base = moved
    capacity = wanted
    return moved + count
  }

  mutating func commit(_ added: Int) { count += added }

  mutating func append(_ bytes: UnsafeRawBufferPointer, _ budget: MemoryBudget) -> Bool {
    guard let room = reserve(bytes.count, budget) else { return false }
    if let from = bytes.baseAddress { memcpy(room, from, bytes.count) }
    count += bytes.count
    return true
  }

  mutating func free(_ budget: MemoryBudget) {
    Glibc.free(base)
    budget.give(capacity)
    base = nil
    count = 0
    capacity = 0
  }
}

/// What one stream has open; its `openState`.
final class OpenGroups {
  /// Groups of one stream at most; a further one lets the oldest leave.
  static let groupsMax = 6

  /// Oldest first.
  var groups: [OpenGroup] = []
  /// The parser that took the last line.
  var lastParser = 0
}
