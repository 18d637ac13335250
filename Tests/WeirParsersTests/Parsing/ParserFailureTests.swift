import Testing
import WeirBatch
import WeirConfig
import WeirStage
import WeirSystem
import WeirTelemetry

@testable import WeirParsers

/// Problems in the order in which they were told.
private final class Told: Sendable {
  private let list = Locked<[ConfigProblem]>([])
  var problems: [ConfigProblem] { list.withLock { $0 } }
  func add(_ problem: ConfigProblem) { list.withLock { $0.append(problem) } }
}

@Suite("Values that a parser cannot read") struct ParserFailureTests {
  /// What several lanes of a parser tell about a text, parsed twice by each, and what they count.
  private func told(
    _ definition: ParserDefinition, _ line: String
  ) throws -> (problems: [ConfigProblem], counters: StageCounters) {
    let told = Told()
    let parser = try Parser(definition) { told.add($0) }
    let counters = StageCounters(kind: .filter, name: "f")
    for _ in 0..<3 {
      let lane = parser.openLane()
      for _ in 0..<2 {
        let text = TextBatch(Array(line.utf8))
        _ = lane.parse(text.batch, text.field, now: 0)
        lane.report(to: counters)
      }
    }
    return (told.problems, counters)
  }

  @Test("a time beyond 64 bits stays as a field in every format")
  func outOfRange() throws {
    let epoch: (inout ParserDefinition) -> Void = { $0.timeFormat = "%s" }
    #expect(
      try parse(definition(.regex, #"^(?<time>\d+) (?<m>.*)$"#, epoch), "1700000000000 x")
        == ["time=\"1700000000000\"", "m=\"x\""])
    #expect(
      try parse(definition(.json, nil, epoch), #"{"time":"1700000000000","m":"x"}"#)
        == ["time=\"1700000000000\"", "m=\"x\""])
    #expect(
      try parse(definition(.ltsv, nil, epoch), "time:1700000000000\tm:x")
        == ["time=\"1700000000000\"", "m=\"x\""])
    #expect(
      try parse(definition(.logfmt, nil, epoch), "time=1700000000000 m=x")
        == ["time=\"1700000000000\"", "m=\"x\""])
    let dated = definition(.regex, #"^(?<time>\S+)$"#) { $0.timeFormat = "%Y-%m-%d" }
    #expect(try parse(dated, "9999-12-31") == ["time=\"9999-12-31\""])
  }

  @Test("a number beyond every double stays as its text, inside of values too")
  func infinite() throws {
    #expect(
      try parse(definition(.json), #"{"n":1e400,"m":[-1e999,2],"o":1e300}"#)
        == ["n=\"1e400\"", #"m=["-1e999",2]"#, "o=1e+300d"])
  }

  @Test("a failed cast is told once for all lanes, with place, field and value, and counted")
  func casts() throws {
    var definition = definition(.regex, #"^(?<n>\S+) (?<f>\S+)$"#) {
      $0.types = [.init(key: "n", type: .integer), .init(key: "f", type: .float)]
    }
    definition.location = SourceLocation(file: "p.conf", line: 4, column: 1)
    let (problems, counters) = try told(definition, "abc x")
    #expect(counters.extra[ParserCounterNames.castFailures]?.count == 12)
    #expect(problems.count == 1)
    #expect(
      problems.first?.description.hasPrefix(
        #"p.conf:4:1: warning: types: parser 'p': the value "abc" of n is no integer"#) == true)
    #expect(try told(definition, "1 2.5").problems == [])
  }

  @Test("a time that is not read is told once, and counted", arguments: ["soon", "9999-01-01"])
  func times(_ time: String) throws {
    let timed = definition(.json) { $0.timeFormat = "%Y-%m-%d" }
    let (problems, counters) = try told(timed, #"{"time":"\#(time)"}"#)
    #expect(counters.extra[ParserCounterNames.timeFailures]?.count == 6)
    #expect(problems.count == 1 && problems.first?.key == "time_format")
    #expect(problems.first?.location == nil)
    #expect(problems.first?.message.contains("\"\(time)\"") == true)
    #expect(problems.first?.message.contains("1678 to 2261") == time.hasPrefix("9"))
    let told = try told(timed, #"{"time":"2026-02-03"}"#)
    #expect(told.problems == [] && told.counters.extra.values.allSatisfy { $0.count == 0 })
  }
}
