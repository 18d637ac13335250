import CWeirPlugin
import WeirStage

/// `outcomes/1`: what a reply says of each item.
enum OutcomesExtension {
  static func make() -> weir_outcomes_host {
    var table = weir_outcomes_host()
    table.struct_size = UInt32(MemoryLayout<weir_outcomes_host>.size)
    table.set = { pointer, item, outcome, detail in
      guard let pointer, let outcome = ItemOutcome(rawValue: UInt8(clamping: outcome)) else {
        return WEIR_E_ARGUMENT
      }
      // SAFETY: made by `OutcomesBox.pointer`, which the reply holds until it is closed.
      return Unmanaged<OutcomesBox>.fromOpaque(UnsafeRawPointer(pointer))
        ._withUnsafeGuaranteedRef { $0.set(Int(item), outcome, detail) }
    }
    return table
  }
}

/// The outcomes of one request while its reply is read. The states are plain memory, because one is
/// set per item; what is said of the few that failed goes to the list of details.
final class OutcomesBox {
  private var details: ItemOutcomes
  private let states: UnsafeMutablePointer<UInt8>
  private let count: Int

  init(itemCount: Int) {
    details = ItemOutcomes(itemCount: itemCount)
    count = itemCount
    states = .allocate(capacity: max(1, itemCount))
    states.initialize(repeating: ItemOutcome.retry.rawValue, count: max(1, itemCount))
  }

  deinit { states.deallocate() }

  /// What was said so far.
  var outcomes: ItemOutcomes {
    var made = details
    made.setAll(UnsafeBufferPointer(start: states, count: count))
    return made
  }

  /// What the plugin gets. Valid as long as this object.
  var pointer: OpaquePointer {
    // SAFETY: the reply keeps this object until the plugin has closed it.
    OpaquePointer(Unmanaged.passUnretained(self).toOpaque())
  }

  func set(
    _ item: Int, _ outcome: ItemOutcome, _ detail: UnsafePointer<weir_item_detail>?
  ) -> Int32 {
    guard item < count else { return WEIR_E_ARGUMENT }
    states[item] = outcome.rawValue
    guard let detail = detail?.pointee else { return WEIR_OK }
    details.set(
      item, outcome, status: Int(detail.status), type: Self.bytes(detail.type),
      reason: Self.bytes(detail.reason), place: Self.bytes(detail.place))
    return WEIR_OK
  }

  private static func bytes(_ text: weir_string) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: text.data, count: text.data == nil ? 0 : Int(text.length))
  }
}
