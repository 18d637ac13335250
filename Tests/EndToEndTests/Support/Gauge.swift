import Glibc

/// Watches how an output grows while lines are written, and how much memory that takes.
struct Gauge {
  /// Bytes that came out over bytes that went in.
  private(set) var share = 0.0
  /// The highest resident memory that was seen, in bytes.
  private(set) var memory = 0

  /// Looks at a file for some seconds, each 50 ms.
  init(_ path: String, _ flood: Flood, _ engine: Engine, seconds: Double) {
    let begin = (out: Files.size(path) ?? 0, in: flood.bytes, at: Clock.now())
    while Clock.now() - begin.at < seconds {
      memory = max(memory, engine.memory())
      Clock.sleep(0.05)
    }
    let came = (Files.size(path) ?? 0) - begin.out
    share = Double(came) / Double(max(1, flood.bytes - begin.in))
  }
}
