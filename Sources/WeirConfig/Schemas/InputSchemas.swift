/// The option tables of the built-in inputs.
enum InputSchemas {
  static let all: [PluginSchema] = [TailSchema.table, stdin, dummy]

  static let stdin = PluginSchema(
    kind: .input, name: "stdin", help: "records from standard input",
    options: [
      OptionSchema("parser", help: "parser for the text"),
      OptionSchema(
        "buffer_size", .size, default: "16000",
        .noCounterpart("data is read straight into the ring"), help: "bytes of the read buffer"),
    ])

  static let dummy = PluginSchema(
    kind: .input, name: "dummy", help: "the same record again and again, for tests",
    options: [
      OptionSchema(
        "dummy", default: #"{"message":"dummy"}"#, help: "the record, or a list of them"),
      OptionSchema("metadata", default: "{}", help: "metadata of the record"),
      OptionSchema("rate", .integer, default: "1", help: "records an interval"),
      OptionSchema("interval_sec", .integer, default: "0", help: "seconds of the interval"),
      OptionSchema("interval_nsec", .integer, default: "0", help: "nanoseconds of the interval"),
      OptionSchema("copies", .integer, default: "1", help: "copies of each record"),
      OptionSchema("samples", .integer, default: "0", help: "records in all; 0 for no end"),
      OptionSchema("start_time_sec", .integer, default: "-1", help: "first time, seconds"),
      OptionSchema("start_time_nsec", .integer, default: "-1", help: "first time, nanoseconds"),
      OptionSchema("fixed_timestamp", .bool, default: "off", help: "the same time for all"),
      OptionSchema("flush_on_startup", .bool, default: "false", help: "first record at once"),
    ])
}
