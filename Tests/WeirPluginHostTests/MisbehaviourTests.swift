import CWeirPlugin
import Testing
import WeirBatch
import WeirTelemetry
import WeirTestSupport

@testable import WeirPluginHost

/// Plugins that break the contract: counted, told, survived.
@Suite("plugins that misbehave")
struct MisbehaviourTests {
  let folder = TemporaryFolder()
  let file: String

  init() throws {
    file = try folder.compile(
      file: Build.fixtures + "/Misbehaving/misbehave.c", as: "misbehave")
  }

  private func filter(_ mode: String) throws -> PluginFilter {
    try Stage.filter(file, "misbehave", [("mode", mode)])
  }

  private func sample() -> CheckBatch {
    let check = CheckBatch()
    for i in 0..<3 { check.add([check.text("log", "line \(i)")]) }
    return check
  }

  @Test("a refusal of create names file, line, option and reason on one line")
  func create() throws {
    do {
      _ = try filter("create")
      Issue.record("create was not refused")
    } catch {
      #expect("\(error)" == "test.conf:2:5: misbehave.0: mode: no way here")
    }
  }

  @Test("a refusal of prepare takes the instance down")
  func prepare() throws {
    do {
      _ = try filter("prepare")
      Issue.record("prepare was not refused")
    } catch {
      #expect("\(error)" == "misbehave.0: reading or writing failed")
    }
  }

  @Test("records of a lane that cannot be opened go on, counted as errors")
  func lane() throws {
    let check = sample()
    let before = BatchText.render(check.batch)
    let counters = try filter("lane").run(check)
    #expect(BatchText.render(check.batch) == before)
    #expect(counters.errors.count == 3)
  }

  @Test("out of room, what is left is dropped and counted; failing, it goes on and is counted")
  func outcomes() throws {
    let full = sample()
    let onFull = try filter("nospace").run(full)
    #expect(BatchText.render(full.batch).map { $0 == "dropped" } == [false, true, true])
    #expect(onFull.errors.count == 2)
    let bad = sample()
    let before = BatchText.render(bad.batch)
    let onBad = try filter("fail").run(bad)
    #expect(BatchText.render(bad.batch) == before)
    #expect(onBad.errors.count == 2)
  }

  @Test(
    "calls at the wrong time or with the wrong batch are refused and counted",
    arguments: [
      ("metric", "metric_define outside of create"), ("intern", "key_intern outside of create"),
      ("commit", "scratch_commit of more"), ("foreign", "outside of the batch's segments"),
      ("keep", "scratch_reserve with a batch that this call does not have"),
      ("early", "a cursor before the end"),
    ])
  func misuse(mode: String, note: String) throws {
    let filter = try filter(mode)
    // Two batches in two places: a kept pointer is that of the other one.
    let checks = [sample(), sample()]
    for check in checks { filter.run(check) }
    #expect(filter.instance.context.violationNotes.contains { $0.contains(note) })
    #expect(filter.instance.context.violationCount > 0)
    #expect(checks.allSatisfy { BatchText.render($0.batch).count == 3 })
  }

  @Test(
    "damaged records are dropped, damaged tables put back",
    arguments: ["fields", "slice", "tag", "table", "count", "cycle"])
  func damage(mode: String) throws {
    let filter = try filter(mode)
    let check = sample()
    let counters = filter.run(check)
    let lines = BatchText.render(check.batch)
    #expect(lines.count == 3)
    #expect(BatchCheck.problems(check.batch.raw.pointee) == [])
    #expect(counters.errors.count > 0)
    #expect(lines[1].contains("line 1") && lines[2].contains("line 2"))
    #expect(filter.instance.context.violationCount == 1)
  }

  @Test(
    "the check finds what is wrong",
    arguments: [
      ("early", "a cursor before the end"), ("raw", "writes into the raw segment"),
      ("slice", "points outside of the batch"), ("table", "not the host's"),
      ("drain", "drain"), ("leak", "is not freed"),
      ("fail", "it is bad"), ("nospace", "no room even in a whole batch"),
      ("metric", "metric_define outside of create"),
    ])
  func check(mode: String, words: String) {
    let report = ContractCheck.run(file: file, options: [("mode", mode)])
    #expect(!report.isClean)
    #expect(report.text.contains(words), "\(report.text)")
  }

  @Test("the check finds nothing wrong with a plugin that behaves")
  func clean() {
    let report = ContractCheck.run(file: file)
    #expect(report.isClean, "\(report.text)")
  }

  @Test("the check finds symbols that a plugin should hide")
  func symbols() throws {
    let open = try folder.compile(
      "open", "int more; \n#include \"\(Build.fixtures)/Misbehaving/misbehave.c\"\n",
      flags: "-fvisibility=default")
    let report = ContractCheck.run(file: open)
    #expect(report.text.contains("1 more symbol(s)") && report.text.contains("more;"))
  }
}
