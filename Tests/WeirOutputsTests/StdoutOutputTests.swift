import CWeirSystem
import Glibc
import Testing
import WeirBatch
import WeirConfig
import WeirStage

@testable import WeirOutputs

@Suite("the stdout output")
struct StdoutOutputTests {
  /// What an output writes for batches of records, each followed by a flush where told.
  private func run(
    _ options: KeyValuePairs<String, String>, _ batches: [[(tag: String, n: Int)]],
    flushAfter: Set<Int> = []
  ) throws -> String {
    let pipe = TestPipe()
    let output = try makeOutput("stdout", options, .test(standardOutput: pipe.writeEnd))
    let lane = output.openLane(LaneContext(index: 0))
    for (index, records) in batches.enumerated() {
      let test = TestBatch(sequence: UInt64(index + 1))
      for record in records {
        test.add([("n", .int(Int64(record.n)))], time: someTime, tag: record.tag)
      }
      #expect(output.deliver(test.encode(lane)).isDone)
      if flushAfter.contains(index) { output.flush() }
    }
    output.flush()
    output.close()
    return pipe.text()
  }

  private let records: [(String, TestValue)] = [
    ("s", .text("q\" é")), ("i", .int(-7)), ("f", .double(1.5)), ("t", .bool(true)), ("z", .null),
    ("a", .array([.int(1), .text("b")])), ("m", .map([("k", .text("v"))])),
    ("j", .json(#"{"x":[1,"\"",null,2.5],"e":{}}"#)), ("q", .jsonText(#"a\"\u0001é"#)),
    ("b", .binary([0x41, 0xff])), ("u", .unsigned(.max)),
  ]

  @Test("the default layout prints like msgpack")
  func defaultLayout() throws {
    let pipe = TestPipe()
    let output = try makeOutput("stdout", [:], .test(standardOutput: pipe.writeEnd))
    let test = TestBatch()
    test.add(records, time: someTime, tag: "my.tag")
    test.add(
      [("", .metadata([("k", .int(1))])), ("a", .int(2))], time: 7_000_000_001, tag: "my.tag")
    let record = test.add([], tag: "my.tag")
    test.setResource("kubernetes", #"{"pod":"p"}"#, of: record)
    #expect(output.deliver(test.encode(output.openLane(LaneContext(index: 0)))).isDone)
    #expect(
      pipe.text() == """
        [0] my.tag: [[1770091506.123456789, {}], {"s"=>"q" é", "i"=>-7, "f"=>1.500000, "t"=>true, \
        "z"=>nil, "a"=>[1, "b"], "m"=>{"k"=>"v"}, "j"=>{"x"=>[1, \"""\
        , nil, 2.500000], "e"=>{}}, "q"=>"a"\u{1}é", "b"=>"A\\xff", "u"=>18446744073709551615}]
        [1] my.tag: [[7.000000001, {"k"=>1}], {"a"=>2}]
        [2] my.tag: [[0.000000000, {}], {"kubernetes"=>{"pod"=>"p"}}]

        """)
  }

  @Test("numbers count from 0 for each tag and flush")
  func numbers() throws {
    let text = try run(
      [:], [[("a", 1), ("a", 2), ("b", 3), ("a", 4)], [("a", 5)], [("a", 6)]], flushAfter: [1])
    let heads = text.split(separator: "\n").map { $0.prefix(6) }
    #expect(
      heads == ["[0] a:", "[1] a:", "[0] b:", "[2] a:", "[3] a:", "[0] a:"].map { $0.prefix(6) })
  }

  @Test("json is one array per tag and flush")
  func arrays() throws {
    let options: KeyValuePairs = ["format": "json", "json_date_key": "false"]
    #expect(
      try run(options, [[("a", 1), ("a", 2)], [("a", 3)]]) == #"[{"n":1},{"n":2},{"n":3}]"# + "\n")
    #expect(
      try run(options, [[("a", 1), ("b", 2)], [("b", 3), ("a", 4), ("b", 5)]], flushAfter: [])
        == """
        [{"n":1}]
        [{"n":2},{"n":3}]
        [{"n":4}]
        [{"n":5}]

        """)
    #expect(
      try run(options, [[("a", 1)], [("a", 2)]], flushAfter: [0]) == "[{\"n\":1}]\n[{\"n\":2}]\n")
    #expect(try run(options, [[]]) == "")
  }

  @Test("json_stream puts objects side by side and a line feed at the flush")
  func stream() throws {
    let options: KeyValuePairs = ["format": "json_stream", "json_date_key": "false"]
    #expect(
      try run(options, [[("a", 1), ("a", 2)], [("a", 3), ("b", 4)], []], flushAfter: [0, 1])
        == "{\"n\":1}{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n")
  }

  @Test("json_lines writes an object per line, with the date first")
  func lines() throws {
    #expect(
      try run(["format": "json_lines"], [[("a", 1), ("b", 2)]])
        == "{\"date\":1770091506.123457,\"n\":1}\n{\"date\":1770091506.123457,\"n\":2}\n")
  }

  @Test("a format that does not exist is refused by name")
  func refused() {
    for word in ["xml", "otlp", "otlp_protobuf"] {
      #expect(throws: ConfigProblem.self) {
        try makeOutput("stdout", ["format": "\(word)"])
      }
    }
    #expect(throws: ConfigProblem.self) {
      try makeOutput("stdout", ["json_date_format": "never"])
    }
  }

  @Test("a write that is cut and fails is resumed without repeating a byte")
  func resumes() throws {
    let pipe = TestPipe()
    let faults = FaultyWriter([.cut(5), .fail(EIO), .cut(3), .fail(EINTR), .fail(ENOSPC)])
    let output = try makeOutput(
      "stdout", ["format": "json", "json_date_key": "false"],
      .test(standardOutput: pipe.writeEnd, writer: faults.writer))
    let test = TestBatch()
    test.add([("n", .int(1))])
    test.add([("n", .int(2))])
    let payload = test.encode(output.openLane(LaneContext(index: 0)))
    #expect(output.deliver(payload).isRetry)
    #expect(output.deliver(payload).isRetry)
    #expect(output.deliver(payload).isDone)
    output.flush()
    #expect(pipe.text() == "[{\"n\":1},{\"n\":2}]\n")
  }

  @Test("after a payload was given up half written, the next one begins on a new line")
  func torn() throws {
    let pipe = TestPipe()
    let faults = FaultyWriter([.cut(4), .fail(EIO)])
    let output = try makeOutput(
      "stdout", ["format": "json_lines", "json_date_key": "false"],
      .test(standardOutput: pipe.writeEnd, writer: faults.writer))
    let lane = output.openLane(LaneContext(index: 0))
    let first = TestBatch(sequence: 1)
    first.add([("n", .int(1))])
    #expect(output.deliver(first.encode(lane)).isRetry)
    let second = TestBatch(sequence: 2)
    second.add([("n", .int(2))])
    #expect(output.deliver(second.encode(lane)).isDone)
    #expect(pipe.text() == "{\"n\"\n{\"n\":2}\n")
  }

  @Test("a closed pipe is no signal, and its records are kept")
  func closedPipe() throws {
    var ends: [Int32] = [0, 0]
    pipe(&ends)
    close(ends[0])
    defer { close(ends[1]) }
    let output = try makeOutput("stdout", ["format": "json_lines"], .test(standardOutput: ends[1]))
    let test = TestBatch()
    test.add([("n", .int(1))])
    #expect(output.deliver(test.encode(output.openLane(LaneContext(index: 0)))).isRetry)
  }
}

