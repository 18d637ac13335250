import Testing
import WeirConfig

@testable import WeirParsers

@Suite("Parsers that cannot be used") struct ParserCatalogueTests {
  private func problems(
    _ parsers: [ParserDefinition], multiline: [MultilineParserDefinition] = []
  ) -> [String] {
    do {
      _ = try ParserCatalogue(parsers, multiline: multiline)
      return []
    } catch {
      return error.description.split(separator: "\n").map(String.init)
    }
  }

  private func definition(
    _ name: String, line: Int, regex: String = "(?<a>.*)",
    _ change: (inout ParserDefinition) -> Void = { _ in }
  ) -> ParserDefinition {
    var definition = ParserDefinition(
      name: name, format: .regex, regex: regex,
      location: SourceLocation(file: "p.conf", line: line, column: 1))
    change(&definition)
    return definition
  }

  @Test("one start names all of them, each with file, line, parser and option")
  func all() throws {
    let found = problems([
      definition("open", line: 1, regex: "("), definition("good", line: 5),
      definition("format", line: 9) { $0.timeFormat = "%Q" },
      definition("zone", line: 13) {
        $0.timeFormat = "%T"
        $0.timeZone = "Nowhere/City"
      },
      definition("formatless", line: 17) { $0.timeZone = "Europe/Zurich" },
    ])
    try #require(found.count == 4, "\(found)")
    #expect(found[0].hasPrefix("p.conf:1:1: error: regex: parser 'open': regular expression '('"))
    #expect(found[1].hasPrefix("p.conf:9:1: error: time_format: parser 'format': "))
    #expect(found[2].hasPrefix("p.conf:13:1: error: time_zone: parser 'zone': "))
    #expect(found[3] == "p.conf:17:1: error: parser 'formatless': 'time_zone' needs 'time_format'")
  }

  private func multiline(
    parser: String? = nil, _ regexes: String..., next: String = "start_state"
  ) -> MultilineParserDefinition {
    var definition = MultilineParserDefinition(
      name: "Own", kind: .regex, location: SourceLocation(file: "m.yaml", line: 2, column: 3))
    definition.parser = parser
    for (index, regex) in regexes.enumerated() {
      definition.rules.append(
        .init(
          fromStates: ["start_state"], regex: regex, toState: next,
          location: SourceLocation(file: "m.yaml", line: 10 + index, column: 7)))
    }
    return definition
  }

  @Test("rules of a multiline parser are named where they stand, used or not")
  func rules() throws {
    let found = problems([], multiline: [multiline("/(/", "/ok/", "/[/")])
    try #require(found.count == 2, "\(found)")
    #expect(found[0].hasPrefix("m.yaml:10:7: error: rule: parser 'Own': regular expression"))
    #expect(found[1].hasPrefix("m.yaml:12:7: error: rule: parser 'Own': regular expression"))
    #expect(
      problems([], multiline: [multiline("/x/", next: "nowhere")]).first?.hasPrefix(
        "m.yaml:2:3: error: parser 'Own': ") == true)
  }

  @Test("a multiline parser is not blamed for the parser that it names")
  func unusableLineParser() {
    let broken = definition("line", line: 1, regex: "(")
    #expect(problems([broken], multiline: [multiline(parser: "line", "/x/")]).count == 1)
    #expect(problems([], multiline: [multiline(parser: "nobody", "/x/")]).count == 1)
    #expect(problems([], multiline: [multiline(parser: "json", "/x/")]) == [])
  }
}
