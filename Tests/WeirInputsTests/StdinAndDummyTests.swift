import CWeirSystem
import Glibc
import Testing
import WeirConfig
import WeirParsers
import WeirStage
import WeirTelemetry

@testable import WeirInputs

@Suite("stdin")
struct StdinTests {
  /// Feeds text through a pipe, in pieces, and returns the records.
  func records(
    _ pieces: [String], parser: String? = nil, slotBytes: Int = 64 << 10,
    recordsMax: Int = 8_192, prepare: (JSONStreamDecoder) -> Void = { _ in }
  ) throws -> RecordBench {
    var ends: [Int32] = [0, 0]
    pipe(&ends)
    // The test is the reader's lanes too: it must not wait in a write.
    _ = weir_fcntl(ends[1], F_SETFL, Int(O_NONBLOCK))
    var properties: [Property] = []
    var lines: LineDecoding?
    if let parser { properties.append(Property(key: "parser", node: ConfigNode(text: parser))) }
    let config = InstanceConfig(kind: .input, plugin: "stdin", properties: properties)
    if parser != nil {
      lines = try LineDecoding(config, ParserCatalogue(), multilineLimitBytes: 1 << 20)
    }
    let input = try StdinInput(config, lines: lines, descriptor: ends[0])
    if let decoder = input.decoder as? JSONStreamDecoder { prepare(decoder) }
    let bench = RecordBench(input, slotBytes: slotBytes, recordsMax: recordsMax)
    try bench.start()
    for piece in pieces {
      var bytes = Array(piece.utf8)[...]
      while !bytes.isEmpty {
        bench.drain()
        let n = bytes.prefix(16 << 10).withUnsafeBytes { write(ends[1], $0.baseAddress, $0.count) }
        if n > 0 { bytes = bytes.dropFirst(n) } else { usleep(1_000) }
      }
      usleep(2_000)
    }
    close(ends[1])
    #expect(bench.wait { bench.stopReason.value != nil })
    bench.drain()
    close(ends[0])
    return bench
  }

  @Test("maps and [time, map] pairs with any white space between")
  func values() throws {
    let bench = try records([
      #"{"a":1}"# + "\n" + #"{"b":{"c":[1,2]}} {"d":"x"}"#,
      "\n[1767225600.5, {\"e\":true}]\n[1767225601, {\"f\":null}][[7,{\"m\":1}],{\"g\":2}]",
    ])
    let texts = bench.records.map(\.text)
    #expect(texts == ["a=1", #"b={"c":[1,2]}"#, "d=x", "e=true", "f=null", "g=2"])
    let times = bench.records.map(\.time)
    #expect(times[..<3] == [42, 42, 42])
    #expect(times[3...] == [1_767_225_600_500_000_000, 1_767_225_601_000_000_000, 7_000_000_000])
  }

  @Test("values that are cut at any byte come out whole", arguments: 1..<40)
  func cuts(_ at: Int) throws {
    let text = #"{"one":"a\"b"} [12.25,{"two":[1,{"x":"]}"}]}]"# + "\n"
    let bytes = Array(text.utf8)
    let bench = try records([
      String(decoding: bytes[..<at], as: UTF8.self), String(decoding: bytes[at...], as: UTF8.self),
    ])
    #expect(bench.records.map(\.text) == [#"one=a\"b"#, #"two=[1,{"x":"]}"}]"#])
  }

  @Test("a malformed token loses only itself, counted")
  func malformed() throws {
    let bench = try records(["{\"a\":1}\nnonsense\n{\"b\":2}\n{\"c\":tru}\n{\"d\":4}\n17\n{\"e\":"])
    #expect(bench.records.map(\.text) == ["a=1", "b=2", "d=4"])
    #expect(bench.counters.dropped(.malformed) >= 4)
  }

  /// What is told about a text, whatever pieces it comes in.
  private func told(_ pieces: [String]) throws -> (told: [String], bench: RecordBench) {
    let told = TailBench.Holder<[String]>([])
    let bench = try records(pieces) { decoder in
      decoder.tell = { text in told.value = told.value + [text] }
    }
    return (told.value, bench)
  }

  @Test("what is no JSON is told once, with its place and its text, and counted")
  func toldOnce() throws {
    let (told, bench) = try told(["{\"a\":1}\n", "{\"b\":", "2} hello", " world\nagain\n"])
    #expect(bench.records.map(\.text) == ["a=1", "b=2"])
    #expect(told.count == 1)
    #expect(told.first?.hasPrefix("x.0: at byte 16: \"hello") == true, "\(told)")
    #expect(told.first?.contains("no JSON") == true)
    #expect(bench.counters.dropped(.malformed) >= 2)
  }

  @Test("a value that never ends, and one that is no record, are told for what they are")
  func toldKinds() throws {
    #expect(try told(["{\"a\":"]).told.first?.contains("without its end") == true)
    let shown = try told(["[1,2]"]).told.first
    #expect(shown?.contains("at byte 0: \"[1,2]\": neither a map nor [time, map]") == true)
    #expect(try told([#"{"a":1} [2,{"b":1}]"#]).told == [])
  }

