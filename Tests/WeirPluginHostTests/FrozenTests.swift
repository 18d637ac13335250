import CWeirPlugin
import Glibc
import Testing
import WeirBatch
import WeirConfig
import WeirPipeline
import WeirStage
import WeirTestSupport

@testable import WeirPluginHost

/// Plugins that were compiled when version 1.0 of the ABI was fixed, run by today's host.
@Suite("plugins frozen at version 1.0")
struct FrozenTests {
  static let sources = Build.fixtures + "/FrozenV1"

  #if arch(x86_64)
    static let binaries: String? = sources + "/x86-64"
  #else
    static let binaries: String? = nil
  #endif

  static let isBuilt = binaries != nil

  /// The frozen binaries where there are some for this machine, and today's build of the sources.
  static func files(_ name: String, _ folder: TemporaryFolder) throws -> [String] {
    var files: [String] = []
    if let binaries {
      // Loaded as a copy: what a checkout's umask left open must not matter here.
      let copy = "\(folder.path)/\(name)-frozen.so"
      try #require(shell("cp '\(binaries)/\(name).so' '\(copy)' && chmod 755 '\(copy)'") != nil)
      files.append(copy)
    }
    // A table that has grown since is shorter in these sources: the rest is zero.
    files.append(
      try folder.compile(
        file: "\(sources)/\(name).c", as: name, flags: "-Wno-missing-field-initializers"))
    return files
  }

  @Test("the filter drops, changes and adds")
  func filter() throws {
    let folder = TemporaryFolder()
    for file in try Self.files("frozen_filter", folder) {
      let filter = try Stage.filter(file, "frozen_filter")
      let check = CheckBatch()
      check.add([check.text("log", "hello")])
      check.add([check.text("log", "gone"), check.text("drop", "1")])
      let counters = filter.run(check)
      let lines = BatchText.render(check.batch)
      #expect(lines[0].hasSuffix(" log=\"HELLO\" frozen=i1"))
      #expect(lines[1] == "dropped")
      #expect(counters.errors.count == 0)
      #expect(filter.metric("frozen_records_total") == 2)
      #expect(filter.instance.context.violationNotes == [])
    }
  }

  @Test("the codec makes members and reads them")
  func codec() throws {
    let folder = TemporaryFolder()
    for file in try Self.files("frozen_codec", folder) {
      let codec = try Stage.host(file).codec("frozen_codec").open(options: [])
      for count in [0, 1, 5000] {
        let bytes = sampleBytes(count, isRandom: true, seed: 7)
        let made = try GzipTests.deflate(codec, bytes, piece: 100, seed: 1)
        #expect(made.count == 2 * count + 1 && codec.bound(count) == made.count)
        let read = GzipTests.inflate(codec, made, piece: 33, seed: 2)
        #expect(read.bytes == bytes && read.isComplete)
      }
    }
  }

  @Test("the input feeds a pipeline, and the output is retried, asked again and acknowledged")
  func inputAndOutput() throws {
    let folder = TemporaryFolder()
    let inputs = try Self.files("frozen_input", folder)
    let outputs = try Self.files("frozen_output", folder)
    for (number, pair) in zip(inputs, outputs).enumerated() {
      let host = try Stage.host(pair.0, pair.1)
      let out = "\(folder.path)/out\(number)"
      let input = try #require(
        try host.input(
          Stage.config(.input, "frozen_input", [("count", "50"), ("tag", "frozen")]),
          decoder: LineByLine()))
      let output = try #require(
        try host.output(Stage.config(.output, "frozen_output", [("path", out)])))
      var settings = PipelineSettings()
      settings.flushSeconds = 0.05
      let pipeline = Pipeline(
        PipelineGraph(
          inputs: [.init(name: "frozen_input.0", input: input)],
          outputs: [
            .init(
              name: "frozen_output.0", output: output,
              rule: MatchRule(pattern: "frozen", regex: nil))
          ]), settings)
      try pipeline.start()
      let counters = pipeline.telemetry.all.filter { $0.kind == .output }
      for _ in 0..<1000 where (counters.first?.records.count ?? 0) < 50 { usleep(10_000) }
      pipeline.stop("the test is over")
      pipeline.wait()
      let lines = (contents(out) ?? "").split(separator: "\n").map(String.init)
      #expect(lines == (0..<50).map { "frozen \($0)" })
      #expect((input as? PluginInput)?.instance.context.violationNotes == [])
      #expect((output as? PluginOutput)?.instance.context.violationNotes == [])
      #expect(pipeline.ledger.openCount == 0)
    }
  }

  @Test("every one of them keeps the contract")
  func contract() throws {
    let folder = TemporaryFolder()
    for name in ["frozen_filter", "frozen_codec", "frozen_input", "frozen_output"] {
      for file in try Self.files(name, folder) {
        let report = ContractCheck.run(
          file: file, options: [("path", "\(folder.path)/checked"), ("count", "500")])
        #expect(report.isClean, "\(report.text)")
        #expect(report.stepCount > 3)
      }
    }
  }
}
