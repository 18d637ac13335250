import Testing
import WeirBatch
import WeirConfig
import WeirDelivery
import WeirRing
import WeirStage
import WeirTelemetry

@testable import WeirParsers

@Suite("Joining lines") struct MultilineDecoderTests {
  private func decoder(
    _ names: [String], _ settings: LineSettings = LineSettings(),
    _ catalogue: ParserCatalogue? = nil, limit: Int = MultilineDecoder.limitBytesDefault
  ) throws -> MultilineDecoder {
    let catalogue = try catalogue ?? ParserCatalogue()
    let parsers = try names.map { try #require(try catalogue.multilineParser(named: $0)) }
    return MultilineDecoder(parsers, settings, limitBytes: limit)
  }

  private func own(
    _ kind: MultilineParserDefinition.Kind,
    _ configure: (inout MultilineParserDefinition) -> Void
  ) throws -> MultilineDecoder {
    var definition = MultilineParserDefinition(name: "own", kind: kind)
    configure(&definition)
    var flagged = ParserDefinition(
      name: "flagged", format: .regex, regex: #"^(?<s>\w+) (?<flag>[PF]) (?<log>.*)$"#)
    flagged.timeKey = "none"
    return try decoder(["own"], LineSettings(), ParserCatalogue([flagged], multiline: [definition]))
  }

  private func time(_ second: Int) -> String { "2026-01-01T00:00:0\(second).1Z" }
  private func stamp(_ second: Int) -> Int64 {
    1_767_225_600_100_000_000 + Int64(second) * 1_000_000_000
  }

  @Test("CRI: parts join without a separator, with the fields and the time of the first")
  func cri() throws {
    let scan = ScanHarness(try decoder(["cri"]))
    #expect(
      scan.feed(
        "\(time(1)) stdout F whole\n\(time(2)) stdout P one, \n\(time(3)) stdout P two, \n"
          + "\(time(4)) stdout F end\n\(time(5)) stderr F \n") == [
          "time=\"\(time(1))\" stream=\"stdout\" _p=\"F\" log=\"whole\" @\(stamp(1))",
          "time=\"\(time(2))\" stream=\"stdout\" _p=\"P\" log=\"one, two, end\" @\(stamp(2))",
          "time=\"\(time(5))\" stream=\"stderr\" _p=\"F\" log=\"\" @\(stamp(5))",
        ])
  }

  @Test("CRI: a time that cannot be read is kept as text, the record is of now")
  func criBadTime() throws {
    let scan = ScanHarness(try decoder(["cri"]))
    #expect(
      scan.feed("2026-13-01T00:00:00Z stdout F x\n")
        == ["time=\"2026-13-01T00:00:00Z\" stream=\"stdout\" _p=\"F\" log=\"x\""])
  }

  @Test("parts join across chunks and batches, each stream's by itself")
  func acrossChunks() throws {
    let scan = ScanHarness(try decoder(["cri"]))
    scan.recordsMax = 8
    #expect(scan.feed("\(time(1)) stdout P a\n\(time(2)) stderr P x\n") == [])
    #expect(scan.feed("\(time(3)) stdout P b\n") == [])
    #expect(scan.stream.openDeadline.nanoseconds == 4_000_000_000)
    let records = scan.feed("\(time(4)) stderr F y\n\(time(5)) stdout F c\n")
    #expect(records.map { $0.contains("log=\"xy\"") } == [true, false])
    #expect(records.map { $0.contains("log=\"abc\"") } == [false, true])
    #expect(scan.stream.openDeadline.nanoseconds == AtomicInstant.never)
    #expect(scan.budget.usedBytes == 0)
  }

