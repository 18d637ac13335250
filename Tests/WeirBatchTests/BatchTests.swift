import CWeirPlugin
import Testing
import WeirBatch
import WeirTestSupport

@Suite("A batch")
struct BatchTests {
  private func storage(_ change: (inout BatchLimits) -> Void = { _ in }) -> BatchStorage {
    var limits = BatchLimits()
    limits.recordsMax = 64
    limits.fieldsMax = 4_096
    limits.scratchBytesMax = 1 << 20
    change(&limits)
    let storage = BatchStorage(limits: limits)
    _ = storage.batch.appendSource(weir_source())
    return storage
  }

  @Test("has the layout that the plugin ABI fixes")
  func layout() {
    #expect(MemoryLayout<weir_field>.stride == 16)
    #expect(MemoryLayout<weir_record>.stride == 48)
    #expect(MemoryLayout<weir_key>.stride == 16)
  }

  @Test("edits records like a model of ordered pairs, under random rules")
  func model() throws {
    let seed = UInt64.random(in: 1...1 << 40)
    var random = SeededGenerator(seed: seed)
    let storage = storage()
    let batch = storage.batch
    let keys = (0..<6).map { KeyTable.shared.intern("model\($0)") }
    for round in 0..<200 {
      storage.reset(sequence: UInt64(round))
      _ = batch.appendSource(weir_source())
      var model: [[(KeyID, Int64)]] = []
      for _ in 0..<200 {
        let pick = Int(random.next() % 8)
        if pick == 0 || model.isEmpty {
          guard
            batch.appendRecord(
              time: 1, position: 2, length: 3, source: 0, fieldRoom: Int(random.next() % 3))
              != nil
          else { continue }
          model.append([])
          continue
        }
        let i = Int(random.next() % UInt64(model.count))
        let record = batch.records + i
        let key = keys[Int(random.next() % 6)]
        switch pick {
        case 1...4:
          let value = Int64(random.next() % 1000)
          if batch.append(.int(key, value), to: record) { model[i].append((key, value)) }
        case 5 where !model[i].isEmpty:
          let at = Int(random.next() % UInt64(model[i].count))
          batch.removeField(at: at, of: record)
          model[i].remove(at: at)
        case 6:
          let found = batch.field(key, of: record)?.pointee.value.i64
          #expect(found == model[i].last { $0.0 == key }?.1, "seed \(seed), round \(round)")
        case 7 where model.count < 60:
          if batch.duplicate(record) != nil { model.append(model[i]) }
        default: break
        }
      }
      #expect(batch.recordCount == model.count)
      for (i, pairs) in model.enumerated() {
        let fields = batch.fields(of: batch.records + i)
        #expect(fields.map(\.key) == pairs.map(\.0), "seed \(seed), round \(round), record \(i)")
        #expect(fields.map(\.value.i64) == pairs.map(\.1), "seed \(seed), round \(round)")
      }
    }
  }

  @Test("refuses a record or a field beyond its bounds and stays as it was")
  func bounds() throws {
    let storage = storage {
      $0.recordsMax = 2
      $0.fieldsMax = 256
    }
    let batch = storage.batch
    for _ in 0..<4 {
      #expect(
        batch.appendRecord(time: 0, position: 0, length: 0, source: 0, fieldRoom: 1) != nil)
    }
    #expect(batch.appendRecord(time: 0, position: 0, length: 0, source: 0, fieldRoom: 1) == nil)
    let record = batch.records
    var added = 0
    while batch.append(.int(1, Int64(added)), to: record) { added += 1 }
    #expect(added > 100)
    #expect(Int(record.pointee.field_count) == added)
    #expect(batch.fields(of: record)[added - 1].value.i64 == Int64(added - 1))
  }

  @Test("keeps scratch within its bound and gives the memory of a large batch back")
  func scratch() throws {
    let storage = storage { $0.scratchBytesMax = 64 << 10 }
    let batch = storage.batch
    let text = Array("hello".utf8)
    let key = KeyTable.shared.intern("scratch")
    let field = try #require(text.withUnsafeBytes { batch.textField(key, copying: $0) })
    #expect(Array(batch.bytes(of: field)) == text)
    #expect(batch.reserveScratch(64 << 10) == nil)
    #expect(batch.reserveScratch((64 << 10) - 5) != nil)
    storage.reset(sequence: 1)
    #expect(batch.scratchLength == 0)
    #expect(batch.reserveScratch(64 << 10) != nil)
  }

  @Test("learns keys up to the bound and then keeps new ones in the batch")
  func keys() throws {
    let table = KeyTable()
    for i in 0..<KeyTable.learntMax {
      let name = Array("learnt-\(i)".utf8)
      #expect(name.withUnsafeBytes { table.learn($0.baseAddress!, $0.count) } != nil)
    }
    let further = Array("one too many".utf8)
    #expect(further.withUnsafeBytes { table.learn($0.baseAddress!, $0.count) } == nil)
    #expect(table.count == UInt32(KeyTable.learntMax))
    #expect(table.intern("configured") == UInt32(KeyTable.learntMax))
    let known = Array("learnt-77".utf8)
    #expect(known.withUnsafeBytes { table.learn($0.baseAddress!, $0.count) } == 77)
  }

  @Test("gives equal names one local key and refuses beyond the local table")
  func localKeys() throws {
    let storage = storage { $0.localKeysMax = 3 }
    let batch = storage.batch
    let names = Array("aabbccdd".utf8)
    names.withUnsafeBytes { bytes in
      let base = bytes.baseAddress!
      let a = batch.localKey(base, 2)
      #expect(a == UInt32(WEIR_LOCAL_KEY))
      #expect(batch.localKey(base, 2) == a)
      #expect(batch.localKey(base + 2, 2) != a)
      #expect(batch.localKey(base + 4, 2) != nil)
      #expect(batch.localKey(base + 6, 2) == nil)
      #expect(String(decoding: batch.name(of: a ?? 0), as: UTF8.self) == "aa")
    }
  }
}
