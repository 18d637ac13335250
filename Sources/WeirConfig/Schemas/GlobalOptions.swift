/// The options that every stage of a kind has, beside its own.
public enum GlobalOptions {
  /// The table of a kind.
  public static func of(_ kind: StageKind) -> [OptionSchema] {
    switch kind {
    case .input: input
    case .filter: filter
    case .output: output
    case .processor: processor
    }
  }

  private static let common: [OptionSchema] = [
    OptionSchema("alias", help: "name in metrics, logs and routes instead of plugin.number"),
    OptionSchema(
      "log_level", .choice(["off", "error", "warn", "warning", "info", "debug", "trace"]),
      .noCounterpart("one level holds for the whole engine: log_level of the service"),
      help: "level of this instance's messages"),
    OptionSchema(
      "log_suppress_interval", .time, default: "0",
      .noCounterpart("repeated messages are always counted and reported once"),
      help: "seconds in which a repeated message is left out"),
    OptionSchema(
      "_debug.http.*", .text, .noCounterpart("a development switch of the reference"),
      help: "dumps of HTTP exchanges"),
  ]

  private static let matching: [OptionSchema] = [
    OptionSchema("match", help: "tags, * stands for any text"),
    OptionSchema("match_regex", .regex, help: "expression on the start of the tag"),
  ]

  static let input: [OptionSchema] =
    common + [
      OptionSchema("tag", help: "tag of the records"),
      OptionSchema(
        "mem_buf_limit", .size, default: "0",
        help: "bytes of this input in memory at most; 0 for no bound of its own"),
      OptionSchema(
        "storage.type", .choice(["memory", "filesystem", "memrb"]), default: "memory",
        help: "memory waits, filesystem gives outputs over HTTP a spool, memrb drops the oldest"),
      OptionSchema(
        "storage.pause_on_chunks_overlimit", .bool, default: "false",
        .noCounterpart("an input is never read faster than its outputs and spools take it"),
        help: "stop reading when buffers are full"),
      OptionSchema(
        "threaded", .bool, default: "false",
        .noCounterpart("every input has its own lane, and work is shared by all lanes"),
        help: "run in a thread of its own"),
      OptionSchema(
        "thread.ring_buffer.capacity", .integer, default: "1024",
        .noCounterpart("there is one ring with one memory budget"), help: "entries of the ring"),
      OptionSchema(
        "thread.ring_buffer.window", .integer, default: "5",
        .noCounterpart("there is one ring with one memory budget"), help: "percent of the ring"),
      OptionSchema(
        "routable", .bool, default: "true",
        .refused("an input that no output may receive is not supported; leave it out"),
        help: "whether outputs can match this input"),
      OptionSchema(
        "rate_window", .time, default: "1s", help: "seconds over which the rate is measured"),
      OptionSchema("rate_gate", .bool, default: "false", help: "limit the reading rate"),
      OptionSchema("rate_gate.max_bytes", .size, default: "0", help: "bytes a second"),
      OptionSchema("rate_gate.max_records", .integer, default: "0", help: "records a second"),
      OptionSchema(
        "rate_gate.backpressure", .bool, default: "true",
        .noCounterpart("an output that is full or away stops the reading by itself"),
        help: "lower the limits while outputs are busy"),
      OptionSchema(
        "rate_gate.resume_ratio", .double, default: "0.80",
        help: "part of the limit at which reading goes on"),
    ]

  static let filter: [OptionSchema] =
    common + matching + [
      OptionSchema("active", default: "true", help: "false or 0 takes the filter out")
    ]

  /// Keys for outputs over HTTP on one that writes where it stands.
  static let localOutput: [OptionSchema] = [
    OptionSchema(
      "workers", .integer, .noCounterpart("all outputs share the work lanes of the engine"),
      help: "threads of this output"),
    OptionSchema(
      "storage.total_limit_size", .size,
      .noCounterpart("what cannot be written holds up its streams; there is no spool"),
      help: "bytes of a spool"),
    OptionSchema(
      "storage.total_limit_action", .choice(["block", "drop_oldest"]),
      .noCounterpart("what cannot be written holds up its streams; there is no spool"),
      help: "what a full spool does"),
  ]

  static let processor: [OptionSchema] =
    common + [
      OptionSchema("condition", .tree, help: "only records that meet it"),
      OptionSchema(
        "active", default: "true", .noCounterpart("only filters of the pipeline have it"),
        help: "false or 0 takes a filter out"),
      OptionSchema(
        "match", .text, .noCounterpart("a processor sees every record of its plugin"),
        help: "tags, * stands for any text"),
      OptionSchema(
        "match_regex", .text, .noCounterpart("a processor sees every record of its plugin"),
        help: "expression on the start of the tag"),
    ]

  static let output: [OptionSchema] =
    common + matching + [
      OptionSchema(
        "workers", .integer, default: "0",
        help: "requests under way at once, over HTTP; 0 finds out what the server takes"),
      OptionSchema("retry_limit", .retryLimit, default: "no_limits", help: "further attempts"),
      OptionSchema(
        "storage.total_limit_size", .size,
        help: "bytes of this output's spool, which it has when this is set; 0 or off: no limit, "
          + "and a spool only with storage.type filesystem"),
      OptionSchema(
        "storage.total_limit_action", .choice(["block", "drop_oldest"]), default: "drop_oldest",
        help: "a full spool sheds the oldest, counted, or holds up its streams"),
      OptionSchema(
        "active", default: "true", .noCounterpart("only filters have it"), help: "filters only"),
      OptionSchema(
        "condition", .noCounterpart("conditions belong to routes and processors"),
        help: "ignored"),
    ]
}
