import CWeirPlugin
import Testing
import WeirBatch
import WeirConfig
import WeirStage
import WeirTelemetry

@testable import WeirParsers

@Suite("The parallel parser stage") struct ParserStageTests {
  /// A record of a line, with the fields of path and offset in front, behind the stage.
  private func run(
    _ parser: ParserDefinition, _ line: String, extras: [String] = [], end: String = "",
    counters: StageCounters = StageCounters(kind: .filter, name: "p")
  ) throws -> String {
    let text = TextBatch(Array((line + end).utf8))
    let batch = text.batch
    _ = batch.appendTag(UnsafeRawBufferPointer(start: text.memory, count: 1), plan: 0)
    let source = try #require(batch.appendSource(weir_source()))
    let record = try #require(
      batch.appendRecord(
        time: 7, position: 0, length: 1, source: source, fieldRoom: 1 + extras.count))
    for (index, name) in extras.enumerated() {
      batch.append(.int(KeyTable.shared.intern(name), Int64(index)), to: record)
    }
    var field = text.field
    field.value.slice.length = UInt32(line.utf8.count)
    batch.append(field, to: record)
    let stage = try ParserStage(Parser(parser), key: KeyTable.shared.intern("log"))
    let lane = stage.openLane(LaneContext(index: 0))
    [UInt32(0)].withUnsafeBufferPointer { lane.process(batch, $0, counters) }
    let flags = UInt32(record.pointee.flags)
    return batch.fields(of: record).map { text.show($0) }.joined(separator: " ")
      + (flags & WEIR_RECORD_UNPARSED != 0 ? " unparsed" : "")
      + (flags & WEIR_RECORD_DUPLICATES != 0 ? " duplicates" : "")
      + (record.pointee.time_ns == 7 ? "" : " @\(record.pointee.time_ns)")
  }

  @Test("parsed fields come first, then path and offset")
  func parsed() throws {
    let line = "{\"a\":1,\"log\":\"x\"}"
    #expect(try run(definition(.json), line, extras: ["p", "o"]) == "a=1 log=\"x\" p=0 o=1")
    #expect(try run(definition(.json), line) == "a=1 log=\"x\"")
    #expect(try run(definition(.json), "{}", extras: ["p"]) == "p=0")
  }

  @Test("a key of the line that is also that of path or offset is marked")
  func duplicates() throws {
    #expect(
      try run(definition(.json), "{\"p\":\"own\"}", extras: ["p"]) == "p=\"own\" p=0 duplicates")
  }

  @Test("a refused line stays as it was read, its carriage return included")
  func refused() throws {
    #expect(
      try run(definition(.json), "raw", extras: ["p"], end: "\r\n")
        == "p=0 log=\"raw\r\" unparsed")
    #expect(try run(definition(.json), "raw", end: "\n") == "log=\"raw\" unparsed")
    #expect(try run(definition(.json), "{\"a\":1}", end: "\r\n") == "a=1")
  }

  @Test("times and casts that fail are numbers of the stage")
  func failures() throws {
    let parser = definition(.regex, #"^(?<time>\S+) (?<n>\S+)$"#) {
      $0.timeFormat = "%s"
      $0.types = [.init(key: "n", type: .integer)]
    }
    let counters = StageCounters(kind: .filter, name: "p")
    #expect(try run(parser, "soon x", counters: counters) == "n=\"x\"")
    #expect(counters.extra[ParserCounterNames.timeFailures]?.count == 1)
    #expect(counters.extra[ParserCounterNames.castFailures]?.count == 1)
  }

  @Test("the time of the line becomes the record's")
  func time() throws {
    let timed = definition(.json) { $0.timeFormat = "%s.%L" }
    #expect(try run(timed, "{\"time\":\"1.5\",\"a\":1}") == "a=1 @1500000000")
  }
}
