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
    func loads(file: String) throws {
      let scratch = Scratch("example")
      let parts = file.split(separator: "/")
      let folder = "\(Settings.root)/" + parts.dropLast().joined(separator: "/")
      // A node's own folders are not there on every machine: the copy names others.
      var text = Files.text("\(Settings.root)/\(file)")[...]
      var moved = ""
      while let end = text.firstRange("/var/lib/weir") {
        moved += text[..<end].dropLast("/var/lib/weir".count) + scratch.path
        text = text[end...]
      }
      let copy = scratch / String(parts.last ?? "")
      #expect(Files.write(moved + text, to: copy))
      let places =
        "LOG_ROOT='\(scratch.path)' CORPUS='\(scratch.path)/c.log' OUT_DIR='\(scratch.path)' "
        + "SINK_PORT=9200"
      let told = scratch / "told.txt"
      let status = system(
        "cd '\(folder)' && \(places) '\(Settings.executable)' check '\(copy)' >'\(told)' 2>&1")
      #expect(status == 0, "\(Files.text(told))")
    }
  }
}
