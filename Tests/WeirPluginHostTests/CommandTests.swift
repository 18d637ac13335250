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
}
