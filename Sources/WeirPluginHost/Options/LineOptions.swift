import WeirConfig

/// What every input of a plugin can be told about its lines: the host makes records of them.
enum LineOptions {
  static let all: [OptionSchema] = [
    OptionSchema("parser", help: "parser for each line"),
    OptionSchema("multiline.parser", .commaList, repeatable: true, help: "multiline parsers"),
    OptionSchema("key", default: "log", help: "field of a line that no parser read"),
    OptionSchema("path_key", help: "field for the path of the stream"),
    OptionSchema("offset_key", help: "field for the position of the line"),
    OptionSchema("skip_empty_lines", .bool, default: "false", help: "leave out empty lines"),
  ]
}
