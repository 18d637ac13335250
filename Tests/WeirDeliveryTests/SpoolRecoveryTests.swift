import Glibc
import Testing
import WeirTestSupport

@testable import WeirDelivery

@Suite("recovery of a spool")
struct SpoolRecoveryTests {
  let folder = SpoolFolder()

  /// Makes a segment with some entries, and says where each of them ends.
  private func makeSegment(_ count: Int) throws -> (path: String, bytes: [UInt8], ends: [Int]) {
    let spool = try folder.open(folder.settings())
    var ends: [Int] = []
    for number in 0..<count {
      #expect(spool.store(.numbered(number)) == .stored)
      ends.append(SpoolFormat.segmentHeaderBytes + spool.pending.bytes)
    }
    spool.close()
    let path = try #require(folder.segments.first)
    let bytes = folder.read(path)
    #expect(bytes.count == ends.last)
    return (path, bytes, ends)
  }

  private func clear() {
    for path in folder.segments + folder.names(".done").map({ "\(folder.directory)/\($0)" }) {
      unlink(path)
    }
    let quarantine = folder.directory + "/quarantine"
    for name in SystemFiles().list(quarantine) ?? [] { unlink("\(quarantine)/\(name)") }
  }

  @Test("every truncation of a segment: intact entries are delivered, the rest is counted")
  func truncations() throws {
    let (path, bytes, ends) = try makeSegment(8)
    for length in 0..<bytes.count {
      clear()
      folder.write(path, Array(bytes.prefix(length)))
      let spool = try folder.open(folder.settings())
      let intact = ends.count { $0 <= length }
      let drained = spool.drain()
      #expect(drained == (0..<intact).map { SpoolPayload.numbered($0) }, "length \(length)")
      let start = SpoolFormat.segmentHeaderBytes
      let isTorn = length > start && !ends.contains(length)
      let counters = spool.counters
      #expect(counters.quarantined.entries == (isTorn ? 1 : 0), "length \(length)")
      #expect(counters.damagedHeaders == (length > 0 && length < start ? 1 : 0))
      let tail = length - (ends.last { $0 <= length } ?? (length < start ? 0 : start))
      #expect(counters.quarantined.bytes == tail && counters.quarantineLostBytes == 0)
      let kept = Quarantine.inventory(SystemFiles(), spool: folder.directory)
      #expect(kept.bytes == tail, "length \(length)")
      #expect(spool.isBalanced)
      #expect(spool.store(.numbered(99)) == .stored)
      #expect(spool.drain() == [.numbered(99)])
      spool.close()
      #expect(folder.segments.isEmpty)
    }
  }

  @Test("1,000 random bit flips: every entry is delivered as written or counted")
  func bitFlips() throws {
    let count = 12
    let (path, bytes, _) = try makeSegment(count)
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    for round in 0..<1_000 {
      clear()
      var damaged = bytes
      let flips = round % 4 == 3 ? Int.random(in: 2...6, using: &random) : 1
      for _ in 0..<flips {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        damaged[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
      }
      folder.write(path, damaged)
      let spool = try folder.open(folder.settings())
      let drained = spool.drain()
      let numbers = drained.map(\.number)
      #expect(numbers == Array(Set(numbers)).sorted(), "seed \(seed) round \(round)")
      #expect(drained == numbers.map { SpoolPayload.numbered($0) }, "seed \(seed) round \(round)")
      let lost = spool.counters.quarantined.entries
      // Of several lost at the end only one is known.
      #expect(
        flips == 1 ? drained.count + lost == count : drained.count + lost <= count,
        "seed \(seed) round \(round): \(drained.count) + \(lost)")
      #expect(drained.count >= count - flips, "seed \(seed) round \(round)")
      #expect(lost > 0 || drained.count == count, "seed \(seed) round \(round)")
      #expect(spool.isBalanced && spool.pending.entries == 0, "seed \(seed) round \(round)")
      spool.close()
      #expect(folder.segments.isEmpty, "seed \(seed) round \(round)")
    }
  }

  @Test("damage that happens while a spool is open is counted when it is met")
  func laterDamage() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    for round in 0..<200 {
      clear()
      let count = 10
      let spool = try folder.open(folder.settings())
      for number in 0..<count { #expect(spool.store(.numbered(number)) == .stored) }
      let path = try #require(folder.segments.first)
      var bytes = folder.read(path)
      let place = Int.random(in: SpoolFormat.segmentHeaderBytes..<bytes.count, using: &random)
      bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
      folder.write(path, bytes)
      let drained = spool.drain()
      #expect(drained == drained.map { SpoolPayload.numbered($0.number) })
      #expect(drained.count == count - 1, "seed \(seed) round \(round) place \(place)")
      #expect(spool.counters.quarantined.entries == 1, "seed \(seed) round \(round)")
      #expect(spool.isBalanced && spool.pending == (0, 0), "seed \(seed) round \(round)")
      #expect(spool.store(.numbered(77)) == .stored)
      #expect(spool.drain() == [.numbered(77)])
      spool.close()
      #expect(folder.segments.isEmpty, "seed \(seed) round \(round)")
    }
  }

