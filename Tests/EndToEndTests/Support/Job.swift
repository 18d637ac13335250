import Glibc
import Testing

/// The main job of the tests: a node's containers to a file of JSON lines.
struct Job {
  let scratch: Scratch
  let tree: NodeTree

  init(_ name: String) {
    scratch = Scratch(name)
    tree = NodeTree(scratch / "node")
    Files.makeFolder(scratch / "state")
    Files.makeFolder(scratch / "out")
  }

  func output(_ name: String = "out.jsonl") -> String { scratch / "out/\(name)" }

  /// Tail with CRI lines joined, everything to `output(name)`.
  func configuration(
    output name: String = "out.jsonl", tail extra: [String] = [], service: [String] = []
  ) -> String {
    section("SERVICE", ["flush 0.2", "grace 10"] + service)
      + section("INPUT", tail(path: "\(tree.containers)/*.log", tag: "kube.*") + extra)
      + section("OUTPUT", file(name, match: "*"))
  }

  /// The options of a tail over container logs, with a database of its own.
  func tail(path: String, tag: String, database: String = "tail.db") -> [String] {
    [
      "name tail", "path \(path)", "tag \(tag)", "multiline.parser cri",
      "db \(scratch / "state")/\(database)", "read_from_head on",
    ]
  }

  func file(_ name: String, match: String) -> [String] {
    ["name file", "match \(match)", "path \(scratch / "out")", "file \(name)", "format plain"]
  }

  func section(_ name: String, _ lines: [String]) -> String {
    "[\(name)]\n" + lines.map { "    \($0)\n" }.joined() + "\n"
  }

  func start(
    _ configuration: String? = nil, name: String = "weir", arguments: [String] = [],
    input: String? = nil, output: Int32? = nil, asNobody: Bool = false, isYAML: Bool = false
  ) throws -> Engine {
    try Engine(
      configuration ?? self.configuration(), in: scratch.path, name: name, arguments: arguments,
      input: input, output: output, asNobody: asNobody, isYAML: isYAML)
  }

  /// Waits until a file has not grown for a while; false when it still grows after `seconds`.
  func settles(_ path: String, quiet: Double = 1.5, within seconds: Double = 60) -> Bool {
    var size = -1
    var since = Clock.now()
    return Clock.wait(seconds) {
      let now = Files.size(path) ?? 0
      if now != size {
        size = now
        since = Clock.now()
      }
      return Clock.now() - since >= quiet
    }
  }

  /// Waits until every line has arrived or nothing more comes; returns what the checker says.
  func verdict(
    of outputs: [String], expecting counts: [String: Int], within seconds: Double = 20
  ) -> OutputChecker {
    let end = Clock.now() + seconds
    while true {
      _ = settles(outputs.last ?? "", within: max(2, end - Clock.now()))
      var checker = OutputChecker()
      for output in outputs { checker.read(output) }
      if checker.isComplete(counts) || Clock.now() >= end { return checker }
    }
  }
}
