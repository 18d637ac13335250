import CWeirKernels
public import CWeirPlugin
import Glibc
import Synchronization
import WeirSystem

/// A key id: an index into the process-wide table, or with `WEIR_LOCAL_KEY` set into a batch's own.
public typealias KeyID = UInt32

/// The process-wide table of record keys, closed at a fixed number of learnt entries.
///
/// Entries never move or go, so that an id and the bytes behind it may be used without a lock by
/// any thread. Keys that configurations name are interned at start; keys seen in data are learnt
/// until `learntMax` is reached, after which a key lives in its batch's own table: hostile JSON
/// cannot grow memory.
public final class KeyTable: @unchecked Sendable {
  /// Keys that data may add, in entries.
  public static let learntMax = 4096
  /// Keys that configurations may add, in entries.
  public static let configuredMax = 4096
  static let capacity = learntMax + configuredMax
  static let bucketCount = 4 * capacity  // a power of two: short probes at a quarter full

  /// The table of this process.
  public static let shared = KeyTable()

  /// Readable entries: `[0, count)`.
  public let entries: UnsafeMutablePointer<weir_key>
  /// JSON form `"key":` of each entry with non-ASCII as `\u` escapes.
  public let escapedForms: UnsafeMutablePointer<weir_key>
  /// JSON form `"key":` of each entry with non-ASCII as UTF-8.
  public let utf8Forms: UnsafeMutablePointer<weir_key>
  private let buckets: UnsafeMutablePointer<Atomic<UInt32>>
  private let published = Atomic<UInt32>(0)
  private let refusals = Atomic<Int>(0)
  private let state = Locked(Counts())

  private struct Counts {
    var learnt = 0
    var configured = 0
  }

  public init() {
    entries = .allocate(capacity: KeyTable.capacity)
    escapedForms = .allocate(capacity: KeyTable.capacity)
    utf8Forms = .allocate(capacity: KeyTable.capacity)
    buckets = .allocate(capacity: KeyTable.bucketCount)
    for i in 0..<KeyTable.bucketCount { (buckets + i).initialize(to: Atomic(0)) }
  }

  /// Entries in use; an entry below it is complete.
  public var count: UInt32 { published.load(ordering: .acquiring) }

  /// The id of a key that a configuration names. Any thread; takes a lock.
  ///
  /// When the table is full it is the id of another key, and `refusedCount` says so: nothing may be
  /// started then.
  public func intern(_ text: String) -> KeyID {
    internIfRoom(text) ?? 0
  }

  /// The same, or nil (and counted) when configurations have named too many keys.
  public func internIfRoom(_ text: String) -> KeyID? {
    var text = text
    let id = text.withUTF8 { bytes in
      let base = UnsafeRawPointer(bytes.baseAddress ?? UnsafePointer(entriesEnd))
      return find(base, bytes.count, learning: .configured)
    }
    if id == nil { refusals.wrappingAdd(1, ordering: .relaxed) }
    return id
  }

  /// Keys that were named beyond `configuredMax`.
  public var refusedCount: Int { refusals.load(ordering: .relaxed) }

  /// The id of a key seen in data, or nil when the table is closed and does not have it.
  /// Any thread; lock-free when the key is known.
  @inline(__always)
  public func learn(_ p: UnsafeRawPointer, _ length: Int) -> KeyID? {
    find(p, length, learning: .learnt)
  }

  private enum Origin { case configured, learnt }

  private var entriesEnd: UnsafeMutablePointer<UInt8> { KeyTable.emptyByte }
  nonisolated(unsafe) private static let emptyByte = UnsafeMutablePointer<UInt8>.allocate(
    capacity: 64)

  /// FNV-1a over at most the first 16 and last 8 bytes and the length: keys are short, and equal
  /// hashes are told apart by their bytes.
  @inline(__always)
  static func hash(_ p: UnsafeRawPointer, _ length: Int) -> UInt32 {
    var h: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(truncatingIfNeeded: length)
    var i = 0
    while i &+ 8 <= length && i < 16 {
      h = (h ^ p.loadUnaligned(fromByteOffset: i, as: UInt64.self)) &* 0x9e37_79b9_7f4a_7c15
      h ^= h >> 29
      i &+= 8
    }
    if length >= 8 {
      h =
        (h ^ p.loadUnaligned(fromByteOffset: length &- 8, as: UInt64.self))
        &* 0x9e37_79b9_7f4a_7c15
    } else {
      while i < length {
        h = (h ^ UInt64(p.load(fromByteOffset: i, as: UInt8.self))) &* 0x100_0000_01b3
        i &+= 1
      }
    }
    return UInt32(truncatingIfNeeded: h ^ (h >> 32))
  }

  @inline(__always)
  private func find(_ p: UnsafeRawPointer, _ length: Int, learning: Origin) -> KeyID? {
    let hash = KeyTable.hash(p, length)
    let mask = UInt32(KeyTable.bucketCount - 1)
    var bucket = hash & mask
    while true {
      // ORDERING: acquire pairs with the release that publishes a bucket after its entry.
      let value = buckets[Int(bucket)].load(ordering: .acquiring)
      if value == 0 { break }
      let entry = entries[Int(value &- 1)]
      if entry.hash == hash, Int(entry.length) == length, memcmp(entry.data, p, length) == 0 {
        return value &- 1
      }
      bucket = (bucket &+ 1) & mask
    }
    return insert(p, length, hash, learning)
  }

  private func insert(
    _ p: UnsafeRawPointer, _ length: Int, _ hash: UInt32, _ origin: Origin
  ) -> KeyID? {
    state.withLock { counts in
      var bucket = hash & UInt32(KeyTable.bucketCount - 1)
      while true {
        let value = buckets[Int(bucket)].load(ordering: .relaxed)
        if value == 0 { break }
        let entry = entries[Int(value &- 1)]
        if entry.hash == hash, Int(entry.length) == length, memcmp(entry.data, p, length) == 0 {
          return value &- 1
        }
        bucket = (bucket &+ 1) & UInt32(KeyTable.bucketCount - 1)
      }
      switch origin {
      case .learnt:
        // A hostile key of a megabyte would stay for ever: long keys are never learnt.
        if counts.learnt >= KeyTable.learntMax || length > 512 { return nil }
        counts.learnt += 1
      case .configured:
        if counts.configured >= KeyTable.configuredMax { return nil }
        counts.configured += 1
      }
      let id = published.load(ordering: .relaxed)
      let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: length + 64)
      copy.update(from: p.assumingMemoryBound(to: UInt8.self), count: length)
      entries[Int(id)] = weir_key(data: copy, length: UInt32(length), hash: hash)
      escapedForms[Int(id)] = KeyTable.jsonForm(copy, length, escapeUnicode: true)
      utf8Forms[Int(id)] = KeyTable.jsonForm(copy, length, escapeUnicode: false)
      // ORDERING: release, so that whoever sees the count or the bucket sees the entry.
      published.store(id + 1, ordering: .releasing)
      buckets[Int(bucket)].store(id + 1, ordering: .releasing)
      return id
    }
  }

  private static func jsonForm(
    _ p: UnsafePointer<UInt8>, _ length: Int, escapeUnicode: Bool
  ) -> weir_key {
    let form = UnsafeMutablePointer<UInt8>.allocate(capacity: length * 6 + 96)
    form[0] = UInt8(ascii: "\"")
    let n = weir_json_escape(form + 1, p, length, escapeUnicode ? 1 : 0)
    form[1 + n] = UInt8(ascii: "\"")
    form[2 + n] = UInt8(ascii: ":")
    return weir_key(data: form, length: UInt32(n + 3), hash: 0)
  }
}
