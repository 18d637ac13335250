import CWeirSystem
import Glibc
import Testing
import WeirBatch
import WeirConfig
import WeirStage
import WeirTelemetry

@testable import WeirOutputs

/// Encodes and delivers one batch.
@discardableResult
func deliver(_ test: TestBatch, to output: any Output) -> DeliveryResult {
  output.deliver(test.encode(output.openLane(LaneContext(index: 0))))
}

@Suite("the formats of the file output")
struct FileLayoutTests {
  private let first: [(String, TestValue)] = [
    ("a", .text("x")), ("b", .int(2)), ("c", .text("with, comma")), ("d", .jsonText("q\\\"q")),
  ]
  private let second: [(String, TestValue)] = [
    ("a", .text("y")), ("b", .double(1.5)), ("c", .bool(true)), ("d", .null),
  ]

  private func written(_ options: [(String, String)]) throws -> String {
    let folder = TestFolder()
    var properties = [("path", folder.path), ("file", "out")]
    properties += options
    let config = InstanceConfig(
      kind: .output, plugin: "file",
      properties: properties.map { Property(key: $0.0, node: ConfigNode(text: $0.1)) })
    let output = try BuiltinOutputs.make(config, .test())
    let test = TestBatch()
    test.add(first, time: 1_770_091_506_500_000_000, tag: "f.tag")
    test.add(second, time: 1_770_091_507_250_000_000, tag: "f.tag")
    #expect(deliver(test, to: output).isDone)
    output.close()
    return folder.text("out") ?? ""
  }