  @Test("a time that no record can have costs the time, not the record; told once, counted")
  func timeOutOfRange() throws {
    let (told, bench) = try told([
      #"[1700000000000,{"a":1}] [10000000000,{"b":2}] [1e300,{"c":3}]"#,
      #" [[18446744073709551615,{}],{"d":4}] [1.5,{"e":5}] ["x",{"f":6}]"#,
    ])
    #expect(bench.records.map(\.text) == ["a=1", "b=2", "c=3", "d=4", "e=5"])
    #expect(bench.records.map(\.time) == [42, 42, 42, 42, 1_500_000_000])
    #expect(bench.counters.extra[ParserCounterNames.timeFailures]?.count == 4)
    #expect(bench.counters.dropped(.malformed) == 1)
    #expect(told.count == 2)
    #expect(told.first?.contains("1678 to 2261") == true)
  }

  @Test("a number beyond every double stays as its text")
  func infinite() throws {
    let (told, bench) = try told([#"{"n":1e400} [1e400,{"m":[1,-1E999]}]"#])
    #expect(bench.records.map(\.text) == ["n=1e400", #"m=[1,"-1E999"]"#])
    #expect(bench.records.map(\.time) == [42, 42])
    #expect(told.count == 1)
  }

  @Test("many values through small slots and small batches")
  func bulk() throws {
    let text = (0..<20_000).map { "{\"n\":\($0)}" }.joined(separator: " ")
    let bench = try records([text], slotBytes: 4_096, recordsMax: 64)
    #expect(bench.records.map(\.text) == (0..<20_000).map { "n=\($0)" })
  }

  /// A reader that is stopped after some text, with nobody taking slots meanwhile.
  private func stopped(_ text: String, slotBytes: Int = 64 << 10) throws -> RecordBench {
    var ends: [Int32] = [0, 0]
    pipe(&ends)
    _ = weir_fcntl(ends[1], 1031, 1 << 20)
    let config = InstanceConfig(
      kind: .input, plugin: "stdin",
      properties: [Property(key: "parser", node: ConfigNode(text: "json"))])
    let input = try StdinInput(
      config, lines: LineDecoding(config, ParserCatalogue(), multilineLimitBytes: 1 << 20),
      descriptor: ends[0])
    let bench = RecordBench(input, slotBytes: slotBytes)
    try bench.start()
    #expect(write(ends[1], text, text.utf8.count) == text.utf8.count)
    // Whatever was read by now is kept or counted; what is still in the pipe is not.
    usleep(100_000)
    bench.queue.sync { bench.input.stop() }
    close(ends[1])
    close(ends[0])
    bench.drain()
    return bench
  }

  @Test("a stop delivers what was read, the line that has no end yet too")
  func stopWithRest() throws {
    let bench = try stopped("one\ntwo\nthr")
    #expect(bench.records.map(\.text) == ["log=one", "log=two", "log=thr"])
    #expect(bench.counters.extra[InputCounterNames.lostBytes]?.count == 0)
  }

  @Test("a stop counts what was read and finds no room")
  func stopWithoutRoom() throws {
    let line = String(repeating: "x", count: 99) + "\n"
    let text = String(repeating: line, count: 2_000)
    let bench = try stopped(text, slotBytes: 8_192)
    let lost = Int(bench.counters.extra[InputCounterNames.lostBytes]?.count ?? 0)
    #expect(lost > 0)
    #expect(bench.records.count * line.utf8.count + lost == text.utf8.count)
  }

  @Test("with a parser, lines; the last one without its end too")
  func lines() throws {
    let bench = try records(["one\ntw", "o\nthr", "ee"], parser: "json")
    #expect(bench.records.map(\.text) == ["log=one", "log=two", "log=three"])
  }
}

@Suite("dummy")
struct DummyTests {
  func bench(_ options: [(String, String)]) throws -> RecordBench {
    let config = InstanceConfig(
      kind: .input, plugin: "dummy",
      properties: options.map { Property(key: $0.0, node: ConfigNode(text: $0.1)) })
    return RecordBench(try DummyInput(config))
  }

  @Test("samples, copies, a fixed time and a list of maps")
  func samples() throws {
    let bench = try bench([
      ("dummy", #"[{"a":1},{"b":"x"}]"#), ("copies", "2"), ("samples", "2"), ("rate", "100"),
      ("start_time_sec", "1767225600"), ("start_time_nsec", "1"), ("fixed_timestamp", "on"),
    ])
    try bench.start()
    #expect(bench.wait { bench.records.count >= 8 })
    usleep(50_000)
    bench.drain()
    #expect(bench.records.map(\.text) == Array(repeating: ["a=1", "b=x"], count: 4).flatMap { $0 })
    #expect(bench.records.allSatisfy { $0.time == 1_767_225_600_000_000_001 })
    bench.queue.sync { bench.input.stop() }
  }

  @Test("metadata stands beside the body")
  func metadata() throws {
    let bench = try bench([
      ("metadata", #"{"m":"v","n":2}"#), ("samples", "1"), ("flush_on_startup", "on"),
    ])
    try bench.start()
    #expect(bench.wait { bench.records.count == 1 })
    #expect(bench.records.map(\.text) == ["message=dummy #=m:v,n:2"])
    bench.queue.sync { bench.input.stop() }
  }

  @Test("a value that is no map is refused with the option's name")
  func refused() {
    #expect(throws: ConfigProblem.self) { _ = try bench([("dummy", "nonsense")]) }
    #expect(throws: ConfigProblem.self) { _ = try bench([("metadata", "[1]")]) }
  }
}
