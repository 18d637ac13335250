import Testing
import WeirBatch
import WeirConfig
import WeirStage

@testable import WeirOutputs

@Suite("stdout as OTLP's JSON logs")
struct OTLPTests {
  private func run(
    _ format: String, _ batches: [[(tag: String, fields: [(String, TestValue)])]],
    flushAfter: Set<Int> = []
  ) throws -> String {
    let pipe = TestPipe()
    let output = try makeOutput(
      "stdout", ["format": "\(format)"], .test(standardOutput: pipe.writeEnd))
    let lane = output.openLane(LaneContext(index: 0))
    for (index, records) in batches.enumerated() {
      let test = TestBatch(sequence: UInt64(index + 1))
      for record in records { test.add(record.fields, time: 7_000_000_001, tag: record.tag) }
      #expect(output.deliver(test.encode(lane)).isDone)
      if flushAfter.contains(index) { output.flush() }
    }
    output.flush()
    output.close()
    return pipe.text()
  }

  private func document(_ records: String) -> String {
    #"{"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{},"logRecords":["# + records
      + "]}]}]}\n"
  }

  @Test("the text of log is the body, and what stands beside it the attributes")
  func body() throws {
    #expect(
      try run("otlp_json", [[("t", [("log", .text("a \"b\"\né")), ("stream", .text("stdout"))])]])
        == document(
          #"{"timeUnixNano":"7000000001","attributes":[{"key":"stream","value":"#
            + #"{"stringValue":"stdout"}}],"body":{"stringValue":"a \"b\"\né"}}"#))
    #expect(
      try run("otlp_json", [[("t", [("message", .jsonText(#"x\ty"#))])]])
        == document(#"{"timeUnixNano":"7000000001","body":{"stringValue":"x\ty"}}"#))
  }

  @Test("a record without either is a list of keys and values, of every type")
  func types() throws {
    let fields: [(String, TestValue)] = [
      ("i", .int(-7)), ("u", .unsigned(.max)), ("f", .double(1.5)), ("n", .double(.nan)),
      ("t", .bool(true)), ("z", .null), ("a", .array([.int(1), .text("b")])),
      ("m", .map([("k", .text("v"))])), ("j", .json(#"{"x":[1,"\"",null],"e":{}}"#)),
      ("b", .binary([0x41, 0xff])),
    ]
    let values = [
      #"{"key":"i","value":{"intValue":"-7"}}"#,
      #"{"key":"u","value":{"intValue":"18446744073709551615"}}"#,
      #"{"key":"f","value":{"doubleValue":1.5}}"#, #"{"key":"n","value":{"doubleValue":"NaN"}}"#,
      #"{"key":"t","value":{"boolValue":true}}"#, #"{"key":"z","value":{}}"#,
      #"{"key":"a","value":{"arrayValue":{"values":[{"intValue":"1"},{"stringValue":"b"}]}}}"#,
      #"{"key":"m","value":{"kvlistValue":{"values":[{"key":"k","value":{"stringValue":"v"}}]}}}"#,
      #"{"key":"j","value":{"kvlistValue":{"values":[{"key":"x","value":{"arrayValue":{"values":"#
        + #"[{"intValue":"1"},{"stringValue":"\""},{}]}}},"#
        + #"{"key":"e","value":{"kvlistValue":{"values":[]}}}]}}}"#,
      #"{"key":"b","value":{"bytesValue":"Qf8="}}"#,
    ].joined(separator: ",")
    #expect(
      try run("otlp_json", [[("t", fields)]])
        == document(
          #"{"timeUnixNano":"7000000001","body":{"kvlistValue":{"values":["# + values + "]}}}"))
  }

  @Test("one document stands for each tag and flush")
  func documents() throws {
    func record(_ n: Int) -> [(String, TestValue)] { [("log", .int(Int64(n)))] }
    func text(_ n: Int) -> String {
      #"{"timeUnixNano":"7000000001","body":{"intValue":"\#(n)"}}"#
    }
    let batches = [
      [("a", record(1)), ("b", record(2))], [("b", record(3)), ("a", record(4))],
      [("a", record(5))],
    ]
    #expect(
      try run("otlp_json", batches, flushAfter: [1])
        == document(text(1)) + document(text(2) + "," + text(3)) + document(text(4))
        + document(text(5)))
    #expect(try run("otlp_json", [[]]) == "")
  }

  @Test("metadata that came with OTLP go back to their places")
  func metadata() throws {
    let otlp: [(String, TestValue)] = [
      ("timestamp", .int(5)), ("observed_timestamp", .int(6)), ("severity_number", .int(9)),
      ("severity_text", .text("INFO")), ("attributes", .map([("k", .int(1))])),
      ("trace_id", .binary(Array(0..<16))), ("span_id", .binary([1, 2])),
    ]
    let nested = #"{"timestamp":5,"severity_text":"WARN","attributes":{},"trace_id":"ab"}"#
    #expect(
      try run(
        "otlp_json",
        [
          [
            ("t", [("", .metadata([("otlp", .map(otlp))])), ("log", .text("x"))]),
            (
              "t",
              [("", .metadata([("otlp", .json(nested))])), ("log", .text("y")), ("s", .int(1))]
            ),
          ]
        ])
        == document(
          #"{"timeUnixNano":"5","observedTimeUnixNano":"6","severityNumber":9,"#
            + #""severityText":"INFO","attributes":[{"key":"k","value":{"intValue":"1"}}],"#
            + #""traceId":"000102030405060708090a0b0c0d0e0f","spanId":"AQI=","#
            + #""body":{"stringValue":"x"}},"#
            + #"{"timeUnixNano":"5","severityText":"WARN","traceId":"ab","#
            + #""body":{"stringValue":"y"}}"#))
  }

  @Test("a resource is an attribute, or a member of the body")
  func resource() throws {
    let pipe = TestPipe()
    let output = try makeOutput(
      "stdout", ["format": "otlp_json"], .test(standardOutput: pipe.writeEnd))
    let test = TestBatch()
    let record = test.add([("log", .text("x"))], time: 1)
    test.setResource("kubernetes", #"{"pod":"p"}"#, of: record)
    #expect(output.deliver(test.encode(output.openLane(LaneContext(index: 0)))).isDone)
    output.flush()
    #expect(
      pipe.text()
        == document(
          #"{"timeUnixNano":"1","attributes":[{"key":"kubernetes","value":{"kvlistValue":"#
            + #"{"values":[{"key":"pod","value":{"stringValue":"p"}}]}}}],"#
            + #""body":{"stringValue":"x"}}"#))
  }

  @Test("the pretty form is indented by two blanks a level")
  func pretty() throws {
    let text = try run(
      "otlp_json_pretty",
      [[("t", [("log", .text("x")), ("a", .json("[]"))]), ("t", [("log", .int(1))])]])
    #expect(
      text == """
        {
          "resourceLogs": [
            {
              "resource": {},
              "scopeLogs": [
                {
                  "scope": {},
                  "logRecords": [
                    {
                      "timeUnixNano": "7000000001",
                      "attributes": [
                        {
                          "key": "a",
                          "value": {
                            "arrayValue": {
                              "values": []
                            }
                          }
                        }
                      ],
                      "body": {
                        "stringValue": "x"
                      }
                    },
                    {
                      "timeUnixNano": "7000000001",
                      "body": {
                        "intValue": "1"
                      }
                    }
                  ]
                }
              ]
            }
          ]
        }

        """)
  }

  @Test("random records are strict JSON in both forms", arguments: 1...20 as ClosedRange<UInt64>)
  func random(seed: UInt64) throws {
    var records = RandomRecords(seed: seed)
    let fields = (0..<20).map { _ in (tag: "t", fields: records.fields()) }
    for format in ["otlp_json", "otlp_json_pretty"] {
      let text = Array(try run(format, [fields]).utf8.filter { $0 != 10 })
      let isJSON = JSONReader.read(format == "otlp_json" ? text : text.filter { $0 != 32 }) != nil
      #expect(isJSON, "seed \(seed), \(format)")
    }
  }
}