@Suite("the counting outputs")
struct CountingOutputTests {
  @Test("counter prints a line per flush with new and total records")
  func counter() throws {
    let pipe = TestPipe()
    let output = try makeOutput("counter", [:], .test(standardOutput: pipe.writeEnd))
    let lane = output.openLane(LaneContext(index: 0))
    func deliver(_ count: Int) {
      let test = TestBatch()
      for i in 0..<count { test.add([("n", .int(Int64(i)))]) }
      #expect(output.deliver(test.encode(lane)).isDone)
    }
    deliver(3)
    deliver(1)
    output.flush()
    output.flush()
    deliver(2)
    output.flush()
    #expect(
      pipe.text() == """
        {"ts":1770091506.500000,"serialized_events":4,"log_records":4,"total":4}
        {"ts":1770091506.500000,"serialized_events":2,"log_records":2,"total":6}

        """)
  }

  @Test("null counts records and keeps no bytes")
  func null() throws {
    let output = try makeOutput("null", [:])
    let test = TestBatch()
    test.add([("n", .int(1))])
    let payload = test.encode(output.openLane(LaneContext(index: 0)))
    #expect(payload.recordCount == 1)
    #expect(payload.length == 0)
    #expect(output.deliver(payload).isDone)
  }

  @Test(
    "seconds print like %f",
    arguments: [
      (1_770_091_506_123_456_789, "1770091506.123457"), (0, "0.000000"),
      (-250_000_000, "-0.250000"),
      (-1_000_000_000, "-1.000000"), (999_999_999, "1.000000"), (-1_250_000_000, "-1.250000"),
    ] as [(Int64, String)])
  func seconds(time: Int64, text: String) {
    let payload = Payload()
    appendSeconds(time, to: payload)
    #expect(payload.text == text)
  }

  @Test("an unknown output is refused with the names there are")
  func unknown() {
    #expect(throws: ConfigProblem.self) { try makeOutput("outer_space", [:]) }
  }
}
