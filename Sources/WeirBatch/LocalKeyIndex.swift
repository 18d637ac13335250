import CWeirPlugin
import Glibc

/// Finds a batch's own keys by hash: open addressing over numbers of the key table, twice as many
/// places as keys.
///
/// It lies behind `weir_batch.host`. A batch may be rewound to fewer keys: a place whose number is
/// not below the count is as good as empty, because the keys that were put behind it went with it.
struct LocalKeyIndex {
  /// A power of two, in places.
  let placeCount: Int
  private let places: UnsafeMutablePointer<UInt16>

  /// Bytes of the index for so many keys.
  static func bytes(_ keysMax: Int) -> Int { 8 + 2 * placeCount(keysMax) }

  private static func placeCount(_ keysMax: Int) -> Int {
    precondition(keysMax < Int(UInt16.max), "a batch has too many keys of its own")
    var count = 16
    while count < 2 * keysMax { count *= 2 }
    return count
  }

  /// Makes an empty index in zeroed memory of `bytes(keysMax)`.
  init(making memory: UnsafeMutableRawPointer, keysMax: Int) {
    placeCount = Self.placeCount(keysMax)
    memory.storeBytes(of: UInt64(placeCount), as: UInt64.self)
    places = (memory + 8).bindMemory(to: UInt16.self, capacity: placeCount)
  }

  /// The index of a batch, nil for one that has none.
  init?(_ batch: weir_batch) {
    // SAFETY: `host` is null or what `init(making:)` was given; plugins may not change it.
    guard let memory = batch.host else { return nil }
    placeCount = Int(memory.load(as: UInt64.self))
    places = (memory + 8).assumingMemoryBound(to: UInt16.self)
  }

  /// Empties it.
  func clear() { places.update(repeating: 0, count: placeCount) }

  /// Where a key is, or where it may be put.
  enum Finding {
    case key(Int)
    case place(Int)
  }

  /// Looks for a key among the first `count` of the table.
  func find(
    _ p: UnsafeRawPointer, _ length: Int, _ hash: UInt32,
    in table: UnsafeMutablePointer<weir_key>, count: Int
  ) -> Finding {
    let mask = placeCount - 1
    var place = Int(hash) & mask
    while true {
      let number = Int(places[place]) - 1
      if number < 0 || number >= count { return .place(place) }
      let entry = table[number]
      if entry.hash == hash, Int(entry.length) == length, memcmp(entry.data, p, length) == 0 {
        return .key(number)
      }
      place = (place + 1) & mask
    }
  }

  /// Notes the number of a key at the place that `find` returned.
  func put(_ number: Int, at place: Int) { places[place] = UInt16(number + 1) }
}
