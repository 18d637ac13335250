import CWeirKernels
import CWeirPlugin
import Glibc
import Testing
import WeirBatch
import WeirParsers
import WeirStage

@testable import WeirConfig
@testable import WeirFilters

/// The recorded cases about filters and processors, replayed without an engine: the records of the
/// inputs, through the input's processors, the filters and each output's processors.
@Suite("recorded filter cases")
struct FilterConformanceTests {
  /// Where the recordings are: `WEIR_SHARED`, else `../shared`; nil when there are none.
  static let cases: [String] = {
    let shared = getenv("WEIR_SHARED").map { String(cString: $0) } ?? "../shared"
    let wanted = [
      "filter-grep-", "filter-modify-", "filter-record-modifier", "filter-parser-",
      "config-yaml-processors-",
    ]
    let files = SystemConfigFiles()
    let found = wanted.flatMap { files.glob("\(shared)/conformance/cases/\($0)*/case.json") }
    if found.isEmpty { print("skipped: no conformance cases under \(shared)") }
    return found.map { String($0.dropLast("/case.json".count)) }
  }()

  private struct Outcome: Equatable {
    var tag: String
    var file: String?
    var time: String
    var record: [String: String]
  }

  @Test("gives the recorded records", arguments: cases)
  func replays(folder: String) throws {
    let files = SystemConfigFiles()
    let main = try #require(
      ["config.conf", "config.yaml"].map { "\(folder)/\($0)" }
        .first { files.identity($0) != nil })
    let loader = ConfigLoader(
      formats: ConfigFormatRegistry([YAMLForTests()]),
      environment: Environment(process: ["CASE_DIR": folder, "OUT_DIR": "/tmp"]))
    var loaded = loader.load(file: main)
    let problems = ConfigValidator().validate(&loaded.configuration)
    #expect(!problems.hasErrors && !loaded.problems.hasErrors)
    let configuration = loaded.configuration
    let context = FilterBuildContext(parsers: try ParserCatalogue(configuration.parsers))
    var actual: [Outcome] = []
    for output in configuration.outputs {
      for input in configuration.inputs {
        actual += try run(input, output, configuration, context, files)
      }
    }
    let expected = try recorded("\(folder)/expected.jsonl", files)
    let comparable = zip(actual, expected).map { actual, expected in
      var outcome = actual
      if expected.file == nil { outcome.file = nil }
      if expected.time == "now" { outcome.time = "now" }
      return outcome
    }
    #expect(actual.count == expected.count)
    #expect(comparable == expected)
  }

  private func run(
    _ input: InstanceConfig, _ output: InstanceConfig, _ configuration: Configuration,
    _ context: FilterBuildContext, _ files: SystemConfigFiles
  ) throws -> [Outcome] {
    let tag = input.tag ?? input.instanceName
    let records = TestRecords(tag: tag)
    let parser = try #require(context.parsers?.parser(named: input.text("parser") ?? "")).openLane()
    for path in files.glob(input.text("path") ?? "").sorted() {
      let text = String(decoding: try files.read(path).get(), as: UTF8.self)
      for line in text.split(separator: "\n") { try add(String(line), records, parser) }
    }
    for processor in input.processors {
      records.run(try BuiltinFilters.makeProcessor(processor, context))
    }
    for filter in configuration.filters where filter.match == "*" || filter.match == tag {
      records.run(try BuiltinFilters.make(filter, context))
    }
    for processor in output.processors {
      records.run(try BuiltinFilters.makeProcessor(processor, context))
    }
    return (0..<records.batch.recordCount).filter { !records.isDropped($0) }.map { index in
      let time = records.batch.records[index].time_ns
      let nanoseconds = String(time % 1_000_000_000)
      let padding = String(repeating: "0", count: 9 - nanoseconds.count)
      return Outcome(
        tag: tag, file: output.text("file"),
        time: "\(time / 1_000_000_000).\(padding)\(nanoseconds)", record: records.object(index))
    }
  }

  /// Adds a line as its parser makes it.
  private func add(_ line: String, _ records: TestRecords, _ parser: ParserLane) throws {
    let record = records.addText(line, under: "log")
    let field = records.batch.fields(of: record)[0]
    switch parser.parse(records.batch, field, now: 0) {
    case .failed: Issue.record("the input's parser refused \(line)")
    case .fields: break
    case .timed(let time): record.pointee.time_ns = time
    }
    #expect(records.batch.replaceField(at: 0, of: record, with: parser.fields))
  }

  private func recorded(_ path: String, _ files: SystemConfigFiles) throws -> [Outcome] {
    let text = String(decoding: try files.read(path).get(), as: UTF8.self)
    // Other tests of the process fill the key table: `raw` finds only a key known before the batch.
    _ = KeyTable.shared.intern("record")
    return text.split(separator: "\n").map { line in
      let whole = TestRecords([String(line)])
      let members = Dictionary(whole.entries(0).map { ($0.key, $0.value) }) { $1 }
      func plain(_ key: String) -> String? {
        members[key].map { String($0.dropFirst().dropLast()) }
      }
      let record = TestRecords([whole.raw("record")])
      return Outcome(
        tag: plain("tag") ?? "", file: plain("file"), time: plain("time") ?? "",
        record: record.object(0))
    }
  }
}
