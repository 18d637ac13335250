import Testing

@testable import WeirConfig

private let pipeline = "[INPUT]\n  name dummy\n[OUTPUT]\n  name null\n  match *\n"

@Suite("Classic format")
struct ClassicFormatTests {
  @Test("keys end at the first blank, values are trimmed, and both have their place")
  func keysAndValues() throws {
    let (configuration, problems) = load([
      "main.conf": "[INPUT]\n    Name   Dummy  \n    TAG    my  tag # kept \n[OUTPUT]\n name null"
    ])
    let input = try #require(configuration.inputs.first)
    #expect(input.plugin == "dummy")
    #expect(input.tag == "my  tag # kept")
    #expect(input.property("tag")?.keyLocation == .init(file: "main.conf", line: 3, column: 5))
    #expect(input.property("tag")?.location == .init(file: "main.conf", line: 3, column: 12))
    // The second section indents otherwise than the first key of the file.
    #expect(problems.text.contains("main.conf:5:2: error: the indentation differs"))
    #expect(problems.text.contains("indent by 4 blank(s)"))
  }

  @Test("CRLF, comments, empty lines and a missing last newline are fine")
  func lines() {
    let text = pipeline.split(separator: "\n").joined(separator: "\r\n")
    let (configuration, problems) = load([
      "main.conf": "# top\r\n\r\n\(text)\r\n  # inside\r\n  \r\n  alias last"
    ])
    #expect(problems.all.isEmpty, "\(problems.text)")
    #expect(configuration.outputs.first?.alias == "last")
  }

  @Test(
    "what the lines may not be is named with its place",
    arguments: [
      ("[INPUT]\n  name dummy\n  tag\n", "main.conf:3:3: error: tag: the key has no value"),
      ("[INPUT]\n  name\tdummy\n", "a tab does not separate key and value"),
      ("[INPUT]\n  name dummy\n    tag t\n", "main.conf:3:5: error: the indentation differs"),
      ("[INPUT]\n  name dummy\n \n", "main.conf:3:2: error: a line of blanks only"),
      ("[INPUT]\n  name dummy\n     \n", "a line of blanks only"),
      ("[INPUT]\nname dummy\n", "main.conf:2:1: error: a key has to be indented"),
      ("  name dummy\n", "a key stands outside a section"),
      ("[INPUT\n  name dummy\n", "main.conf:1:1: error: the section header has no ]"),
      ("[INPUT]\n  name dummy\n  [GROUP]\n", "has no blank"),
      ("[INPUT]\n  name dummy\n  tag t\n    deep x\n", "main.conf:4:5: error: the indentation"),
      ("[PARSER]\n  name x\n  format json\n", "does not belong into the main file"),
      ("@INCLUDE none.conf\n", "main.conf:1:10: error: @INCLUDE: no file matches none.conf"),
      ("@INCLUDE main.conf\n", "main.conf:1:10: error: main.conf is included twice"),
      ("@SET nothing\n", "@SET needs NAME=VALUE"),
    ])
  func refused(text: String, message: String) {
    let (_, problems) = load(["main.conf": text + pipeline])
    #expect(problems.hasErrors)
    #expect(problems.text.contains(message), "\(problems.text)")
  }

  @Test("groups are legal, and the section goes on after them")
  func groups() throws {
    let (configuration, problems) = load([
      "main.conf":
        "[INPUT]\n  name dummy\n  [GROUP 1]\n    some key\n    other value\n  tag t\n"
        + "[OUTPUT]\n  name null"
    ])
    #expect(!problems.hasErrors, "\(problems.text)")
    let input = try #require(configuration.inputs.first)
    #expect(input.properties.map(\.key) == ["tag"])
  }

