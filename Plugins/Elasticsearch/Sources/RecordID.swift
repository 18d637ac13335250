import CWeirPlugin
import CXXHash
import Glibc

/// Ids of documents: a hash of where a record was read, so that reading it again after a crash
/// gives the same id, and two equal lines stay two documents.
///
/// Records of sources that cannot be read again (a network input, standard input) have no such
/// place: theirs are random.
final class RecordID {
  /// Characters of an id: 8-4-4-4-12.
  static let length = 36

  /// What is hashed; the layout is part of what an id means, so it must never change.
  private struct Place {
    var generation: (UInt64, UInt64)
    var position: UInt64
    var end: UInt64
    var input: UInt32
    var ordinal: UInt32
  }
  private let place: UnsafeMutablePointer<Place>
  private let seed: (UInt64, UInt64)
  private let counter: UnsafeMutablePointer<UInt64>
  private static let digits = Array("0123456789abcdef".utf8)
  private let pairs: UnsafeMutablePointer<UInt16>

  init() {
    place = .allocate(capacity: 1)
    place.initialize(
      to: Place(generation: (0, 0), position: 0, end: 0, input: 0, ordinal: 0))
    counter = .allocate(capacity: 1)
    counter.initialize(to: 0)
    var random = SystemRandomNumberGenerator()
    seed = (random.next(), random.next())
    pairs = .allocate(capacity: 256)
    for i in 0..<256 {
      // The first digit at the lower address, whatever the byte order.
      pairs[i] = UInt16(
        littleEndian: UInt16(Self.digits[i >> 4]) | UInt16(Self.digits[i & 15]) << 8)
    }
  }

  deinit {
    place.deallocate()
    counter.deallocate()
    pairs.deallocate()
  }

  /// Writes the id of a record: `length` bytes.
  @inline(__always)
  func write(
    _ record: UnsafePointer<weir_record>, _ source: UnsafePointer<weir_source>,
    into text: UnsafeMutablePointer<UInt8>
  ) {
    let generation = source.pointee.generation
    if generation.0 | generation.1 == 0 {
      counter.pointee &+= 1
      place.pointee = Place(
        generation: seed, position: counter.pointee, end: 0, input: 0, ordinal: 0)
    } else {
      let position = record.pointee.position
      place.pointee = Place(
        generation: (generation.0.littleEndian, generation.1.littleEndian),
        position: position.littleEndian,
        end: (position &+ UInt64(record.pointee.length)).littleEndian,
        input: source.pointee.input.littleEndian,
        ordinal: UInt32(record.pointee.ordinal).littleEndian)
    }
    let hash = XXH3_128bits(place, MemoryLayout<Place>.size)
    write(hash.high64, text, (0, 2, 4, 6, 9, 11, 14, 16))
    write(hash.low64, text, (19, 21, 24, 26, 28, 30, 32, 34))
    text[8] = UInt8(ascii: "-")
    text[13] = UInt8(ascii: "-")
    text[18] = UInt8(ascii: "-")
    text[23] = UInt8(ascii: "-")
  }

  @inline(__always)
  private func write(
    _ bits: UInt64, _ text: UnsafeMutablePointer<UInt8>,
    _ at: (Int, Int, Int, Int, Int, Int, Int, Int)
  ) {
    func pair(_ shift: UInt64, _ place: Int) {
      // SAFETY: all places lie inside the 36 bytes; the store may be unaligned.
      UnsafeMutableRawPointer(text + place).storeBytes(
        of: pairs[Int(truncatingIfNeeded: bits >> shift & 255)], as: UInt16.self)
    }
    pair(56, at.0)
    pair(48, at.1)
    pair(40, at.2)
    pair(32, at.3)
    pair(24, at.4)
    pair(16, at.5)
    pair(8, at.6)
    pair(0, at.7)
  }
}