  @Test("damage around a rest that is still leased: every entry is delivered or counted, once")
  func damagedRests() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    for round in 0..<300 {
      let place = "seed \(seed) round \(round)"
      clear()
      var spool = try folder.open(folder.settings())
      for number in 0..<4 { #expect(spool.store(.numbered(number)) == .stored) }
      let path = try #require(folder.segments.first)
      let first = try #require(spool.take())
      var headers = [folder.read(path).count]
      let rest = try #require(spool.storeRest(.numbered(100), of: first, isAll: true))
      headers.append(folder.read(path).count)
      for number in 4..<7 { #expect(spool.store(.numbered(number)) == .stored) }
      var bytes = folder.read(path)
      // The headers of the rest and of its neighbour, or anything.
      let range = SpoolFormat.segmentHeaderBytes..<bytes.count
      let flips =
        round % 3 == 0
        ? headers.prefix(1 + round % 2).map { $0 + 20 } : [Int.random(in: range, using: &random)]
      for flip in flips { bytes[flip] ^= 1 << UInt8.random(in: 0...7, using: &random) }
      folder.write(path, bytes)
      var numbers = spool.drain().map(\.number)
      #expect(numbers.count + spool.counters.quarantined.entries == 6, "\(place)")
      #expect(spool.pending.entries == 1 && spool.isBalanced, "\(place)")
      if round % 4 < 2 {
        spool.finish(rest)
      } else {
        spool.close()
        spool = try folder.open(folder.settings())
        numbers = spool.drain().map(\.number)
        #expect(numbers == [100] || spool.counters.quarantined.entries == 1, "\(place)")
      }
      #expect(spool.isBalanced && spool.pending == (0, 0), "\(place)")
      spool.close()
      #expect(folder.segments.isEmpty, "\(place)")
    }
  }

  @Test("damage is counted and kept once, however often the spool is opened")
  func countedOnce() throws {
    let (path, bytes, ends) = try makeSegment(6)
    var damaged = bytes
    damaged[ends[1] + 20] ^= 0xff
    folder.write(path, damaged)
    let first = try folder.open(folder.settings())
    #expect(first.counters.quarantined.entries == 1 && first.pending.entries == 5)
    first.close()
    let second = try folder.open(folder.settings())
    #expect(second.counters.quarantined == SpoolAmount() && second.pending.entries == 5)
    #expect(second.drain().map(\.number) == [0, 1, 3, 4, 5])
    #expect(second.counters.quarantined == SpoolAmount() && second.isBalanced)
  }

  @Test("bit flips in the journal bring finished entries back, and lose none")
  func journalFlips() throws {
    do {
      let spool = try folder.open(folder.settings())
      for number in 0..<10 { #expect(spool.store(.numbered(number)) == .stored) }
      for _ in 0..<5 { spool.take().map(spool.finish) }
    }
    let segment = try #require(folder.segments.first)
    let journal = "\(folder.directory)/\(try #require(folder.names(".done").first))"
    let (bytes, marks) = (folder.read(segment), folder.read(journal))
    #expect(marks.count == 16 + 5 * 8)
    for place in marks.indices {
      for bit in UInt8(0)..<8 {
        clear()
        folder.write(segment, bytes)
        var damaged = marks
        damaged[place] ^= 1 << bit
        folder.write(journal, damaged)
        let spool = try folder.open(folder.settings())
        let numbers = spool.drain().map(\.number)
        #expect(Array(numbers.suffix(5)) == [5, 6, 7, 8, 9])
        #expect(numbers.count <= 6 && spool.isBalanced)
        spool.close()
      }
    }
    clear()
    folder.write(segment, bytes)
    #expect(try folder.open(folder.settings()).drain().count == 10)
  }

  @Test("files that are none of the spool's are left alone and named")
  func foreign() throws {
    let (path, bytes, _) = try makeSegment(3)
    folder.write("\(folder.directory)/notes.txt", [1, 2, 3])
    folder.write("\(folder.directory)/00000000000000000007.seg", bytes)
    var later = bytes
    later[8] = 9
    let sum = later.prefix(40).withUnsafeBytes { SpoolFormat.hash($0) }
    withUnsafeBytes(of: sum.littleEndian) { later.replaceSubrange(40..<48, with: $0) }
    folder.write("\(folder.directory)/00000000000000000009.seg", later)
    symlink("/etc/hostname", "\(folder.directory)/00000000000000000010.seg")
    let spool = try folder.open(folder.settings())
    #expect(spool.counters.foreignFiles == 4)
    #expect(spool.store(.numbered(3)) == .stored)
    #expect(spool.drain().map(\.number) == [0, 1, 2, 3])
    spool.settle()
    #expect(folder.read("\(folder.directory)/notes.txt") == [1, 2, 3])
    #expect(folder.segments.count == 3 && !folder.segments.contains(path))
  }

  @Test("the quarantine is bounded: the oldest goes")
  func quarantineBound() throws {
    let spool = try folder.open(folder.settings(segment: 4_096, quarantine: 10_000))
    for number in 0..<10 { #expect(spool.store(.numbered(number, bytes: 4_096)) == .stored) }
    for path in folder.segments {
      var bytes = folder.read(path)
      bytes[1_000] ^= 1
      folder.write(path, bytes)
    }
    #expect(spool.drain().isEmpty)
    #expect(spool.counters.quarantined.entries == 10)
    let kept = Quarantine.inventory(SystemFiles(), spool: folder.directory)
    #expect(kept.files == 2 && kept.bytes <= 10_000)
    #expect(spool.counters.quarantineLostBytes == 0 && spool.isBalanced)
  }

  @Test("a record inside a body is no record")
  func embedded() throws {
    let (path, bytes, _) = try makeSegment(2)
    clear()
    let spool = try folder.open(folder.settings())
    #expect(spool.store(SpoolPayload(body: bytes, time: 5)) == .stored)
    #expect(spool.store(.numbered(6)) == .stored)
    spool.close()
    var outer = folder.read(path)
    // The header of the outer record is damaged: the walk goes through its body.
    outer[SpoolFormat.segmentHeaderBytes + 30] ^= 1
    folder.write(path, outer)
    let again = try folder.open(folder.settings())
    #expect(again.counters.quarantined.entries == 1)
    #expect(again.drain() == [.numbered(6)])
  }

  @Test("a random life with crashes and shedding is balanced and in order")
  func randomLife() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let settings = folder.settings(limit: 100_000, policy: .dropOldest, segment: 4_096)
    var spool = try folder.open(settings)
    var leases: [SpoolLease] = []
    var finished: Set<Int> = []
    var rests: Set<Int> = []
    var next = 1
    for _ in 0..<3_000 {
      switch Int.random(in: 0..<100, using: &random) {
      case 0..<45:
        #expect(spool.store(.numbered(next)) == .stored, "seed \(seed)")
        next += 1
      case 45..<67 where leases.count < 12:
        if let lease = spool.take() {
          #expect(lease.payload.body == SpoolPayload.numbered(lease.payload.number).body)
          #expect(!finished.contains(lease.payload.number), "seed \(seed)")
          leases.append(lease)
        }
      case 67..<72 where !leases.isEmpty:
        let place = Int.random(in: 0..<leases.count, using: &random)
        let isAll = leases.count >= 12 || Bool.random(using: &random)
        let part = try #require(
          spool.storeRest(.numbered(next), of: leases[place], isAll: isAll), "seed \(seed)")
        if isAll { finished.insert(leases.remove(at: place).payload.number) }
        leases.append(part)
        rests.insert(next)
        next += 1
      case 72..<85 where !leases.isEmpty:
        let lease = leases.remove(at: Int.random(in: 0..<leases.count, using: &random))
        spool.finish(lease)
        finished.insert(lease.payload.number)
      case 85..<98 where !leases.isEmpty:
        spool.giveBack(leases.remove(at: Int.random(in: 0..<leases.count, using: &random)))
      case 99:
        #expect(spool.isBalanced, "seed \(seed)")
        let before = spool.pending.entries
        leases = []
        spool.close()
        spool = try folder.open(settings)
        #expect(spool.pending.entries == before, "seed \(seed)")
      default: break
      }
    }
    for lease in leases { spool.giveBack(lease) }
    let rest = spool.drain().map(\.number)
    // A rest that is given back is the oldest again, wherever it was.
    let plain = rest.filter { !rests.contains($0) }
    #expect(plain == plain.sorted() && finished.isDisjoint(with: rest), "seed \(seed)")
    #expect(Set(rest).count == rest.count, "seed \(seed)")
    #expect(spool.isBalanced && spool.pending == (0, 0), "seed \(seed)")
    #expect(finished.contains(next - 1) || rest.max() == next - 1, "seed \(seed)")
  }
}
