import CWeirSystem
import Glibc
import WeirConfig
import WeirParsers

/// What `tail` does with a line longer than `buffer_max_size`.
enum LongLinePolicy {
  /// Delivers it whole, through a jumbo segment; beyond that in pieces.
  case deliver
  case skip
  case truncate
}

/// The options of a `tail` input, read once.
struct TailOptions {
  /// Globs with `~` expanded.
  var patterns: [Path]
  var excludes: [Path]
  var tag: String
  var tagRegex: Regex?
  var readsFromHead: Bool
  var readsNewFilesFromHead: Bool
  /// Nanoseconds.
  var refreshInterval: Int64
  /// Nanoseconds of idleness after which a rotated file is closed.
  var rotateWait: Int64
  /// Seconds; 0 for no limit.
  var ignoreOlder: Int64
  var ignoresActiveOlder: Bool
  /// Bytes of the longest line in the policies `skip` and `truncate`, its end not counted.
  var lineMax: Int
  var longLines: LongLinePolicy
  /// Bytes that one file is read before it is another one's turn.
  var sliceBytes: Int
  var exitsOnEOF: Bool
  var advisesCache: Bool
  var usesInotify: Bool
  var comparesNames: Bool
  var encoding: TextEncoding?

  /// Bytes of a turn at most: a quarter of a slot, so that several files share one.
  static let sliceBytesMax = 256 << 10

  init(_ config: InstanceConfig) throws(ConfigProblem) {
    patterns = try Self.expand(config)
    excludes = config.commaList("exclude_path").map { Path($0.utf8) }
    tag = config.tag ?? config.instanceName
    if let pattern = config.text("tag_regex") {
      do { tagRegex = try Regex(pattern) } catch {
        throw config.problem("\(error)", key: "tag_regex")
      }
    }
    readsFromHead = try config.bool("read_from_head")
    readsNewFilesFromHead = try config.bool("read_newly_discovered_files_from_head")
    refreshInterval = try Self.nanoseconds(config)
    rotateWait = Int64(try config.seconds("rotate_wait") ?? 5) * 1_000_000_000
    if rotateWait <= 0 {
      throw config.problem(
        "a rotated file has to be held for some time", key: "rotate_wait",
        suggestion: "use 5")
    }
    ignoreOlder = Int64(try config.seconds("ignore_older") ?? 0)
    ignoresActiveOlder = try config.bool("ignore_active_older_files")
    let chunk = try config.size("buffer_chunk_size") ?? 32_768
    let max = try config.size("buffer_max_size") ?? 32_768
    if max < chunk && config.property("buffer_max_size") != nil {
      throw config.problem(
        "it is smaller than buffer_chunk_size (\(chunk))", key: "buffer_max_size")
    }
    lineMax = Swift.max(1, Swift.max(max, chunk) - 1)
    let skips = try config.bool("skip_long_lines")
    let truncates = try config.bool("truncate_long_lines")
    longLines = truncates ? .truncate : skips ? .skip : .deliver
    let batch = try config.size("event_batch_size") ?? Self.sliceBytesMax
    let backlog = try config.size("static_batch_size") ?? Self.sliceBytesMax
    sliceBytes = Swift.max(4_096, min(Self.sliceBytesMax, batch, backlog))
    exitsOnEOF = try config.bool("exit_on_eof")
    advisesCache = try config.bool("file_cache_advise")
    usesInotify = try config.bool("inotify_watcher")
    comparesNames = try config.bool("db.compare_filename")
    encoding = try TextEncoding(config)
  }

  private static func expand(_ config: InstanceConfig) throws(ConfigProblem) -> [Path] {
    _ = try config.requiredText("path")
    var patterns: [Path] = []
    for text in config.commaList("path") {
      guard text.hasPrefix("~") else {
        patterns.append(Path(text.utf8))
        continue
      }
      let user = text.dropFirst().prefix { $0 != "/" }
      guard let home = home(of: String(user)) else {
        throw config.problem("the home folder of \"\(text)\" is not known", key: "path")
      }
      patterns.append(home + Path(text.dropFirst(1 + user.count).utf8))
    }
    if patterns.isEmpty { throw config.problem("it names no file", key: "path") }
    return patterns
  }

  private static func home(of user: String) -> Path? {
    if user.isEmpty, let home = getenv("HOME") { return Path(String(cString: home).utf8) }
    let entry = user.isEmpty ? getpwuid(getuid()) : getpwnam(user)
    guard let entry, let home = entry.pointee.pw_dir else { return nil }
    return Path(String(cString: home).utf8)
  }

  private static func nanoseconds(_ config: InstanceConfig) throws(ConfigProblem) -> Int64 {
    let seconds = try config.double("refresh_interval") ?? 60
    guard seconds > 0, seconds < 1e9 else {
      throw config.problem("the interval has to be above 0", key: "refresh_interval")
    }
    return Int64(seconds * 1e9)
  }
}
