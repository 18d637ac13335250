import Glibc
import Testing

@testable import WeirConfig

/// Every conformance configuration is read; those that have to fail, fail, and no other does.
@Suite("Conformance configurations")
struct ConformanceTests {
  /// Where the recordings are: `WEIR_SHARED`, else `../shared`; nil when there are none.
  static let cases: [String] = {
    let shared = getenv("WEIR_SHARED").map { String(cString: $0) } ?? "../shared"
    let found = SystemConfigFiles().glob("\(shared)/conformance/cases/*/case.json")
    if found.isEmpty { print("skipped: no conformance cases under \(shared)") }
    return found.map { String($0.dropLast("/case.json".count)) }
  }()

  /// Areas whose plugins are in the option tables.
  static let covered = cases.filter { path in
    let name = path.split(separator: "/").last ?? ""
    return ["config-", "route-", "tail-", "parser-", "input-", "out-"].contains {
      name.hasPrefix($0)
    }
  }

  @Test("a configuration is accepted exactly when the reference starts with it", arguments: covered)
  func accepts(folder: String) {
    let files = SystemConfigFiles()
    let main = ["config.conf", "config.yaml"].map { "\(folder)/\($0)" }
      .first { files.identity($0) != nil }
    guard let main, let text = try? files.read("\(folder)/case.json").get() else {
      Issue.record("\(folder) is incomplete")
      return
    }
    let caseText = String(decoding: text, as: UTF8.self)
    var variables = ["CASE_DIR": folder, "OUT_DIR": "/tmp/out", "CASE_TAG": "case"]
    for line in caseText.split(separator: "\n") where line.contains("\"CF_") {
      let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
      if parts.count > 3 { variables[String(parts[1])] = String(parts[3]) }
    }
    let loader = ConfigLoader(
      formats: ConfigFormatRegistry([YAMLForTests()]),
      environment: Environment(process: variables))
    var loaded = loader.load(file: main)
    var problems = loaded.problems
    problems.add(ConfigValidator().validate(&loaded.configuration))
    // An expression that does not compile is found by the stage that compiles it.
    let isOthers = folder.hasSuffix("config-fail-bad-regex")
    let shouldFail = caseText.contains("\"exit\": \"fail\"") && !isOthers
    #expect(problems.hasErrors == shouldFail, "\(problems.text)")
    for problem in problems.errors { #expect(problem.location != nil, "\(problem)") }
  }
}
