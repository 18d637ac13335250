import Glibc
import Testing
import WeirTestSupport

@testable import WeirPluginHost

/// `weir plugin` and plugins in a running Weir, through the executable of this build.
@Suite("the command", .enabled(if: Build.hasExecutable, "the executable is not built"))
struct CommandTests {
  let folder = TemporaryFolder()

  /// What a command line prints on both channels, and its status.
  private func run(_ arguments: String) -> (text: String, status: Int) {
    let out = folder.path + "/out"
    let text = shell(
      "{ '\(Build.executable)' \(arguments); echo \"status $?\"; } > '\(out)' 2>&1; cat '\(out)'")
    let lines = (text ?? "").split(separator: "\n", omittingEmptySubsequences: false)
    let status = lines.last { $0.hasPrefix("status ") }?.dropFirst(7)
    return (text ?? "", Int(status ?? "") ?? -1)
  }

  @Test("inspect shows what a plugin says about itself")
  func inspect() {
    let result = run("plugin inspect '\(Build.plugin("WeirGzip"))'")
    #expect(result.status == 0)
    #expect(result.text.contains("gzip 1.0.0") && result.text.contains("codec gzip"))
    #expect(result.text.contains("a whole number from 0 to 9; default 1"))
    #expect(run("plugin inspect /nonexistent").status == 1)
    #expect(run("plugin").status == 2)
    #expect(run("plugin check").status == 2)
  }

  @Test("list names what is built in, and where the rest comes from")
  func list() {
    let result = run("plugin list")
    #expect(result.text.contains("built in") && result.text.contains("plugin folder: "))
  }

  @Test("check tells good from bad, and survives a plugin that crashes")
  func check() throws {
    #expect(run("plugin check '\(Build.plugin("WeirSampleRedact"))'").status == 0)
    let bad = try folder.compile(
      file: Build.fixtures + "/Misbehaving/misbehave.c", as: "misbehave")
    let result = run("plugin check '\(bad)' -p mode=early")
    #expect(result.status == 1 && result.text.contains("not ok"))
    let crash = try folder.compile(
      "crash",
      """
      #include <stdlib.h>
      #define calloc(a, b) (abort(), calloc(a, b))
      #include "\(Build.fixtures)/Misbehaving/misbehave.c"
      """)
    let crashed = run("plugin check '\(crash)'")
    #expect(crashed.status == 1)
    #expect(crashed.text.contains("the plugin crashed: Aborted"), "\(crashed.text)")
  }

  @Test("a pipeline runs an input, a filter and an output of plugins, and takes them down")
  func pipeline() throws {
    let files = try ["frozen_input", "frozen_output"].map {
      try folder.compile(
        file: "\(FrozenTests.sources)/\($0).c", as: $0,
        flags: "-Wno-missing-field-initializers")
    }
    // The frozen filter, with a destroy that says so.
    let source = try #require(
      shell(
        "sed -e 's/free(instance);/fputs(\"destroyed\\\\n\", stderr); free(instance);/' "
          + "-e '1i #include <stdio.h>' '\(FrozenTests.sources)/frozen_filter.c'"))
    let loud = try folder.compile("loud", source)
    let out = folder.path + "/lines"
    let parsers = folder.write(
      "parsers.conf", "[PARSER]\n    Name two\n    Format regex\n    Regex ^(?<log>\\w+ \\d+)$\n")
    let result = run(
      "-e \(files[0]) -e \(files[1]) -e \(loud) -R \(parsers) -v "
        + "-i frozen_input -p count=20 -p parser=two -F frozen_filter -m '*' "
        + "-o frozen_output -p path=\(out) -m '*' & sleep 3; kill -TERM $!; wait $!")
    let lines = (contents(out) ?? "").split(separator: "\n").map(String.init)
    #expect(lines == (0..<20).map { "FROZEN \($0)" }, "\(result.text)")
    #expect(result.text.contains("plugin frozen_filter.0: frozen_records_total=20"))
    #expect(result.text.contains("destroyed"), "\(result.text)")
  }

  /// `weir check` of outputs es, each with these lines.
  private func check(_ outputs: [String]) -> (text: String, status: Int) {
    let file = folder.write(
      "check.conf",
      "[SERVICE]\n    storage.path \(folder.path)/storage\n[INPUT]\n    name dummy\n"
        + outputs.map { "[OUTPUT]\n    name es\n    match *\n\($0)" }.joined())
    return run("check -e '\(Build.plugin("WeirElasticsearch"))' '\(file)'")
  }

  @Test("the check names what is wrong with every output, and ends in its verdict")
  func checkGoesOn() {
    let result = check([
      "    host h/x\n", "    tls on\n    tls.ca_file /etc\n", "    host fine\n",
      "    id_key $a[\n", "    retry_limit 0\n    aws_region eu\n",
    ])
    #expect(result.status == 1)
    for words in [
      "check.conf:8:10: error: host: ", "check.conf:13:17: error: tls.ca_file: cannot read /etc: ",
      "id_key", "check.conf:25:17: warning: retry_limit: 0 counts as 1",
      "es.4 aws_region: it belongs to aws_auth", "not ok: 3 error(s), ",
    ] { #expect(result.text.contains(words), "\(words): \(result.text)") }
  }

  @Test(
    "what is wrong with a server of an upstream stands where it is written",
    arguments: [
      ("    tls on\n    tls.ca_file /nowhere.pem\n", "up.conf:7:17: error: tls.ca_file: "),
      ("    net.connect_timeout abc\n", "up.conf:6:25: error: net.connect_timeout: "),
      ("    tls maybe\n", "up.conf:6:9: error: tls: "),
    ])
  func checkUpstream(lines: String, words: String) {
    let file = folder.write(
      "up.conf",
      "[UPSTREAM]\n    name u\n[NODE]\n    name a\n    host h\n\(lines)    port 1\n")
    let result = check(["    upstream \(file)\n"])
    #expect(result.status == 1 && result.text.contains(words), "\(result.text)")
  }

  @Test("a server of an upstream whose host is none is an error of its own file")
  func checkUpstreamHost() {
    let file = folder.write(
      "up.conf", "[UPSTREAM]\n    name u\n[NODE]\n    name a\n    host h/x\n    port 1\n")
    let result = check(["    upstream \(file)\n"])
    #expect(result.status == 1 && result.text.contains("up.conf:3:"), "\(result.text)")
    #expect(result.text.contains("error: host: \"h/x\" is no name"), "\(result.text)")
  }

  @Test("two outputs that would keep their files in one folder are refused, with both places")
  func checkTwins() {
    let result = check(["    alias twin\n", "    alias twin\n", "    alias other\n"])
    #expect(result.status == 1)
    #expect(
      result.text.contains("check.conf:12:11: error: alias: another output of the name twin at ")
        && result.text.contains("check.conf:8:11 keeps its files in \(folder.path)/storage/"),
      "\(result.text)")
    #expect(check(["    alias one\n", "    alias two\n"]).status == 0)
  }

  @Test(
    "a replay for an output that is not there names those that are",
    .enabled(
      if: access("\(Build.folder)/plugins/elasticsearch.so", R_OK) == 0,
      "no elasticsearch.so beside the executable: run scripts/stage-plugins debug"))
  func replayNobody() {
    _ = check(["    alias one\n"])
    let result = run("dlq replay -c '\(folder.path)/check.conf' --output nope")
    #expect(result.status == 1)
    #expect(result.text.contains("there is no output nope; it has one"), "\(result.text)")
  }
}
