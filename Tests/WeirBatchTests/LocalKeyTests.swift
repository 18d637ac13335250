import CWeirPlugin
import Testing

@testable import WeirBatch

@Suite("A batch's own keys")
struct LocalKeyTests {
  @Test(
    "are found again, also after rewinds and resets, and when the index grew",
    arguments: 1...10 as ClosedRange<UInt64>, [300, 12_000])
  func model(seed: UInt64, keysMax: Int) {
    var state = seed
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var limits = BatchLimits()
    limits.localKeysMax = keysMax
    let storage = BatchStorage(limits: limits)
    let names = (0..<2 * keysMax).map { number -> UnsafeMutableRawBufferPointer in
      let text = Array("key-\(number * 7_919)-of-\(seed)".utf8)
      let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: text.count, alignment: 8)
      bytes.copyBytes(from: text)
      return bytes
    }
    defer { for name in names { name.deallocate() } }
    var model: [Int: KeyID] = [:]
    var marks: [(mark: BatchStorage.Mark, model: [Int: KeyID])] = []
    for step in 0..<max(20_000, 8 * keysMax) {
      switch random(keysMax + 100) {
      case 0:
        storage.reset(sequence: UInt64(step))
        model = [:]
        marks = []
      case 1...4: marks.append((storage.mark, model))
      case 5...8:
        guard let last = marks.popLast() else { continue }
        storage.rewind(to: last.mark)
        model = last.model
      default:
        let n = random(names.count)
        let id = names[n].baseAddress.flatMap { storage.batch.localKey($0, names[n].count) }
        if let known = model[n] {
          #expect(id == known, "seed \(seed), step \(step)")
        } else if model.count < limits.localKeysMax {
          #expect(id == UInt32(model.count) | UInt32(WEIR_LOCAL_KEY), "seed \(seed), step \(step)")
          model[n] = id
        } else {
          #expect(id == nil)
        }
      }
    }
  }

  @Test("a table that is full of configured keys refuses further ones and says so")
  func configuredKeys() {
    let table = KeyTable()
    for i in 0..<KeyTable.configuredMax { #expect(table.internIfRoom("c\(i)") == KeyID(i)) }
    #expect(table.refusedCount == 0)
    #expect(table.internIfRoom("one more") == nil)
    #expect(table.intern("another") == 0)
    #expect(table.refusedCount == 2)
    #expect(table.intern("c17") == 17)
  }
}