  @Test("docker: parts join until one ends with a line feed, grouped by stream")
  func docker() throws {
    let scan = ScanHarness(try decoder(["docker"]))
    func line(_ log: String, _ stream: String, _ second: Int) -> String {
      "{\"log\":\"\(log)\",\"stream\":\"\(stream)\",\"time\":\"\(time(second))\"}\n"
    }
    #expect(
      scan.feed(line("whole\\n", "stdout", 1))
        == ["log=`whole\\n` stream=\"stdout\" time=\"\(time(1))\" @\(stamp(1))"])
    #expect(
      scan.feed(
        line("o1 ", "stdout", 2) + line("e\\\"1 ", "stderr", 3) + line("o2\\n", "stdout", 4)
          + line("e2\\n", "stderr", 5)) == [
          "log=\"o1 o2\n\" stream=\"stdout\" time=\"\(time(2))\" @\(stamp(2))",
          "log=\"e\"1 e2\n\" stream=\"stderr\" time=\"\(time(3))\" @\(stamp(3))",
        ])
  }

  @Test("docker, cri: whoever accepts a line takes it; what none accepts leaves alone")
  func list() throws {
    let scan = ScanHarness(try decoder(["docker", "cri"]))
    #expect(
      scan.feed("neither\n\(time(1)) stdout P a\nof both\n{\"log\":\"d\\n\"}\n") == [
        "log=\"neither\"",
        "time=\"\(time(1))\" stream=\"stdout\" _p=\"P\" log=\"a\" @\(stamp(1))",
        "log=\"of both\"", "log=`d\\n`",
      ])
  }

  @Test("rules: a start line, lines that go on, lines outside")
  func rules() throws {
    let scan = ScanHarness(
      try own(.regex) {
        $0.rules = [
          .init(fromStates: ["start_state"], regex: #"/^\d{4}-\d\d-\d\d /"#, toState: "cont"),
          .init(fromStates: ["cont"], regex: #"/^\s+at .*/"#, toState: "cont"),
        ]
      })
    #expect(
      scan.feed("2026-01-01 a\n  at one\n2026-01-02 b\norphan\n  at orphan\n2026-01-03 c\n") == [
        "log=\"2026-01-01 a\n  at one\n\"", "log=\"2026-01-02 b\n\"", "log=\"orphan\n\"",
        "log=\"  at orphan\n\"",
      ])
    #expect(scan.feed("  at x\n", flags: .streamEnd) == ["log=\"2026-01-03 c\n  at x\n\""])
  }

  @Test("an open record leaves on demand, with the time and place of its first line")
  func flush() throws {
    let scan = ScanHarness(
      try decoder(["java"], LineSettings(pathKey: "p", offsetKey: "o")))
    #expect(scan.feed("x\njava.lang.Error: boom\n").count == 1)
    scan.monotonic = 1_000
    #expect(scan.feed("\tat a.b(C.java:1)\n") == [])
    #expect(scan.stream.openDeadline.nanoseconds == 4_000_001_000)
    #expect(
      scan.feed("", flags: .flushOpen)
        == ["log=\"java.lang.Error: boom\n\tat a.b(C.java:1)\n\" p=\"/x/a.log\" o=24"])
  }

  @Test("type endswith, turned around or not, joins whole lines with line feeds")
  func endsWith() throws {
    let scan = ScanHarness(try own(.endsWith) { $0.matchString = ";" })
    #expect(
      scan.feed("select a,\nb\nfrom t;\nsingle;\nx\r\ny;\r\n")
        == ["log=\"select a,\nb\nfrom t;\n\"", "log=\"single;\n\"", "log=\"x\ny;\n\""])
    let negated = ScanHarness(
      try own(.endsWith) {
        $0.matchString = "\\"
        $0.negate = true
      })
    #expect(
      negated.feed("one \\\ntwo\nalone\n") == ["log=\"one \\\ntwo\n\"", "log=\"alone\n\""])
  }

  @Test("type equal looks at one field and joins another, by group")
  func equal() throws {
    let scan = ScanHarness(
      try own(.equal) {
        $0.parser = "flagged"
        $0.matchString = "F"
        $0.keyContent = "log"
        $0.keyPattern = "flag"
        $0.keyGroup = "s"
      })
    #expect(
      scan.feed("x P one \ny P uno \nx F two\ny F due\nx F alone\n") == [
        "s=\"x\" flag=\"P\" log=\"one two\"", "s=\"y\" flag=\"P\" log=\"uno due\"",
        "s=\"x\" flag=\"F\" log=\"alone\"",
      ])
  }

  @Test("built-in parsers take the stack traces of their languages")
  func builtin() throws {
    let traces: [(String, [String], [String])] = [
      (
        "java",
        [
          "Exception in thread \"main\" java.lang.RuntimeException: wrong", "    at a.b(C.java:1)",
          "Caused by: java.sql.SQLException: deadlock", "\t... 12 more",
          "\tSuppressed: java.io.IOException: closed", "\t\tat a.b.c(D.java:1)",
          "Caused by: java.lang.NullPointerException", "\t... 3 common frames omitted",
        ], ["INFO x", "WARN y"]
      ),
      (
        "go",
        [
          "panic: my panic", "", "goroutine 4 [running]:", "panic(0x45cb40, 0x47ad70)",
          "\t/usr/local/go/src/runtime/panic.go:542 +0x46c", "main.main.func1(0xc420024120)",
          "\tfoo.go:6 +0x39", "created by main.main", "\tfoo.go:5 +0x58", "",
          "goroutine 1 [chan receive]:", "net/http.(*conn).serve.func1(0xc0)", "\tfoo.go:9 +0x7a",
        ], ["2026/01/01 serving", "after"]
      ),
      (
        "python",
        [
          "Traceback (most recent call last):", "  File \"/base/main.py\", line 3, in handler",
          "    raise Exception('spam', 'eggs')", "Exception: ('spam', 'eggs')",
        ], ["INFO before", "INFO after"]
      ),
      (
        "ruby",
        [
          "/app/config.rb:1:in `/': divided by 0 (ZeroDivisionError)",
          "\tfrom /app/config.rb:1:in `<main>'", "\tfrom /usr/lib/ruby/irb.rb:5:in `block in eval'",
        ], ["I, before", "I, after"]
      ),
    ]
    for (name, trace, around) in traces {
      let scan = ScanHarness(try decoder([name]))
      let text = ([around[0]] + trace + [around[1]]).map { $0 + "\n" }.joined()
      let joined = trace.map { $0 + "\n" }.joined()
      #expect(
        scan.feed(text)
          == ["log=\"\(around[0])\n\"", "log=\"\(joined)\"", "log=\"\(around[1])\n\""], "\(name)")
    }
  }

  @Test("a python trace is complete with its error, and the next one begins anew")
  func pythonTwice() throws {
    let scan = ScanHarness(try decoder(["python"]))
    let trace = "Traceback (most recent call last):\n  File \"a\"\n    x\nValueError: y\n"
    #expect(scan.feed(trace + trace).count == 2)
  }

  @Test("what passes the limit goes on in a further record, marked and counted")
  func limit() throws {
    let scan = ScanHarness(try decoder(["cri"], limit: 10))
    let records = scan.feed(
      "\(time(1)) stdout P 12345\n\(time(2)) stdout P 678\n\(time(3)) stdout P abcde\n"
        + "\(time(4)) stdout F z\n")
    #expect(records.count == 2)
    #expect(records[0].contains("log=\"12345678\" {multiline_truncated=true}"))
    #expect(records[1].contains("log=\"abcdez\""))
    #expect(!records[1].contains("multiline_truncated"))
    #expect(scan.counters.extra[InputCounterNames.multilineTruncated]?.count == 1)
    #expect(scan.budget.usedBytes == 0)
  }

  @Test("without memory to wait in, parts leave as they are, counted")
  func noMemory() throws {
    let scan = ScanHarness(try decoder(["cri"]), budgetBytes: 100)
    let records = scan.feed("\(time(1)) stdout P a\n\(time(2)) stdout F b\n")
    #expect(records.count == 2)
    #expect(scan.counters.extra[InputCounterNames.multilineTruncated]?.count == 1)
    #expect(scan.budget.usedBytes == 0)
  }

  @Test("more groups than a stream may hold open let the oldest leave")
  func manyGroups() throws {
    let scan = ScanHarness(
      try own(.equal) {
        $0.parser = "flagged"
        $0.matchString = "F"
        $0.keyContent = "log"
        $0.keyPattern = "flag"
        $0.keyGroup = "s"
      })
    let lines = (0...OpenGroups.groupsMax).map { "g\($0) P x\n" }.joined()
    #expect(scan.feed(lines) == ["s=\"g0\" flag=\"P\" log=\"x\""])
    #expect(scan.feed("", flags: .streamEnd).count == OpenGroups.groupsMax)
  }

  @Test("a part that is carried keeps its bytes uncommitted until its record is done")
  func ledger() throws {
    let generation = Generation(id: .init(high: 1, low: 2), committed: 0)
    let scan = ScanHarness(try decoder(["cri"]), generation: generation)
    let first = "\(time(1)) stdout F a\n"
    _ = scan.feed(first + "\(time(2)) stdout P b\n")
    scan.acknowledge()
    #expect(generation.committed == 0, "the whole chunk waits for its open part")
    _ = scan.feed("\(time(3)) stdout F c\n")
    #expect(generation.committed == 0)
    scan.acknowledge()
    #expect(generation.committed == scan.position)
    #expect(scan.ledger.openCount == 0)
  }

  @Test("a stream that is given up gives its memory back")
  func givenUp() throws {
    let scan = ScanHarness(try decoder(["cri"]))
    _ = scan.feed("\(time(1)) stdout P a\n")
    #expect(scan.budget.usedBytes > 0)
    scan.stream.openState = nil
    #expect(scan.budget.usedBytes == 0)
  }

  @Test("batches of any size give the same records")
  func batchSizes() throws {
    let seed: UInt64 = 0x10_1AE
    var state = seed
    func next(_ bound: UInt64) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % bound)
    }
    let choices = [
      "plain line", "java.lang.Error: x", "\tat a.b(C.java:1)", "Caused by: y", "",
      "\(time(1)) stdout P p1", "\(time(2)) stdout F f1", "\(time(3)) stderr P p2",
      "{\"log\":\"d\",\"stream\":\"stdout\"}", "{\"log\":\"e\\n\",\"stream\":\"stdout\"}",
    ]
    for round in 0..<60 {
      let lines = (0..<40).map { _ in choices[next(UInt64(choices.count))] + "\n" }
      let names = round % 2 == 0 ? ["docker", "cri"] : ["java", "cri", "docker"]
      let whole = ScanHarness(try decoder(names))
      let expected = whole.feed(lines.joined(), flags: .streamEnd)
      let pieces = ScanHarness(try decoder(names))
      pieces.recordsMax = 8 + next(4)
      var got: [String] = []
      var rest = lines[...]
      while !rest.isEmpty {
        let count = 1 + next(9)
        got += pieces.feed(rest.prefix(count).joined())
        rest = rest.dropFirst(count)
      }
      got += pieces.feed("", flags: .streamEnd)
      #expect(got == expected, "seed \(seed) round \(round)")
      #expect(pieces.budget.usedBytes == 0)
    }
  }
}
