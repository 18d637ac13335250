import CWeirPlugin
import WeirBatch
import WeirStage

/// A lane's own copy of a selection, narrowed rule by rule. Keeps its memory between batches.
final class SelectionBuffer {
  private(set) var base: UnsafeMutablePointer<UInt32>
  private(set) var count = 0
  private var capacity = 1024

  init() { base = .allocate(capacity: 1024) }

  deinit { base.deallocate() }

  /// Takes a copy of a selection.
  func fill(_ selection: Selection) {
    if selection.count > capacity {
      base.deallocate()
      capacity = selection.count
      base = .allocate(capacity: capacity)
    }
    if let source = selection.baseAddress { base.update(from: source, count: selection.count) }
    count = selection.count
  }

  /// What is left; valid until the next change.
  var selection: Selection { Selection(start: base, count: count) }

  /// Keeps the records for which `test` holds, in order.
  @inline(__always)
  func keep(_ batch: Batch, _ test: (UnsafeMutablePointer<weir_record>) -> Bool) {
    let records = batch.records
    let indexes = base
    let end = count
    var kept = 0
    for i in 0..<end {
      let index = indexes[i]
      if test(records + Int(index)) {
        indexes[kept] = index
        kept &+= 1
      }
    }
    count = kept
  }
}