  @Test("includes nest, resolve beside the main file, and keep the order of sections")
  func includes() {
    let (configuration, problems) = load(
      [
        "conf/main.conf":
          "[FILTER]\n  name grep\n@INCLUDE sub/a.conf\n  match one\n@INCLUDE d/*.conf\n" + pipeline,
        "conf/sub/a.conf": "[FILTER]\n name modify\n match two\n@INCLUDE sub/b.inc\n",
        "conf/sub/b.inc": "[FILTER]\n\tname grep\n\tmatch three\n",
        "conf/d/2.conf": "[FILTER]\n name grep\n match five\n",
        "conf/d/1.conf": "[FILTER]\n name grep\n match four\n",
      ], main: "conf/main.conf")
    #expect(!problems.hasErrors, "\(problems.text)")
    #expect(
      configuration.filters.map { $0.match ?? "" } == ["one", "two", "three", "four", "five"])
    #expect(configuration.filters.map(\.instanceName).contains("grep.3"))
    #expect(configuration.filters[1].location.file == "conf/sub/a.conf")
  }

  @Test("an included file has to open a section of its own")
  func includeWithoutSection() {
    let (_, problems) = load([
      "main.conf": "[INPUT]\n  name dummy\n@INCLUDE more.conf\n", "more.conf": "  tag t\n",
    ])
    #expect(problems.text.contains("more.conf:1:3: error: a key stands outside a section"))
  }

  @Test("@SET holds before every section, keeps a leading blank, and goes before the process")
  func setCommand() throws {
    let (configuration, problems) = load(
      [
        "main.conf":
          "[INPUT]\n  name ${KIND}\n  tag a.${T}.${P}.${D:-dflt}.${E:-x}\n  dummy ${BLANK}|\n"
          + "[OUTPUT]\n  name null\n@SET KIND=dummy\n@SET T=set\n@SET BLANK= v \n"
      ], env: ["T": "process", "P": "proc", "E": ""])
    #expect(problems.all.isEmpty, "\(problems.text)")
    let input = try #require(configuration.inputs.first)
    #expect(input.plugin == "dummy")
    #expect(input.tag == "a.set.proc.dflt.x")
    #expect(input.text("dummy") == " v|")
  }

  @Test("an unset variable is warned about, and an empty option counts as not set")
  func unsetVariable() throws {
    let (configuration, problems) = load([
      "main.conf": "[INPUT]\n  name dummy\n  tag ${NOPE}\n[OUTPUT]\n  name null\n"
    ])
    #expect(!problems.hasErrors)
    #expect(problems.text.contains("main.conf:3:7: warning: the variable ${NOPE} is not set"))
    #expect(try #require(configuration.inputs.first).tag == nil)
  }

  @Test("service sections merge, unknown keys are warned about, bad words of truth too")
  func service() {
    let (configuration, problems) = load([
      "main.conf":
        "[SERVICE]\n  flush 0.2\n  grace 3\n  parsers_file p.conf\n  flsh 3\n  daemon maybe\n"
        + pipeline
        + "[SERVICE]\n  flush 0.5\n  parsers_file q.conf\n  multiline_buffer_limit 1M\n",
      "p.conf": "[PARSER]\n  name a\n  format json\n",
      "q.conf": "[PARSER]\n  name b\n  format logfmt\n  time_offset -02:30\n",
    ])
    #expect(!problems.hasErrors, "\(problems.text)")
    #expect(configuration.service.flushSeconds == 0.5)
    #expect(configuration.service.graceSeconds == 3)
    #expect(configuration.service.multilineBufferLimitBytes == 1 << 20)
    #expect(configuration.service.daemon == false)
    #expect(configuration.parsers.map(\.name) == ["a", "b"])
    #expect(configuration.parser("b")?.timeOffsetSeconds == -9000)
    #expect(problems.text.contains("flsh: the service section does not know this key"))
    #expect(problems.text.contains("did you mean \"flush\"?"))
    #expect(problems.text.contains("\"maybe\" is no truth value"))
  }

  @Test("parsers files are read whole: types, decoders, rules, and every problem in them")
  func parsersFile() throws {
    let (configuration, problems) = load([
      "main.conf": "[SERVICE]\n  parsers_file p.conf\n" + pipeline,
      "p.conf":
        "[PARSER]\n  Name r\n  Format regex\n  Regex ^(?<a>x)\n  Types a:integer b:float\n"
        + "  Decode_Field json log\n  Decode_Field_As escaped_utf8 a do_next\n  Time_Keep On\n"
        + "[PARSER]\n  Name r\n  Format json\n[PARSER]\n  Name s\n  Format regexp\n"
        + "[MULTILINE_PARSER]\n  name m\n  type regex\n  flush_timeout 1000\n"
        + "  rule \"start_state\" \"/^\\d+ \\\"x\\\"/\" \"cont\"\n"
        + "  rule \"cont\" \"/^ /\" \"cnt\"\n",
    ])
    let parser = try #require(configuration.parser("r"))
    #expect(parser.timeKeep)
    #expect(parser.types.map(\.type) == [.integer, .float])
    #expect(parser.decoders.map(\.kind) == [.json, .escapedUTF8])
    #expect(parser.decoders.map(\.replacesValue) == [false, true])
    #expect(parser.decoders[1].action == .doNext)
    let multiline = try #require(configuration.multilineParsers.first)
    #expect(multiline.flushTimeoutMs == 1000)
    #expect(multiline.rules.first?.regex == "/^\\d+ \"x\"/")
    #expect(problems.text.contains("the parser r is already defined at p.conf:1:1"))
    #expect(problems.text.contains("\"regexp\" is not accepted"))
    #expect(problems.text.contains("no rule begins with the state cnt; did you mean \"cont\"?"))
  }

  @Test("a missing parsers file is an error at the key that names it")
  func missingParsersFile() {
    let (_, problems) = load(["main.conf": "[SERVICE]\n  parsers_file no.conf\n" + pipeline])
    #expect(
      problems.errors.first?.description
        == "main.conf:2:16: error: cannot read no.conf: no such file")
  }

  @Test("random bytes never crash the reader, and every problem has a place")
  func fuzz() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var state = seed
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let pieces = [
      "[INPUT]", "[", "]", "\n", "\r\n", "  ", "\t", " ", "name", " dummy", "@INCLUDE x",
      "@SET a=b",
      "${", "}", "${a:-", "#", "\u{0}", "ü", "[PARSER]", "match", "=", "\"",
    ]
    for _ in 0..<2000 {
      let text = (0..<next(30)).map { _ in pieces[next(pieces.count)] }.joined()
      let (_, problems) = load(["main.conf": text, "x": text])
      for problem in problems.all where problem.location == nil {
        Issue.record("seed \(seed): \(problem) in \(text.debugDescription)")
      }
    }
  }
}
