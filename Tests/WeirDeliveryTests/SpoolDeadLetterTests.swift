import Glibc
import Testing
import WeirSystem

@testable import WeirDelivery

@Suite("dead letters")
struct SpoolDeadLetterTests {
  let folder = SpoolFolder()

  private func letters(limit: Int = 1 << 20, output: String = "es.0") throws -> DeadLetters {
    DeadLetters(
      try folder.open(folder.settings(limit: limit, policy: .dropOldest)), output: output)
  }

  private func store(_ letters: DeadLetters, _ items: [DeadLetter]) -> SpoolAppendResult {
    let answer = Holder(Locked<[SpoolAppendResult]>([]))
    letters.append(items, time: 1_000_000_001) { result, left in
      answer.value.withLock { $0.append(result) }
      #expect(left.isEmpty == (result == .stored))
    }
    letters.spool.waitForAppends()
    let answers = answer.value.withLock { $0 }
    #expect(answers.count == 1)
    return answers.first ?? .failed("no answer")
  }

  @Test("items come back with status, type, reason and index, as a line of JSON each")
  func roundTrip() throws {
    let letters = try letters(output: "es \"0\"\n")
    let items = [
      DeadLetter(
        item: Array("{\"create\":{}}\n{\"a\":\"\u{e4}\\n\"}\n".utf8), status: 400,
        type: "mapper_parsing_exception", reason: "line\n\"quoted\" \u{1}", index: "logs"),
      DeadLetter(item: [0xff, 0x41], status: 404, type: "t", reason: "r"),
    ]
    #expect(store(letters, items) == .stored)
    #expect(store(letters, []) == .stored)
    let batch = try #require(letters.spool.take().flatMap { DeadLetterBatch($0.payload) })
    #expect(batch.items == items.map(\.item) && batch.time == 1_000_000_001)
    #expect(
      String(decoding: batch.line(0), as: UTF8.self)
        == #"{"time":"1970-01-01T00:00:01.000000001Z","output":"es \"0\" ","index":"logs","#
        + #""status":400,"type":"mapper_parsing_exception","#
        + #""reason":"line\n\"quoted\" \u0001","#
        + #""item":"{\"create\":{}}\n{\"a\":\"ä\\n\"}\n"}"# + "\n")
    #expect(
      String(decoding: batch.line(1), as: UTF8.self)
        == #"{"time":"1970-01-01T00:00:01.000000001Z","output":"es \"0\" ","index":null,"#
        + #""status":404,"type":"t","reason":"r","item":"\#u{fffd}A"}"# + "\n")
  }

  @Test("what a destination says is bounded")
  func bounds() throws {
    let letters = try letters()
    let long = String(repeating: "\u{e4}", count: 10_000)
    let item = DeadLetter(item: [1], status: 400, type: long, reason: long, index: long)
    #expect(store(letters, [item]) == .stored)
    let note = try #require(letters.spool.take()?.payload.note)
    #expect(note.count < 3_500)
    #expect(String(validating: note, as: UTF8.self) != nil)
  }

  @Test("many items become several entries and one answer; at the limit the oldest go")
  func limit() throws {
    let letters = try letters(limit: 8 << 20)
    for round in UInt8(0)..<12 {
      let items = (0..<10).map { _ in
        DeadLetter(
          item: Array(repeating: round, count: 200_000), status: 400, type: "t", reason: "r")
      }
      #expect(store(letters, items) == .stored)
    }
    #expect(letters.spool.disk.bytes <= 8 << 20)
    let counters = letters.spool.counters
    #expect(counters.appended.entries == 24 && counters.appended.items == 120)
    #expect(counters.dropped.items > 60 && letters.spool.isBalanced)
    var left: [[UInt8]] = []
    while let lease = letters.spool.take() {
      left += try #require(DeadLetterBatch(lease.payload)).items
      letters.spool.finish(lease)
    }
    #expect(left.count == 120 - counters.dropped.items)
    #expect(left.map { $0[0] } == left.map { $0[0] }.sorted() && left.last?[0] == 11)
    let huge = DeadLetter(
      item: Array(repeating: 0, count: 9 << 20), status: 400, type: "t", reason: "r")
    #expect(store(letters, [huge]) == .full)
  }

  @Test("what a full disk did not take is named, and the rest is stored")
  func partlyStored() throws {
    let files = FaultyFiles()
    let letters = DeadLetters(
      try folder.open(folder.settings(limit: 64 << 20, policy: .dropOldest), files: files),
      output: "es.0")
    let items = (0..<20).map {
      DeadLetter(
        item: Array(repeating: UInt8($0), count: 300_000), status: 400, type: "t", reason: "r")
    }
    // The header of the segment and two entries are written.
    let writes = Holder(Locked(0))
    files.fail { operation, _ in
      guard operation == .write else { return 0 }
      return writes.value.withLock {
        $0 += 1
        return $0 > 3
      } ? ENOSPC : 0
    }
    let named = Holder(Locked<[Int]>([]))
    letters.append(items) { result, left in
      if case .failed = result { named.value.withLock { $0 = left } }
    }
    letters.spool.waitForAppends()
    files.mend()
    let left = named.value.withLock { $0 }
    var stored: [Int] = []
    while let lease = letters.spool.take() {
      stored += try #require(DeadLetterBatch(lease.payload)).items.map { Int($0[0]) }
      letters.spool.finish(lease)
    }
    #expect(!stored.isEmpty && !left.isEmpty)
    #expect(stored + left == Array(0..<20), "\(stored) stored, \(left) left")
  }

  @Test("a payload that is no dead letter is none")
  func noLetter() {
    #expect(DeadLetterBatch(.numbered(1)) == nil)
    #expect(DeadLetterBatch(SpoolPayload(body: [1], encoding: 1)) == nil)
    #expect(DeadLetterBatch(SpoolPayload(body: [1], itemEnds: [9], note: [65, 10, 66])) == nil)
    let turned = SpoolPayload(body: [1, 2], itemEnds: [2, 1], note: [65, 10, 66, 10, 67])
    #expect(DeadLetterBatch(turned) == nil)
  }
}
