/// One flag of the command line.
struct Flag: Sendable {
  /// What a flag does.
  enum Meaning: Sendable {
    case config
    case instance(StageKind)
    case property, match, tag, parsers, plugin, streamTask
    /// Sets a service key, to the flag's value or to a fixed one.
    case service(String, String?)
    case verbose, quiet, workingDirectory, dryRun, version, help, helpJSON
    case refused(String)
  }

  /// The letter; nil for flags that have a long name only.
  let letter: Character?
  /// The long name.
  let name: String
  /// What its value is called in the help; nil for none.
  let value: String?
  /// What it does.
  let meaning: Meaning
  /// One line of help.
  let help: String

  init(
    _ letter: Character?, _ name: String, _ value: String?, _ meaning: Meaning, _ help: String
  ) {
    self.letter = letter
    self.name = name
    self.value = value
    self.meaning = meaning
    self.help = help
  }

  init(_ letter: Character?, _ name: String, _ meaning: Meaning, _ help: String) {
    self.init(letter, name, nil, meaning, help)
  }

  var hasValue: Bool { value != nil }
  /// `-c` or `--supervisor`.
  var text: String { letter.map { "-\($0)" } ?? "--\(name)" }

  /// What getopt_long answers: the letter, or a number beyond all letters.
  var code: Int32 {
    if let letter, let ascii = letter.asciiValue { return Int32(ascii) }
    let place = Flag.all.firstIndex { $0.name == name } ?? 0
    return 256 + Int32(place)
  }

  /// The short flags as getopt_long wants them; it tells a missing value apart by the first colon.
  static let shorts =
    ":"
    + all.map { flag in
      guard let letter = flag.letter else { return "" }
      return flag.hasValue ? "\(letter):" : "\(letter)"
    }.joined()

  /// The message for a flag that was refused: unknown, or without its value.
  static func problem(_ refused: Int32, near words: [String], _ index: Int32) -> ConfigProblem {
    if let flag = all.first(where: { $0.code == refused }) {
      return ConfigProblem("it needs a value", at: .commandLine, key: flag.text)
    }
    let word = index > 0 && Int(index) <= words.count ? words[Int(index) - 1] : ""
    let close = nearest(String(word.drop { $0 == "-" }), in: all.map(\.name))
    return ConfigProblem(
      "there is no flag \(word)", at: .commandLine,
      suggestion: close.map { "did you mean --\($0)?" } ?? "see weir -h")
  }

  static let all: [Flag] = configuration + running + monitoring + asking

  private static let configuration: [Flag] = [
    Flag("c", "config", "FILE", .config, "configuration file"),
    Flag("i", "input", "NAME", .instance(.input), "add an input"),
    Flag("F", "filter", "NAME", .instance(.filter), "add a filter"),
    Flag("o", "output", "NAME", .instance(.output), "add an output"),
    Flag("p", "prop", "K=V", .property, "option of the last one added"),
    Flag("m", "match", "TAGS", .match, "tags of the last filter or output"),
    Flag("t", "tag", "TAG", .tag, "tag of the last input"),
    Flag("R", "parser", "FILE", .parsers, "file of parsers"),
    Flag("e", "plugin", "FILE", .plugin, "plugin to load"),
    Flag("T", "sp-task", "SQL", .streamTask, "stream query: not supported"),
    Flag(
      "C", "custom", "NAME", .refused("custom plugins do not exist here"),
      "custom plugin: not supported"),
  ]

  private static let running: [Flag] = [
    Flag("f", "flush", "SECONDS", .service("flush", nil), "time between flushes"),
    Flag("l", "log_file", "FILE", .service("log_file", nil), "file of the engine's own log"),
    Flag("d", "daemon", .service("daemon", "on"), "go into the background"),
    Flag("w", "workdir", "FOLDER", .workingDirectory, "folder to work in"),
    Flag("b", "storage_path", "FOLDER", .service("storage.path", nil), "folder of what is kept"),
    Flag(
      "s", "coro_stack_size", "BYTES", .service("coro_stack_size", nil), "accepted without effect"),
    Flag("v", "verbose", .verbose, "more logging; -vv for most"),
    Flag("q", "quiet", .quiet, "no logging"),
    Flag("D", "dry-run", .dryRun, "check the configuration and stop"),
    Flag(
      nil, "supervisor", .refused("run Weir under systemd or a kubelet, which restart it"),
      "restart after a crash: not supported"),
    Flag(nil, "enable-fips", .service("security.fips_mode", "on"), "FIPS mode: not supported"),
  ]

  private static let monitoring: [Flag] = [
    Flag("H", "http", .service("http_server", "on"), "monitoring server"),
    Flag("L", "listen", "ADDRESS", .service("http_listen", nil), "its address"),
    Flag("P", "port", "PORT", .service("http_port", nil), "its port"),
    Flag("Y", "enable-hot-reload", .service("hot_reload", "on"), "reload on SIGHUP"),
    Flag(
      "W", "disable-thread-safety-on-hot-reload",
      .service("hot_reload.ensure_thread_safety", "off"), "accepted without effect"),
    Flag("Z", "enable-chunk-trace", .service("enable_chunk_trace", "on"), "without effect"),
    Flag(nil, "trace", "TEXT", .refused(noTrace), "tap of chunks: not supported"),
    Flag(nil, "trace-input", "NAME", .refused(noTrace), "tap of chunks: not supported"),
    Flag(nil, "trace-output", "NAME", .refused(noTrace), "tap of chunks: not supported"),
    Flag(nil, "trace-output-property", "K=V", .refused(noTrace), "tap of chunks: not supported"),
  ]

  private static let noTrace = "there are no chunks to tap"

  private static let asking: [Flag] = [
    Flag("V", "version", .version, "print the version"),
    Flag("h", "help", .help, "print this, or the options of the plugin before it"),
    Flag("J", "help-json", .helpJSON, "the same as JSON"),
    Flag("S", "sosreport", .refused("use weir -V and weir check FILE"), "report: not supported"),
  ]
}
