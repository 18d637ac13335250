/// The keys of parser and multiline parser sections.
public enum ParserSchemas {
  /// Keys of `[PARSER]`.
  public static let parser: [OptionSchema] = [
    OptionSchema("name", help: "name that inputs and filters use"),
    OptionSchema("format", .choice(["regex", "json", "ltsv", "logfmt"]), help: "format"),
    OptionSchema("regex", .regex, help: "expression with named groups"),
    OptionSchema("skip_empty_values", .bool, default: "true", help: "leave out empty captures"),
    OptionSchema("time_key", default: "time", help: "field of the time"),
    OptionSchema("time_format", help: "its strptime format"),
    OptionSchema("time_keep", .bool, default: "false", help: "keep the field"),
    OptionSchema("time_strict", .bool, default: "true", help: "the whole format has to match"),
    OptionSchema("time_offset", help: "+HHMM or -HH:MM for times without a zone"),
    OptionSchema("time_system_timezone", .bool, default: "false", help: "the system's zone"),
    OptionSchema("time_zone", help: "IANA zone for times without one"),
    OptionSchema("types", .spaceList(min: 0, max: 64), help: "key:type casts"),
    OptionSchema("decode_field", repeatable: true, help: "DECODER FIELD: append its keys"),
    OptionSchema("decode_field_as", repeatable: true, help: "DECODER FIELD: replace the value"),
    OptionSchema("logfmt_no_bare_keys", .bool, default: "false", help: "keys need a ="),
  ]

  /// Keys of `[MULTILINE_PARSER]`.
  public static let multiline: [OptionSchema] = [
    OptionSchema("name", help: "name that inputs and filters use"),
    OptionSchema("type", .choice(["regex", "endswith", "equal", "eq"]), help: "kind"),
    OptionSchema("match_string", help: "text of endswith and equal"),
    OptionSchema("negate", .bool, default: "false", help: "turn the comparison around"),
    OptionSchema("flush_timeout", .integer, default: "4000", help: "milliseconds"),
    OptionSchema("key_content", help: "field that is joined"),
    OptionSchema("key_pattern", help: "field that is compared"),
    OptionSchema("key_group", help: "field that tells groups apart"),
    OptionSchema("parser", help: "parser of each line"),
    OptionSchema("rule", repeatable: true, help: "\"from\" \"/regex/\" \"to\""),
  ]
}
