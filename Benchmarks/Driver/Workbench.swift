import Glibc

/// The folder that a run works in: corpora, the floor program, outputs.
struct Workbench {
  let scratch: String
  /// The folder of this program's sources, which hold the pipelines and the floor.
  let sources: String
  /// The folder of this program, with the corpus generator beside it.
  let programs: String
  let seed: Int

  /// Makes the scratch folder; the sources are found from where they were compiled.
  init(scratch: String, programs: String, seed: Int) throws(BenchError) {
    var parts = #filePath.split(separator: "/")
    parts.removeLast(2)
    sources = "/" + parts.joined(separator: "/")
    self.programs = programs
    self.seed = seed
    var folder = ""
    for part in scratch.split(separator: "/") {
      folder += "/" + part
      guard mkdir(folder, 0o755) == 0 || errno == EEXIST else { throw .system(folder, errno) }
    }
    self.scratch = folder
  }

  func pipeline(_ name: String) -> String { "\(sources)/pipelines/\(name)" }

  /// The path of a corpus, which is generated unless an earlier run has left it.
  func corpus(_ kind: String, sizeMiB: Int) throws(BenchError) -> String {
    let path = "\(scratch)/\(kind)-\(sizeMiB)-\(seed).log"
    if let size = FileText.size(path), size >= sizeMiB << 20 { return path }
    let generator = Child(
      executable: "\(programs)/weir-corpus",
      arguments: [
        "--kind", kind, "--size", "\(sizeMiB)M", "--seed", "\(seed)", "--out", path + ".new",
      ],
      folder: scratch)
    try check(generator)
    guard rename(path + ".new", path) == 0 else { throw .system(path, errno) }
    return path
  }

  /// Compiles our floor, with ISA-L where its header is there.
  func buildFloor() throws(BenchError) -> String {
    let path = "\(scratch)/floor"
    let base = ["-O3", "-march=native", "-o", path, "\(sources)/floor/floor.c"]
    for compiler in ["cc", "clang", "gcc"] {
      for extra in [["-lisal"], ["-DFLOOR_WITHOUT_ISAL"]] {
        let build = Child(
          executable: compiler, arguments: base + extra, folder: scratch, errorName: "cc.txt")
        if let usage = try? build.run(), usage.status == 0 { return path }
      }
    }
    throw .failed("the C compiler", status: 1, log: "\(scratch)/cc.txt")
  }

  /// An empty folder for one run of the engine.
  func freshFolder() throws(BenchError) -> String {
    let folder = "\(scratch)/run"
    let remove = Child(executable: "rm", arguments: ["-rf", folder], folder: scratch)
    try check(remove)
    guard mkdir(folder, 0o755) == 0 else { throw .system(folder, errno) }
    return folder
  }

  @discardableResult
  func check(_ child: Child) throws(BenchError) -> Usage {
    let usage = try child.run()
    guard usage.status == 0 else {
      throw .failed(
        child.executable, status: usage.status, log: "\(child.folder)/\(child.errorName)")
    }
    return usage
  }
}
