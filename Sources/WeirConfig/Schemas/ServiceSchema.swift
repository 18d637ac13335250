/// The keys of the service section.
public enum ServiceSchema {
  /// All of them.
  public static let options: [OptionSchema] = engine + storage + monitoring + misc

  /// The entry of a key (lower case).
  public static func option(_ key: String) -> OptionSchema? { options.first { $0.covers(key) } }

  private static let engine: [OptionSchema] = [
    OptionSchema("flush", .double, default: "1", help: "seconds between flushes"),
    OptionSchema("flush.adaptive", .bool, default: "off", adaptive, help: "vary the interval"),
    OptionSchema("flush.adaptive.*", adaptive, help: "bounds and steps of it"),
    OptionSchema("grace", .integer, default: "5", help: "seconds to drain at a stop; -1 no end"),
    OptionSchema("daemon", .bool, default: "off", help: "go into the background"),
    OptionSchema("log_file", help: "file of the engine's own log"),
    OptionSchema(
      "log_level", .choice(["off", "error", "warn", "warning", "info", "debug", "trace"]),
      default: "info", help: "detail of it"),
    OptionSchema("parsers_file", repeatable: true, help: "file of parsers"),
    OptionSchema("plugins_file", repeatable: true, help: "file that lists plugins"),
    OptionSchema("streams_file", repeatable: true, streams, help: "file of stream queries"),
    OptionSchema("multiline_buffer_limit", .binarySize, default: "2MB", help: "bytes of a record"),
    OptionSchema("json.convert_nan_to_null", .bool, default: "false", help: "NaN becomes null"),
    OptionSchema("json.escape_unicode", .bool, default: "true", help: "non-ASCII as \\uXXXX"),
    OptionSchema(
      "scheduler.base", .integer, help: "seconds before the first retry; without it half a second"),
    OptionSchema(
      "scheduler.cap", .integer, help: "longest wait between retries; without it 30 seconds"),
  ]

  private static let adaptive = OptionClass.noCounterpart(
    "a slot is sent when it is full or the flush interval has passed, whichever is first")
  static let streams = OptionClass.refused(
    "stream queries (SQL) do not exist here; their results would be missing")
  private static let chunks = OptionClass.noCounterpart(
    "there are no chunk files; one memory budget holds for everything")

  private static let storage: [OptionSchema] = [
    OptionSchema("storage.path", help: "folder of read positions, spools and dead letters"),
    OptionSchema(
      "storage.sync", .choice(["normal", "full"]), default: "normal",
      .noCounterpart("what is acknowledged is always synced first"), help: "sync"),
    OptionSchema("storage.checksum", .bool, default: "off", chunks, help: "check sums"),
    OptionSchema("storage.max_chunks_up", .integer, default: "128", chunks, help: "chunks mapped"),
    OptionSchema("storage.backlog.mem_limit", .size, default: "100M", chunks, help: "replay"),
    OptionSchema(
      "storage.backlog.flush_on_shutdown", .bool, default: "off",
      .noCounterpart("at a stop memory goes out or to the spool; the spool goes on at the start"),
      help: "drain at a stop"),
    OptionSchema("storage.metrics", .bool, default: "on", server, help: "/api/v1/storage"),
    OptionSchema(
      "storage.delete_irrecoverable_chunks", .bool, default: "off", chunks, help: "clean up"),
    OptionSchema("storage.trim_files", .bool, default: "off", chunks, help: "cut files"),
    OptionSchema(
      "storage.type", .choice(["memory", "filesystem", "memrb"]), default: "memory",
      help: "of inputs that name none, with storage.inherit"),
    OptionSchema("storage.inherit", .bool, default: "off", help: "apply storage.type"),
    OptionSchema(
      "storage.keep.rejected", .bool, default: "on", help: "keep what a server refuses"),
    OptionSchema(
      "storage.rejected.path", default: "dead-letters", help: "their folder below storage.path"),
    OptionSchema(
      "storage.rejected.limit", .size, default: "64M",
      help: "bytes kept per output; 0 for no limit"),
  ]

  private static let server = OptionClass.notYet("the monitoring server")

  private static let monitoring: [OptionSchema] = [
    OptionSchema("http_server", .bool, default: "off", server, help: "monitoring server"),
    OptionSchema("http_listen", default: "0.0.0.0", server, help: "its address"),
    OptionSchema("http_port", .integer, default: "2020", server, help: "its port"),
    OptionSchema("health_check", .bool, default: "off", server, help: "judge health"),
    OptionSchema("hc_errors_count", .integer, default: "5", server, help: "errors allowed"),
    OptionSchema("hc_retry_failure_count", .integer, default: "5", server, help: "lost retries"),
    OptionSchema("hc_period", .integer, default: "60", server, help: "seconds judged"),
    OptionSchema("telemetry.*", server, help: "counters per tag"),
    OptionSchema("hot_reload", .bool, default: "off", reload, help: "reload on SIGHUP"),
    OptionSchema(
      "hot_reload.ensure_thread_safety", .bool, default: "on",
      .noCounterpart("a reload never stops a thread"), help: "wait for threads"),
    OptionSchema("hot_reload.timeout", .integer, default: "0", reload, help: "seconds"),
  ]

  private static let reload = OptionClass.notYet("reload without a restart")
  private static let resolver = OptionClass.noCounterpart("names are looked up by the system")

  private static let misc: [OptionSchema] = [
    OptionSchema("dns.mode", default: "UDP", resolver, help: "TCP or UDP"),
    OptionSchema("dns.resolver", resolver, help: "LEGACY or ASYNC"),
    OptionSchema("dns.prefer_ipv4", .bool, default: "false", resolver, help: "IPv4 first"),
    OptionSchema("dns.prefer_ipv6", .bool, default: "false", resolver, help: "IPv6 first"),
    OptionSchema(
      "coro_stack_size", .integer, .noCounterpart("there are no coroutines"), help: "bytes"),
    OptionSchema(
      "enable_chunk_trace", .bool, default: "off", .noCounterpart("there are no chunks to tap"),
      help: "tap of chunks"),
    OptionSchema(
      "sp.convert_from_str_to_num", .bool, default: "true",
      .noCounterpart("there is no stream processor"), help: "stream queries"),
    OptionSchema(
      "security.fips_mode", .bool, default: "off",
      .refused("a FIPS mode cannot be promised; use a system whose OpenSSL enforces it"),
      help: "FIPS mode"),
  ]
}
