import CWeirPlugin
import Glibc
import Testing
import WeirBatch
import WeirTestSupport

@testable import WeirPluginHost

/// What docs/ABI.md promises to authors.
@Suite("docs/ABI.md", .enabled(if: Build.has("cc"), "no C compiler"))
struct DocsTests {
  let folder = TemporaryFolder()

  @Test("its example compiles, keeps the contract and does what it says")
  func example() throws {
    let page = try #require(contents(Build.root + "/docs/ABI.md"))
    let block = try #require(
      page.split(separator: "```c\n", maxSplits: 1).last?.split(separator: "```\n").first)
    let file = try folder.compile("quiet", String(block))
    let report = ContractCheck.run(file: file)
    #expect(report.isClean, "\(report.text)")
    let filter = try Stage.filter(file, "quiet")
    let check = CheckBatch()
    check.add([check.text("level", "debug")])
    check.add([check.text("level", "debugger")])
    check.add([check.text("log", "debug")])
    filter.run(check)
    #expect(BatchText.render(check.batch).map { $0 == "dropped" } == [true, false, false])
  }

  @Test("its schema is one that the host takes")
  func schema() throws {
    let page = try #require(contents(Build.root + "/docs/ABI.md"))
    let block = try #require(
      page.split(separator: "```json\n", maxSplits: 1).last?.split(separator: "```\n").first)
    #expect(try OptionsSchema(json: String(block)).options.count == 9)
  }

  private func measure(_ options: [(String, String)]) throws -> PluginFilter {
    let file = try folder.compile(
      file: Build.fixtures + "/FromDocs/measure.c", as: "measure", flags: "-pedantic")
    return try Stage.filter(file, "measure", options)
  }

  @Test("a filter written from it alone works")
  func fromDocs() throws {
    let filter = try measure([("rest", "message"), ("limit", "20")])
    let check = CheckBatch()
    check.add([check.text("log", "GET /index.html"), check.text("stream", "stdout")])
    check.add([check.text("log", "word")])
    check.add([check.text("log", "far too long for the limit")])
    check.add([check.text("other", "x")])
    let counters = filter.run(check)
    let lines = BatchText.render(check.batch).map {
      $0.split(separator: " ", maxSplits: 2).last.map(String.init) ?? ""
    }
    #expect(
      lines[0] == "log=\"GET /index.html\" stream=\"stdout\" message=\"/index.html\" length=u15")
    #expect(lines[1] == "log=\"word\" length=u4")
    #expect(lines[2] == "dropped")
    #expect(lines[3] == "other=\"x\"")
    #expect(filter.metric("too_long_total") == 1)
    #expect(counters.errors.count == 0 && filter.instance.context.violationCount == 0)
    let report = ContractCheck.run(
      file: "\(folder.path)/measure.so", options: [("rest", "message")])
    #expect(report.isClean, "\(report.text)")
  }

  @Test("its options are refused at their place, by the host and by itself")
  func options() throws {
    for (options, words) in [
      ([("limit", "0")], "test.conf:2:5: error: limit: \"0\" is not accepted"),
      ([("of", "log"), ("as", "log")], "test.conf:3:5: measure.0: as: it has to be another key"),
    ] {
      do {
        _ = try measure(options)
        Issue.record("\(options) passed")
      } catch {
        #expect("\(error)".contains(words), "\(error)")
      }
    }
  }
}
