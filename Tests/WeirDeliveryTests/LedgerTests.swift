import Testing
import WeirTestSupport

@testable import WeirDelivery

@Suite("the ack ledger")
struct LedgerTests {
  @Test("only the finished prefix is committed, whatever order ranges finish in")
  func prefix() {
    let ledger = Ledger()
    let generation = Generation(id: .random(), committed: 0)
    let ranges = (1...4).map { ledger.begin(generation, end: UInt64($0 * 10)) }
    ledger.release(ranges[1])
    ledger.release(ranges[3])
    #expect(generation.committed == 0)
    ledger.release(ranges[0])
    #expect(generation.committed == 20)
    ledger.release(ranges[2])
    #expect(generation.committed == 40)
    #expect(ledger.openCount == 0)
  }

  @Test("finished ranges behind a hole are merged, so that a hole costs two ranges")
  func merging() {
    let ledger = Ledger()
    let generation = Generation(id: .random(), committed: 0)
    let hole = ledger.begin(generation, end: 1)
    for i in 2...5_000 { ledger.release(ledger.begin(generation, end: UInt64(i))) }
    #expect(ledger.openCount == 2)
    ledger.release(hole)
    #expect(generation.committed == 5_000)
    #expect(ledger.openCount == 0)
  }

  @Test("a carried fragment keeps its range open until the record that it joined is done")
  func chains() {
    let ledger = Ledger()
    let old = Generation(id: .random(), committed: 0)
    let new = Generation(id: .random(), committed: 0)
    let first = ledger.begin(old, end: 10)
    ledger.retain(first)  // the fragment
    ledger.release(first)  // its batch
    let second = ledger.begin(new, end: 5)
    ledger.chain(first, behind: second)
    #expect(old.committed == 0)
    ledger.release(second)
    #expect(old.committed == 10)
    #expect(new.committed == 5)
  }

  @Test("what an earlier process can have read may repeat, what came later cannot")
  func mayRepeat() {
    let ledger = Ledger()
    let old = Generation(id: .random(), committed: 100, repeatsBefore: 300)
    let new = Generation(id: .random(), committed: 0)
    let ranges = [(old, 100), (old, 299), (old, 300), (new, 0)].map { generation, begin in
      ledger.begin(generation, end: UInt64(begin))
    }
    for range in ranges { ledger.extend(range, to: 1_000) }
    #expect(ranges.map { ledger.mayRepeat([$0]) } == [true, true, false, false])
    #expect(ledger.mayRepeat([ranges[2], .none, ranges[1]]))
    #expect(!ledger.mayRepeat([]) && !ledger.mayRepeat([.none, ranges[3]]))
    ledger.release(ranges)
  }

  @Test("a dirty generation is told once, to its own list or to the ledger")
  func dirty() {
    let ledger = Ledger()
    let wakes = Counter()
    let list = DirtyList { wakes.count += 1 }
    let listed = Generation(id: .random(), committed: 0, dirtyList: list)
    let plain = Generation(id: .random(), committed: 0)
    for i in 1...3 {
      ledger.release(ledger.begin(listed, end: UInt64(i)))
      ledger.release(ledger.begin(plain, end: UInt64(i)))
    }
    #expect(wakes.count == 1)
    #expect(list.take().map(\.1) == [3])
    #expect(list.take().isEmpty)
    #expect(ledger.takeDirty().map(\.1) == [3])
    ledger.release(ledger.begin(listed, end: 9))
    #expect(wakes.count == 2)
  }

  final class Counter: @unchecked Sendable { var count = 0 }

  @Test("random owners, chains and orders agree with a model", arguments: 0..<20)
  func model(_ seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed) &* 77 &+ 5)
    let ledger = Ledger()
    let generations = (0..<3).map { _ in Generation(id: .random(), committed: 0) }
    var model = LedgerModel(generations: generations.count)
    var ranges: [RangeID] = []
    for step in 0..<400 {
      let choice = Int.random(in: 0..<10, using: &random)
      if choice < 4 || model.ownedRanges.isEmpty {
        let generation = Int.random(in: 0..<generations.count, using: &random)
        let end = model.begin(generation, length: UInt64.random(in: 1...9, using: &random))
        ranges.append(ledger.begin(generations[generation], end: end))
      } else if choice < 5, let range = model.ownedRanges.randomElement(using: &random) {
        model.retain(range)
        ledger.retain(ranges[range])
      } else if choice < 6, let pair = model.chainable(using: &random) {
        model.chain(pair.0, behind: pair.1)
        ledger.chain(ranges[pair.0], behind: ranges[pair.1])
      } else if let range = model.ownedRanges.randomElement(using: &random) {
        model.release(range)
        ledger.release(ranges[range])
      }
      for (i, generation) in generations.enumerated() {
        #expect(generation.committed == model.committed(i), "seed \(seed), step \(step)")
      }
    }
    while let range = model.ownedRanges.randomElement(using: &random) {
      model.release(range)
      ledger.release(ranges[range])
    }
    for (i, generation) in generations.enumerated() {
      #expect(generation.committed == model.end(i), "seed \(seed)")
    }
    #expect(ledger.openCount == 0, "seed \(seed)")
  }
}

/// What the ledger should do, the slow way.
struct LedgerModel {
  struct Range {
    var generation: Int
    var end: UInt64
    var owners = 1
    var chained: [Int] = []
  }
  var ranges: [Range] = []
  private var ends: [UInt64]

  init(generations: Int) { ends = Array(repeating: 0, count: generations) }

  var ownedRanges: [Int] {
    let chained = Dictionary(ranges.flatMap(\.chained).map { ($0, 1) }, uniquingKeysWith: +)
    return ranges.indices.filter { ranges[$0].owners > (chained[$0] ?? 0) }
  }

  mutating func begin(_ generation: Int, length: UInt64) -> UInt64 {
    ends[generation] += length
    ranges.append(Range(generation: generation, end: ends[generation]))
    return ends[generation]
  }

  mutating func retain(_ range: Int) { ranges[range].owners += 1 }

  /// A range with an owner to give away and a later one that is open.
  func chainable(using random: inout SeededGenerator) -> (Int, Int)? {
    guard let first = ownedRanges.randomElement(using: &random),
      let later = ownedRanges.filter({ $0 > first }).randomElement(using: &random)
    else { return nil }
    return (first, later)
  }

  mutating func chain(_ range: Int, behind later: Int) { ranges[later].chained.append(range) }

  mutating func release(_ range: Int) {
    ranges[range].owners -= 1
    guard ranges[range].owners == 0 else { return }
    let chained = ranges[range].chained
    ranges[range].chained = []
    for next in chained { release(next) }
  }

  func committed(_ generation: Int) -> UInt64 {
    var position: UInt64 = 0
    for range in ranges where range.generation == generation {
      if range.owners > 0 { break }
      position = range.end
    }
    return position
  }

  func end(_ generation: Int) -> UInt64 { ends[generation] }
}
