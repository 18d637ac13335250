import Glibc

/// Jobs that deliver to Elasticsearch, or to what plays it.
extension Job {
  /// The options of an output to a port of loopback.
  func elasticsearch(
    port: Int, match: String = "*", index: String = "logs", _ extra: [String] = []
  ) -> [String] {
    [
      "name es", "match \(match)", "host 127.0.0.1", "port \(port)", "index \(index)",
      "suppress_type_name on", "compress gzip",
    ] + extra
  }

  /// Containers' logs to a port; `spool` is the limit of the output's spool.
  func bulk(
    port: Int, output extra: [String] = [], spool: String? = nil, service: [String] = [],
    more: String = ""
  ) -> String {
    let spooling = spool.map { ["storage.total_limit_size \($0)"] } ?? []
    return section("SERVICE", ["flush 0.2", "grace 10", "storage.path \(storage)"] + service)
      + section("INPUT", tail(path: "\(tree.containers)/*.log", tag: "kube.*"))
      + section("OUTPUT", elasticsearch(port: port, extra + spooling)) + more
  }

  /// Where spools and dead letters lie.
  var storage: String { scratch / "storage" }

  /// Runs a command of the engine's executable to its end: its status, and what it printed.
  func weir(_ arguments: [String]) -> (status: Int32, text: String) {
    let words = ([Settings.executable] + arguments).map { "'\($0)'" }.joined(separator: " ")
    guard let pipe = popen("cd '\(scratch.path)' && \(words) 2>&1", "r") else { return (-1, "") }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&chunk, 1, chunk.count, pipe), count > 0 {
      bytes.append(contentsOf: chunk[0..<count])
    }
    let status = pclose(pipe)
    return (status >> 8 & 0xFF, String(decoding: bytes, as: UTF8.self))
  }
}
