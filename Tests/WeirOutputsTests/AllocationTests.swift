import CWeirSystem
import Testing
import WeirBatch
import WeirStage
import WeirTelemetry

@testable import WeirOutputs

@Suite("encoding in a steady state")
struct AllocationTests {
  /// Bytes that are allocated now.
  private var used: Int { Int(mallinfo2().uordblks) }

  @Test(
    "keeps the heap as it is",
    arguments: [
      ("stdout", "format", "msgpack"), ("stdout", "format", "json"),
      ("stdout", "format", "json_lines"), ("file", "format", "out_file"),
      ("file", "format", "plain"), ("file", "format", "csv"), ("file", "format", "ltsv"),
      ("file", "format", "template"), ("file", "format", "msgpack"), ("null", "alias", "n"),
    ])
  func steady(plugin: String, key: String, value: String) throws {
    let output = try makeOutput(plugin, ["\(key)": "\(value)"])
    let lane = output.openLane(LaneContext(index: 0))
    var records = RandomRecords(seed: 7)
    let test = TestBatch()
    for i in 0..<200 { test.add(records.fields(), time: Int64(i), duplicates: i % 2 == 0) }
    let payload = Payload()
    let counters = StageCounters(kind: .output, name: "o")
    let indices = (0..<UInt32(test.batch.recordCount)).map { $0 }
    indices.withUnsafeBufferPointer { selection in
      func once() {
        payload.reset()
        lane.encode(test.batch, selection, into: payload, counters)
      }
      for _ in 0..<10 { once() }
      // Other tests allocate meanwhile: one quiet round is proof that a round needs nothing.
      var least = Int.max
      for _ in 0..<2_000 where least != 0 {
        let before = used
        once()
        least = min(least, abs(used - before))
      }
      #expect(least == 0)
    }
  }

  @Test("a payload keeps what a steady stream needs and gives back what it does not")
  func payloadMemory() {
    let payload = Payload()
    func use(_ bytes: Int) {
      _ = payload.reserve(bytes)
      payload.length += bytes
      payload.reset()
    }
    use(4 << 20)
    let kept = payload.capacity
    #expect(kept >= 4 << 20)
    for _ in 0..<100 { use(4 << 20) }
    #expect(payload.capacity == kept)
    for _ in 0..<100 { use(1_000) }
    #expect(payload.capacity <= 16 << 10)
    use(20 << 20)
    #expect(payload.capacity <= 16 << 10)
  }
}