  @Test("the default format names the tag and the time")
  func outFile() throws {
    #expect(
      try written([]) == #"""
        f.tag: [1770091506.500000000, {"a":"x","b":2,"c":"with, comma","d":"q\"q"}]
        f.tag: [1770091507.250000000, {"a":"y","b":1.5,"c":true,"d":null}]

        """#)
  }

  @Test("plain is a JSON object per line")
  func plain() throws {
    #expect(
      try written([("format", "plain")]) == #"""
        {"a":"x","b":2,"c":"with, comma","d":"q\"q"}
        {"a":"y","b":1.5,"c":true,"d":null}

        """#)
  }

  @Test("csv prints values as msgpack does")
  func csv() throws {
    #expect(
      try written([("format", "csv")]) == #"""
        1770091506.500000000,"x",2,"with, comma","q"q"
        1770091507.250000000,"y",1.500000,true,nil

        """#)
    #expect(
      try written([("format", "csv"), ("delimiter", "tab"), ("csv_column_names", "on")])
        == "timestamp\t\"a\"\t\"b\"\t\"c\"\t\"d\"\n"
        + "1770091506.500000000\t\"x\"\t2\t\"with, comma\"\t\"q\"q\"\n"
        + "1770091507.250000000\t\"y\"\t1.500000\ttrue\tnil\n")
  }

  @Test("ltsv labels its values; an unknown delimiter means the default")
  func ltsv() throws {
    #expect(
      try written([("format", "ltsv"), ("delimiter", "|")])
        == "\"time\":1770091506.500000\t\"a\":\"x\"\t\"b\":2\t\"c\":\"with, comma\"\t"
        + "\"d\":\"q\"q\"\n"
        + "\"time\":1770091507.250000\t\"a\":\"y\"\t\"b\":1.500000\t\"c\":true\t\"d\":nil\n")
    #expect(
      try written([("format", "ltsv"), ("delimiter", "comma"), ("label_delimiter", "space")])
        == #"""
        "time" 1770091506.500000,"a" "x","b" 2,"c" "with, comma","d" "q"q"
        "time" 1770091507.250000,"a" "y","b" 1.500000,"c" true,"d" nil

        """#)
  }

  @Test("a template replaces the keys it finds")
  func template() throws {
    #expect(
      try written([("format", "template"), ("template", "{time} [{a}] b={b} {nope} {c}")])
        == """
        1770091506.500000 [x] b=2 {nope} with, comma
        1770091507.250000 [y] b=1.500000 {nope} true

        """)
    #expect(
      try written([("format", "template"), ("template", "{d}{a{b} } {open")])
        == "q\"q{a2 } {open\nnil{a1.500000 } {open\n")
  }

  @Test("msgpack holds events with their time")
  func msgpack() throws {
    let folder = TestFolder()
    let output = try makeOutput(
      "file", ["path": "\(folder.path)", "file": "out", "format": "msgpack"])
    let test = TestBatch()
    test.add(
      [
        ("a", .text("x")), ("n", .int(-1)), ("m", .map([("k", .bool(true))])),
        ("j", .json(#"{"z":[1,"é"]}"#)), ("d", .double(0.5)), ("u", .unsigned(300)),
        ("b", .binary([7])), ("i", .int(-40_000)), ("e", .null),
      ], time: 1_000_000_002)
    #expect(deliver(test, to: output).isDone)
    let expected: [UInt8] =
      [0x92, 0x92, 0xd7, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0x80, 0x89]
      + [0xa1, 0x61, 0xa1, 0x78, 0xa1, 0x6e, 0xff]
      + [0xa1, 0x6d, 0x81, 0xa1, 0x6b, 0xc3]
      + [0xa1, 0x6a, 0x81, 0xa1, 0x7a, 0x92, 1, 0xa2, 0xc3, 0xa9]
      + [0xa1, 0x64, 0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0]
      + [0xa1, 0x75, 0xcd, 1, 0x2c, 0xa1, 0x62, 0xc4, 1, 7]
      + [0xa1, 0x69, 0xd2, 0xff, 0xff, 0x63, 0xc0, 0xa1, 0x65, 0xc0]
    #expect(folder.bytes("out") == expected)
  }

  @Test("a header line stands only at the start of a file")
  func header() throws {
    let folder = TestFolder()
    let options: KeyValuePairs = [
      "path": "\(folder.path)", "file": "out", "format": "csv", "csv_column_names": "on",
    ]
    for round in 1...2 {
      let output = try makeOutput("file", options)
      for sequence in 1...2 {
        let test = TestBatch(sequence: UInt64(sequence))
        test.add([("n", .int(Int64(round * 10 + sequence)))])
        #expect(deliver(test, to: output).isDone)
      }
      output.close()
    }
    #expect(
      folder.text("out")
        == "timestamp,\"n\"\n0.000000000,11\n0.000000000,12\n0.000000000,21\n0.000000000,22\n")
  }
}

@Suite("the names of the file output")
struct FileNameTests {
  private func run(
    _ options: [(String, String)], _ records: [(tag: String, app: TestValue?)],
    _ counters: StageCounters = StageCounters(kind: .output, name: "file.0")
  ) throws -> TestFolder {
    let folder = TestFolder()
    let properties = options.map {
      Property(key: $0.0, node: ConfigNode(text: $0.1.replacing("OUT", with: folder.path)))
    }
    let output = try BuiltinOutputs.make(
      InstanceConfig(kind: .output, plugin: "file", properties: properties), .test())
    let test = TestBatch()
    for (index, record) in records.enumerated() {
      var fields: [(String, TestValue)] = [("n", .int(Int64(index)))]
      if let app = record.app { fields.append(("app", app)) }
      test.add(fields, time: someTime, tag: record.tag)
    }
    #expect(output.deliver(test.encode(output.openLane(LaneContext(index: 0)), counters)).isDone)
    output.close()
    return folder
  }

  @Test("without a name, each tag has a file of its own that cannot leave the folder")
  func tags() throws {
    let long = String(repeating: "t", count: 300)
    let folder = try run(
      [("path", "OUT"), ("format", "plain")],
      [
        ("f.tag", nil), ("../../etc/x", nil), ("..", nil), ("/abs:o\\lute", nil), ("f.tag", nil),
        ("sp ace*", nil), (long, nil), (long + "u", nil),
      ])
    let names = folder.names
    #expect(names.count == 7)
    #expect(Set(names).isSuperset(of: ["f.tag", ".._.._etc_x", "_", "_abs_o_lute", "sp_ace_"]))
    #expect(names.filter { $0.hasPrefix("ttt") }.count == 2)
    #expect(names.allSatisfy { $0.utf8.count <= 255 })
    #expect(folder.text("f.tag") == "{\"n\":0}\n{\"n\":4}\n")
    #expect(folder.text("_") == "{\"n\":2}\n")
  }

  @Test("an accessor in the name gives each value a file")
  func accessor() throws {
    let folder = try run(
      [("path", "OUT"), ("file", "app-$app.log"), ("fallback_file", "other"), ("format", "plain")],
      [("x", .text("web")), ("x", .text("db")), ("x", .text("web"))])
    #expect(folder.names == ["app-db.log", "app-web.log"])
    #expect(folder.text("app-web.log") == "{\"n\":0,\"app\":\"web\"}\n{\"n\":2,\"app\":\"web\"}\n")
  }

  @Test("values that would leave the folder count as missing")
  func traversal() throws {
    let counters = StageCounters(kind: .output, name: "file.0")
    let values = ["../up", "..", ".", "", "a/b", "a\\b", "nul\0byte", "c:d"]
    let folder = try run(
      [
        ("path", "OUT"), ("file", "$app"), ("fallback_file", "other"), ("format", "plain"),
        ("on_missing_field", "drop"),
      ], values.map { ("x", .text($0)) } + [("x", .text("fine"))], counters)
    #expect(folder.names == ["fine"])
    #expect(counters.dropped(.output) == UInt64(values.count))
  }

  @Test("folders of values are made below the folder, and dots are refused")
  func folders() throws {
    let counters = StageCounters(kind: .output, name: "file.0")
    let folder = try run(
      [
        ("path", "OUT/logs/$app"), ("file", "f"), ("fallback_file", "other"), ("mkdir", "on"),
        ("format", "plain"),
      ],
      [("x", .text("one")), ("x", .text("..")), ("x", .text("two/deep")), ("x", nil)], counters)
    #expect(folder.names == ["logs"])
    #expect(folder.text("logs/one/f") == "{\"n\":0,\"app\":\"one\"}\n")
    #expect(folder.text("logs/two/deep/f") != nil)
    #expect(counters.dropped(.output) == 2)
    #expect(counters.errors.count == 2)
  }

  @Test("missing fields and too many files go to the fallback when told so")
  func fallback() throws {
    let folder = try run(
      [
        ("path", "OUT"), ("file", "$app"), ("fallback_path", "OUT"), ("fallback_file", "rest"),
        ("on_missing_field", "fallback"), ("on_limit_reached", "fallback"),
        ("max_dynamic_files", "2"), ("format", "plain"),
      ],
      [
        ("x", .text("a")), ("x", nil), ("x", .text("b")), ("x", .text("c")), ("x", .text("a")),
      ])
    #expect(folder.names == ["a", "b", "rest"])
    #expect(folder.text("rest") == "{\"n\":1}\n{\"n\":3,\"app\":\"c\"}\n")
    #expect(folder.text("a") == "{\"n\":0,\"app\":\"a\"}\n{\"n\":4,\"app\":\"a\"}\n")
  }

  @Test("times in the name are the record's, in UTC, and only when switched on")
  func times() throws {
    let folder = try run(
      [
        ("path", "OUT"), ("file", "%Y-%m-%d-$app"), ("enable_strftime", "on"),
        ("fallback_file", "rest"), ("format", "plain"),
      ], [("x", .text("a"))])
    #expect(folder.names == ["2026-02-03-a"])
    let literal = try run([("path", "OUT"), ("file", "%Y"), ("format", "plain")], [("x", nil)])
    #expect(literal.names == ["%Y"])
  }

  @Test("a link that lies in a folder of names made from data is not followed")
  func links() throws {
    let folder = TestFolder()
    symlink("\(folder.path)/elsewhere", "\(folder.path)/tag")
    let output = try makeOutput("file", ["path": "\(folder.path)", "format": "plain"])
    let test = TestBatch()
    test.add([("n", .int(1))], tag: "tag")
    #expect(deliver(test, to: output).isRetry)
    #expect(!folder.names.contains("elsewhere"))
  }

  @Test("options that cannot work are refused at the start")
  func refused() {
    let wrong: [KeyValuePairs<String, String>] = [
      ["file": "$app"], ["path": "$app/x", "file": "f", "fallback_file": "r"],
      ["path": "/tmp/%Y", "enable_strftime": "on"], ["on_missing_field": "fallback"],
      ["format": "xml"], ["rotate": "on"],
      ["rotate": "on", "rotate_gzip": "off", "rotate_max_size": "0"],
      ["rotate": "on", "rotate_gzip": "off", "rotate_max_files": "0"],
      ["file": "$app['x", "fallback_file": "r"],
    ]
    for options in wrong {
      #expect(throws: ConfigProblem.self, "\(options)") { try makeOutput("file", options) }
    }
  }
}
