import Testing
import WeirBatch
import WeirConfig
import WeirStage

@testable import WeirParsers

@Suite("The multiline options of an input") struct MultilineOptionTests {
  private func catalogue() throws -> ParserCatalogue {
    try ParserCatalogue([
      ParserDefinition(name: "first", format: .regex, regex: #"^(?<n>\d+) (?<m>.*)$"#),
      ParserDefinition(name: "second", format: .regex, regex: #"^\+(?<x>\w+)$"#),
      ParserDefinition(name: "exc", format: .regex, regex: #"^(?<e>E.*)"#),
      ParserDefinition(name: "j", format: .json),
    ])
  }

  private func scan(_ options: KeyValuePairs<String, String>) throws -> ScanHarness {
    let config = InstanceConfig(kind: .input, plugin: "tail", options: options)
    let decoder = try MultilineDecoder.configured(
      config, LineSettings(), catalogue(), limitBytes: 1 << 20)
    return ScanHarness(try #require(decoder))
  }

  @Test("without such options lines are records")
  func none() throws {
    let config = InstanceConfig(
      kind: .input, plugin: "tail", options: ["path": "/x", "parser": "j"])
    #expect(
      try MultilineDecoder.configured(config, LineSettings(), catalogue(), limitBytes: 1) == nil)
    let decoding = try LineDecoding(config, catalogue(), multilineLimitBytes: 1)
    #expect(decoding.decoder is LineDecoder)
    #expect(decoding.stages.count == 1)
  }

  @Test("names of multiline parsers know no case; an unknown one is an error")
  func multiline() throws {
    #expect(
      try scan(["path": "/x", "multiline.parser": "Java, cri", "parser": "j"])
        .feed("{\"a\":1}\n") == ["log=\"{\"a\":1}\n\""])
    #expect(throws: ConfigProblem.self) {
      try scan(["path": "/x", "multiline.parser": "nobody"])
    }
  }

  @Test("a docker_mode_parser without an expression is refused where it stands")
  func dockerModeParserWithoutExpression() {
    let problem = #expect(throws: ConfigProblem.self) {
      try scan(["path": "/x", "docker_mode": "on", "docker_mode_parser": "j"])
    }
    #expect(problem?.key == "docker_mode_parser")
    #expect(problem?.message.contains("\"j\"") == true)
  }

  @Test("docker_mode joins docker's parts and keeps the fields of the last one")
  func dockerMode() throws {
    let harness = try scan(["path": "/x", "docker_mode": "on"])
    #expect(
      harness.feed(
        "{\"log\":\"a \",\"time\":\"1970-01-01T00:00:01.0Z\"}\n"
          + "{\"log\":\"b\\n\",\"time\":\"1970-01-01T00:00:02.0Z\",\"k\":1}\n")
        == ["log=\"a b\n\" time=\"1970-01-01T00:00:02.0Z\" k=1 @2000000000"])
  }

  @Test("docker_mode_parser goes on until a text that begins a record")
  func dockerModeParser() throws {
    let harness = try scan(
      ["path": "/x", "docker_mode": "on", "docker_mode_parser": "exc", "parser": "j"])
    #expect(
      harness.feed(
        "{\"log\":\"E1\\n\"}\n{\"log\":\" at \"}\n{\"log\":\"x\\n\"}\n{\"log\":\"E2\\n\"}\n")
        == ["log=\"E1\n at x\n\""])
    #expect(harness.feed("", flags: .flushOpen) == ["log=\"E2\n\""])
  }

  @Test("multiline on: the offset of a record is that of its first line")
  func firstLineOffset() throws {
    let config = InstanceConfig(
      kind: .input, plugin: "tail",
      options: ["path": "/x", "multiline": "on", "parser_firstline": "first"])
    let decoder = try MultilineDecoder.configured(
      config, LineSettings(offsetKey: "at"), catalogue(), limitBytes: 1 << 20)
    let harness = ScanHarness(try #require(decoder))
    #expect(harness.feed("1 a\n  b\n") == [])
    #expect(harness.feed("  c\n2 d\n") == ["n=\"1\" m=\"a\n  b\n  c\" at=0"])
    #expect(harness.feed("", flags: .streamEnd) == ["n=\"2\" m=\"d\" at=12"])
  }

  @Test("multiline on: first lines begin, further ones add fields or go on with the text")
  func firstLineMode() throws {
    let harness = try scan(
      ["path": "/x", "multiline": "on", "parser_firstline": "first", "parser_1": "second"])
    #expect(
      harness.feed("orphan\n1 a\n  b\n+c\nd\n2 e\n") == [
        "log=\"orphan\"", "n=\"1\" m=\"a\n  b\" x=\"c\nd\"",
      ])
    #expect(harness.feed("", flags: .streamEnd) == ["n=\"2\" m=\"e\""])
    #expect(throws: ConfigProblem.self) { try scan(["path": "/x", "multiline": "on"]) }
  }
}
