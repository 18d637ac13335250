import Glibc

/// What the environment sets for the end-to-end tests.
enum Settings {
  /// The package root, absolute.
  static let root: String = {
    var parts = #filePath.split(separator: "/")
    parts.removeLast(4)
    return "/" + parts.joined(separator: "/")
  }()

  /// `WEIR_BIN`, else the release build.
  static let executable = text("WEIR_BIN") ?? root + "/.build/release/weir"

  /// Whether tests that run the engine are run. With `WEIR_NO_SKIP` they are in any case, and fail
  /// where it is not there.
  static let runsEngine = access(executable, X_OK) == 0 || isStrict

  /// Whether what cannot run has to fail.
  static let isStrict = text("WEIR_NO_SKIP") == "1"

  static let engineMissing = "no release build: run scripts/build, or set WEIR_BIN"

  /// Whether tests of the delivery to Elasticsearch are run: its plugin lies beside the engine.
  static let delivers: Bool = {
    let folder = executable.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let plugin = folder.joined(separator: "/") + "/plugins/elasticsearch.so"
    return runsEngine && access(plugin, R_OK) == 0 || isStrict
  }()

  static let deliveryMissing = "no elasticsearch.so beside the engine: run scripts/build"

  /// `WEIR_SHARED`, else the folder `shared` beside the package.
  static let shared = text("WEIR_SHARED") ?? root + "/../shared"

  static let hasTimelines = access(shared + "/node/rotation/timeline.tsv", R_OK) == 0

  static let timelinesMissing = "no recorded timelines: set WEIR_SHARED"

  /// `WEIR_FULL=1` runs the acceptance figures: 20 s of writing, 10 s of stop, no gap shortened.
  static let isFull = text("WEIR_FULL") == "1"

  /// How long the rate tests write.
  static let seconds = isFull ? 20.0 : 8.0

  /// `WEIR_RATE`: bytes per second over all containers of a rate test.
  static let rate = text("WEIR_RATE").flatMap { Int($0) } ?? 20_000_000

  private static func text(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }
}
