import Testing
import WeirBatch
import WeirConfig
import WeirStage

@testable import WeirParsers

@Suite("Lines") struct LineDecoderTests {
  private func harness(_ settings: LineSettings = LineSettings()) -> ScanHarness {
    ScanHarness(LineDecoder(settings))
  }

  @Test("one carriage return before the feed goes, leading NULs go, empty lines stay")
  func ends() {
    #expect(
      harness().feed("one\r\ntwo\r\r\n\r\nth\rree\r\n\n\0\0nul\nlast\n") == [
        "log=\"one\"", "log=\"two\r\"", "log=\"\r\"", "log=\"th\rree\"", "log=\"\"",
        "log=\"nul\"", "log=\"last\"",
      ])
  }

  @Test("empty lines are left out and counted when told so")
  func emptyLines() {
    let lines = harness(LineSettings(skipsEmptyLines: true))
    #expect(lines.feed("a\n\n   \n\r\nb\n") == ["log=\"a\"", "log=\"   \"", "log=\"b\""])
    #expect(lines.counters.dropped(.emptyLine) == 2)
    #expect(lines.counters.lines.count == 5)
  }

  @Test("path and offset go in front of the text, offsets count from the generation's start")
  func extras() {
    let lines = harness(LineSettings(key: "m", pathKey: "p", offsetKey: "o"))
    #expect(
      lines.feed("ab\ncd\n") == ["p=\"/x/a.log\" o=0 m=\"ab\"", "p=\"/x/a.log\" o=3 m=\"cd\""])
    #expect(lines.feed("e\n") == ["p=\"/x/a.log\" o=6 m=\"e\""])
  }

  @Test("a full batch ends before a line, and the next one goes on with it")
  func fullBatch() {
    let lines = harness()
    lines.recordsMax = 2
    #expect(lines.feed("a\nb\nc\nd\ne\n").count == 5)
    #expect(lines.batches == 3)
    #expect(lines.counters.lines.count == 5)
  }

  @Test("an unfinished last line is a line when it will never end")
  func unfinished() {
    #expect(harness().feed("a\nrest", flags: .unfinished) == ["log=\"a\"", "log=\"rest\""])
  }

  @Test("more lines than one block of line feeds")
  func manyLines() {
    let text = (0..<5_000).map { "line \($0)\n" }.joined()
    let lines = harness()
    lines.recordsMax = 8_000
    let records = lines.feed(text)
    #expect(records.count == 5_000)
    #expect(records.last == "log=\"line 4999\"")
  }
}
