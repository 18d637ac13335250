import Glibc
import WeirSDK

/// Texts that strftime makes of times in UTC, remembered: records come in runs of one second, and
/// most patterns change by the day.
///
/// A small table by the stretch of time in which the pattern's text cannot change, so that streams
/// whose times differ do not push each other out. Owned by one lane.
final class TimeText {
  /// Bytes of one text; longer ones are empty, as strftime has it.
  static let bytesMax = 512
  private static let slotCount = 16

  private struct Slot {
    var stretch = Int64.min
    var length = 0
  }
  private let pattern: [CChar]
  /// Seconds in which the text stays the same.
  let granularity: Int64
  private let slots: UnsafeMutablePointer<Slot>
  private let texts: UnsafeMutablePointer<UInt8>
  private let writer: JSONWriter

  /// Texts are kept as the body of a JSON string.
  init(_ pattern: String, _ writer: JSONWriter) {
    self.pattern = Array(pattern.utf8CString)
    self.writer = writer
    granularity = TimeText.granularity(pattern)
    slots = .allocate(capacity: Self.slotCount)
    slots.initialize(repeating: Slot(), count: Self.slotCount)
    texts = .allocate(capacity: Self.slotCount * Self.escapedMax)
  }

  deinit {
    slots.deallocate()
    texts.deallocate()
  }

  private static let escapedMax = bytesMax * 6

  /// The text of a second since 1970; valid until the next call.
  @inline(__always)
  func text(second: Int64) -> UnsafeRawBufferPointer {
    let stretch = granularity == 1 ? second : floorDivide(second, granularity)
    let index = Int(truncatingIfNeeded: stretch & Int64(TimeText.slotCount - 1))
    if slots[index].stretch != stretch { fill(index, stretch, second) }
    return UnsafeRawBufferPointer(
      start: texts + index * TimeText.escapedMax, count: slots[index].length)
  }

  @inline(never)
  private func fill(_ index: Int, _ stretch: Int64, _ second: Int64) {
    var time = time_t(second)
    var parts = tm()
    var length = 0
    if gmtime_r(&time, &parts) != nil {
      withUnsafeTemporaryAllocation(byteCount: Self.bytesMax, alignment: 1) { room in
        let base = room.baseAddress?.assumingMemoryBound(to: CChar.self)
        guard let base else { return }
        let count = strftime(base, Self.bytesMax, pattern, &parts)
        let escaped = writer.escape(UnsafeRawBufferPointer(start: base, count: count))
        guard escaped.count <= Self.escapedMax, let from = escaped.baseAddress else { return }
        memcpy(texts + index * Self.escapedMax, from, escaped.count)
        length = escaped.count
      }
    }
    slots[index] = Slot(stretch: stretch, length: length)
  }

  /// The longest of a day, an hour, a minute and a second in which the pattern's text is the same.
  static func granularity(_ pattern: String) -> Int64 {
    var seconds: Int64 = 86400
    var bytes = pattern.utf8.makeIterator()
    while let byte = bytes.next() {
      guard byte == UInt8(ascii: "%") else { continue }
      var conversion = bytes.next()
      // Flags, a width and the modifiers E and O stand between the sign and the conversion.
      while let flag = conversion, "-_0^#EO123456789".utf8.contains(flag) {
        conversion = bytes.next()
      }
      switch conversion.map({ Character(Unicode.Scalar($0)) }) {
      case "H", "I", "k", "l", "p", "P": seconds = min(seconds, 3600)
      case "M", "R": seconds = min(seconds, 60)
      case "%", "n", "t", "Y", "y", "C", "G", "g", "m", "b", "B", "h", "d", "e", "j", "a", "A",
        "u", "w", "U", "V", "W", "D", "F", "x", "z", "Z":
        break
      default: seconds = 1
      }
    }
    return seconds
  }
}

/// Division that rounds down, also before 1970.
@inline(__always)
func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
  let quotient = value / divisor
  return value % divisor < 0 ? quotient - 1 : quotient
}
