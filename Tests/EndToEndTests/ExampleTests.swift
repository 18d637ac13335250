import Glibc
import Testing

extension EndToEnd {
  @Suite("the examples that ship")
  struct Examples {
    /// Every configuration in config/ and Benchmarks/pipelines, without the parsers files.
    static let files: [String] = ["config", "Benchmarks/pipelines"].flatMap { folder in
      Files.names(in: "\(Settings.root)/\(folder)")
        .filter { ($0.hasSuffix(".yaml") || $0.hasSuffix(".conf")) && !$0.contains("parsers") }
        .map { "\(folder)/\($0)" }
    }

    @Test(
      "each loads without a complaint",
      .enabled(if: Settings.runsEngine, .init(rawValue: Settings.engineMissing)),
      arguments: Examples.files)
    func loads(file: String) {
      let scratch = Scratch("example")
      let places =
        "LOG_ROOT='\(scratch.path)' CORPUS='\(scratch.path)/c.log' "
        + "OUT_DIR='\(scratch.path)'"
      let told = scratch / "told.txt"
      let status = system(
        "\(places) '\(Settings.executable)' check '\(Settings.root)/\(file)' >'\(told)' 2>&1")
      #expect(status == 0, "\(Files.text(told))")
    }
  }
}
