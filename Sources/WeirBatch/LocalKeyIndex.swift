import CWeirPlugin
import Glibc

/// Finds a batch's own keys by hash: open addressing over numbers of the key table, at least twice
/// as many places as keys. It begins small and doubles, so that a usual batch clears little.
///
/// It lies behind `weir_batch.host`. When a batch is rewound to fewer keys it is filled anew.
struct LocalKeyIndex {
  private static let firstPlaceCount = 8_192
  private static let headerBytes = 8

  private let memory: UnsafeMutableRawPointer

  /// A power of two, in places.
  private(set) var placeCount: Int {
    get { Int(memory.load(as: UInt64.self)) }
    nonmutating set { memory.storeBytes(of: UInt64(newValue), as: UInt64.self) }
  }

  private var places: UnsafeMutablePointer<UInt32> {
    // SAFETY: bound by `init(making:)`.
    (memory + Self.headerBytes).assumingMemoryBound(to: UInt32.self)
  }

  /// Bytes of the index for so many keys.
  static func bytes(_ keysMax: Int) -> Int {
    var count = firstPlaceCount
    while count < 2 * keysMax { count *= 2 }
    return headerBytes + count * MemoryLayout<UInt32>.stride
  }

  /// Makes an empty index in zeroed memory of `bytes(keysMax)`.
  init(making memory: UnsafeMutableRawPointer, keysMax: Int) {
    self.memory = memory
    (memory + Self.headerBytes).bindMemory(
      to: UInt32.self,
      capacity: (Self.bytes(keysMax) - Self.headerBytes) / MemoryLayout<UInt32>.stride)
    placeCount = Self.firstPlaceCount
  }

  /// The index of a batch, nil for one that has none.
  init?(_ batch: weir_batch) {
    // SAFETY: `host` is null or what `init(making:)` was given; plugins may not change it.
    guard let memory = batch.host else { return nil }
    self.memory = memory
  }

  /// Empties it, and makes it small again.
  func clear() {
    places.update(repeating: 0, count: placeCount)
    placeCount = Self.firstPlaceCount
  }

  /// Where a key is, or where it may be put.
  enum Finding {
    case key(Int)
    case place(Int)
  }

  /// Looks for a key of the table.
  func find(
    _ p: UnsafeRawPointer, _ length: Int, _ hash: UInt32,
    in table: UnsafeMutablePointer<weir_key>
  ) -> Finding {
    let places = places
    let mask = placeCount - 1
    var place = Int(hash) & mask
    while true {
      let number = Int(places[place]) - 1
      if number < 0 { return .place(place) }
      let entry = table[number]
      if entry.hash == hash, Int(entry.length) == length, memcmp(entry.data, p, length) == 0 {
        return .key(number)
      }
      place = (place + 1) & mask
    }
  }

  /// Notes the number of a key at the place that `find` returned, and makes the index larger when
  /// the key, which is in the table by now, is one too many for it.
  func put(_ number: Int, at place: Int, in table: UnsafeMutablePointer<weir_key>) {
    places[place] = UInt32(number + 1)
    if 2 * (number + 1) > placeCount { fill(table, count: number + 1, places: 2 * placeCount) }
  }

  /// Forgets all keys but the first `count` of the table.
  func rewind(_ table: UnsafeMutablePointer<weir_key>, count: Int) {
    fill(table, count: count, places: placeCount)
  }

  private func fill(_ table: UnsafeMutablePointer<weir_key>, count: Int, places size: Int) {
    let places = places
    placeCount = size
    places.update(repeating: 0, count: size)
    let mask = size - 1
    for number in 0..<count {
      var place = Int(table[number].hash) & mask
      while places[place] != 0 { place = (place + 1) & mask }
      places[place] = UInt32(number + 1)
    }
  }
}
