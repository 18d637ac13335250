/// The option tables of the built-in outputs.
enum OutputSchemas {
  static let all: [PluginSchema] = [stdout, file, null, counter]

  static let dateFormats = ["double", "iso8601", "epoch", "epoch_ms", "java_sql_timestamp"]

  static let stdout = PluginSchema(
    kind: .output, name: "stdout", help: "records on standard output",
    options: [
      OptionSchema(
        "format",
        .choice(["msgpack", "json", "json_lines", "json_stream", "otlp_json", "otlp_json_pretty"]),
        default: "msgpack", help: "layout"),
      OptionSchema("json_date_key", default: "date", help: "key of the time; false for none"),
      OptionSchema(
        "json_date_format", .choice(dateFormats), default: "double", help: "form of the time"),
    ])

  static let file = PluginSchema(
    kind: .output, name: "file", help: "records in files",
    options: layout + rotation + dynamicNames)

  private static let layout: [OptionSchema] = [
    OptionSchema("path", .accessor, help: "folder; the working directory if not set"),
    OptionSchema("file", .accessor, help: "name; the tag if not set"),
    OptionSchema(
      "format", .choice(["out_file", "plain", "csv", "ltsv", "template", "msgpack"]),
      default: "out_file", help: "layout"),
    OptionSchema("delimiter", help: "between fields of csv and ltsv"),
    OptionSchema("label_delimiter", help: "between label and value of ltsv"),
    OptionSchema("template", default: "{time} {message}", help: "text with {key}"),
    OptionSchema("csv_column_names", .bool, default: "false", help: "a first line with keys"),
    OptionSchema("mkdir", .bool, default: "false", help: "make missing folders"),
  ]

  private static let rotation: [OptionSchema] = [
    OptionSchema("rotate", .bool, default: "false", help: "start a new file when one is full"),
    OptionSchema("rotate_max_size", .size, default: "100M", help: "bytes of a full file"),
    OptionSchema("rotate_max_files", .integer, default: "7", help: "old files kept"),
    OptionSchema("rotate_gzip", .bool, default: "true", help: "compress old files"),
  ]

  private static let dynamicNames: [OptionSchema] = [
    OptionSchema("enable_strftime", .bool, default: "false", help: "time in path and file"),
    OptionSchema("max_dynamic_files", .integer, default: "1024", help: "files open at once"),
    OptionSchema(
      "on_missing_field", .choice(["error", "drop", "fallback"]), default: "error",
      help: "when a field of the name is missing"),
    OptionSchema(
      "on_limit_reached", .choice(["error", "drop", "fallback"]), default: "error",
      help: "when too many files are open"),
    OptionSchema("fallback_path", help: "folder of the fallback"),
    OptionSchema("fallback_file", help: "name of the fallback"),
  ]

  static let null = PluginSchema(
    kind: .output, name: "null", help: "throws records away", options: [])

  static let counter = PluginSchema(
    kind: .output, name: "counter", help: "prints how many records came", options: [])
}
