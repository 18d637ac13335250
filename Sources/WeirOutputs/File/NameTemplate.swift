import CWeirPlugin
import Glibc
import WeirBatch

/// A file name with accessors and times in it, as one lane renders it.
///
/// The time is that of the record in UTC. Expanding it and compiling the accessors is done again
/// only when the expanded text changes: once a day for `%Y-%m-%d`.
final class NameTemplate {
  private let source: [CChar]
  private let hasTime: Bool
  private var second = Int64.min
  private var expanded: [UInt8]
  private var accessor: RecordAccessor?
  private var scratch = [CChar](repeating: 0, count: NameTemplate.expandedMax)

  /// Longest text after its times are expanded, in bytes.
  static let expandedMax = 4_096

  init(_ text: String, expandsTime: Bool) {
    source = text.utf8CString.map { $0 }
    hasTime = expandsTime && text.utf8.contains(UInt8(ascii: "%"))
    expanded = Array(text.utf8)
    accessor = try? RecordAccessor(text)
  }

  /// Adds the name for a record.
  /// - Returns: false when a field is missing or the time cannot be written.
  func append(
    _ record: UnsafePointer<weir_record>, of batch: Batch, to buffer: TextBuffer
  ) -> Bool {
    if hasTime {
      let wanted = floorDivide(record.pointee.time_ns, 1_000_000_000)
      if wanted != second, !expand(wanted) { return false }
    }
    guard let accessor else { return false }
    return accessor.render(batch, record, into: buffer)
  }

  private func expand(_ wanted: Int64) -> Bool {
    var seconds = time_t(wanted)
    var parts = tm()
    guard gmtime_r(&seconds, &parts) != nil else { return false }
    let count = strftime(&scratch, scratch.count, source, &parts)
    guard count > 0 else { return false }
    second = wanted
    let bytes = scratch[..<count].map { UInt8(bitPattern: $0) }
    if bytes != expanded || accessor == nil {
      expanded = bytes
      accessor = try? RecordAccessor(String(decoding: bytes, as: UTF8.self))
    }
    return accessor != nil
  }
}
