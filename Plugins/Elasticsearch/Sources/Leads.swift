import CWeirPlugin
import Glibc
import WeirSDK

/// The ids of the keys that go before a record's own.
struct LeadKeys {
  let time: UInt32
  let tag: UInt32?

  init(_ settings: Settings, _ host: Host) throws(PluginError) {
    time = try host.key(settings.timeKey)
    tag = try settings.tagKey.map { name throws(PluginError) in try host.key(name) }
  }
}

/// The members that go before a record's own, rendered: its time, its tag. Owned by one lane.
///
/// The time's buffer holds `"KEY":"TEXT.mmmZ",`; while the second stays the same only the digits
/// of its fraction are written anew.
final class Leads {
  private static let tagBytesMax = 4096

  /// What the host is handed: the time, then the tag.
  let raw: UnsafeMutablePointer<weir_json_lead>
  private(set) var count = 1
  private let writer: JSONWriter
  private let timeText: TimeText
  private let hasNanoseconds: Bool
  private let time: UnsafeMutablePointer<UInt8>
  private let timeStart: Int
  /// Where the fraction goes, and the second before it; raw memory, because they change per record.
  private let state: UnsafeMutablePointer<(second: Int64, fraction: Int)>
  private var tag: [UInt8] = []
  private let tagPrefix: [UInt8]
  private var lastTag: (data: UnsafeRawPointer?, count: Int, sequence: UInt64)?

  init(_ settings: Settings, _ keys: LeadKeys, _ writer: JSONWriter) {
    self.writer = writer
    hasNanoseconds = settings.hasNanoseconds
    timeText = TimeText(settings.timeFormat, writer)
    let prefix = Leads.prefix(settings.timeKey, writer)
    timeStart = prefix.count
    time = .allocate(capacity: prefix.count + TimeText.bytesMax * 6 + 64)
    time.update(from: prefix, count: prefix.count)
    state = .allocate(capacity: 1)
    state.initialize(to: (Int64.min, 0))
    raw = .allocate(capacity: 2)
    raw.initialize(repeating: weir_json_lead(), count: 2)
    raw[0] = weir_json_lead(data: UnsafePointer(time), length: 0, key: keys.time)
    tagPrefix = settings.tagKey.map { Leads.prefix($0, writer) } ?? []
    guard let key = keys.tag else { return }
    if key == keys.time {
      // One key for both: the later one wins, as with any key that comes twice.
      raw[0].key = key
      hasOnlyTag = true
    } else {
      raw[1].key = key
      count = 2
    }
    hasTag = true
  }

  /// Whether records get their tag.
  private(set) var hasTag = false
  private var hasOnlyTag = false

  deinit {
    raw.deallocate()
    time.deallocate()
    state.deallocate()
  }

  /// `"KEY":"`.
  private static func prefix(_ key: String, _ writer: JSONWriter) -> [UInt8] {
    var bytes = Array(key.utf8)
    let escaped = bytes.withUnsafeBytes { Array(writer.escape($0)) }
    bytes = [UInt8(ascii: "\"")] + escaped
    return bytes + [UInt8(ascii: "\""), UInt8(ascii: ":"), UInt8(ascii: "\"")]
  }

  /// Renders the time of a record, in nanoseconds since 1970.
  @inline(__always)
  func setTime(_ nanoseconds: Int64) {
    let second = floorDivide(nanoseconds, 1_000_000_000)
    if second != state.pointee.second { setSecond(second) }
    var fraction = nanoseconds &- second &* 1_000_000_000
    var digits = 9
    if !hasNanoseconds {
      fraction /= 1_000_000
      digits = 3
    }
    let out = time + state.pointee.fraction
    while digits > 0 {
      digits &-= 1
      out[digits] = 0x30 &+ UInt8(truncatingIfNeeded: fraction % 10)
      fraction /= 10
    }
  }

  @inline(never)
  private func setSecond(_ second: Int64) {
    let text = timeText.text(second: second)
    if let from = text.baseAddress { memcpy(time + timeStart, from, text.count) }
    var at = timeStart + text.count
    time[at] = UInt8(ascii: ".")
    at += 1
    state.pointee = (second, at)
    at += hasNanoseconds ? 9 : 3
    time[at] = UInt8(ascii: "Z")
    time[at + 1] = UInt8(ascii: "\"")
    time[at + 2] = UInt8(ascii: ",")
    if !hasOnlyTag { raw[0].length = UInt32(at + 3) }
  }

  /// Renders the tag of a record where it differs from the one before; only where `hasTag`.
  @inline(never)
  func setTag(_ record: RecordView) {
    let bytes = record.tag
    let sequence = record.batch.raw.pointee.sequence
    if let last = lastTag, last.data == bytes.baseAddress, last.count == bytes.count,
      last.sequence == sequence
    {
      return
    }
    lastTag = (bytes.baseAddress, bytes.count, sequence)
    tag.removeAll(keepingCapacity: true)
    tag.append(contentsOf: tagPrefix)
    let shown = UnsafeRawBufferPointer(rebasing: bytes.prefix(Self.tagBytesMax))
    tag.append(contentsOf: writer.escape(shown))
    tag.append(contentsOf: [UInt8(ascii: "\""), UInt8(ascii: ",")])
    let index = hasOnlyTag ? 0 : 1
    if tagRoom < tag.count {
      tagMemory?.deallocate()
      tagMemory = .allocate(capacity: tag.count * 2)
      tagRoom = tag.count * 2
    }
    guard let tagMemory else { return }
    tagMemory.update(from: tag, count: tag.count)
    raw[index].data = UnsafePointer(tagMemory)
    raw[index].length = UInt32(tag.count)
  }

  private var tagMemory: UnsafeMutablePointer<UInt8>?
  private var tagRoom = 0
}
