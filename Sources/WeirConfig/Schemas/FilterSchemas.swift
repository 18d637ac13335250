/// The option tables of the built-in filters.
enum FilterSchemas {
  static let all: [PluginSchema] = [grep, modify, recordModifier, parser]

  static let grep = PluginSchema(
    kind: .filter, name: "grep", help: "keep or drop records by expressions",
    options: [
      OptionSchema("regex", pair, repeatable: true, help: "KEY PATTERN: keep what matches"),
      OptionSchema("exclude", pair, repeatable: true, help: "KEY PATTERN: drop what matches"),
      OptionSchema(
        "logical_op", .choice(["legacy", "and", "or"]), default: "legacy",
        help: "how several rules combine"),
    ])

  static let modify = PluginSchema(
    kind: .filter, name: "modify", help: "change top-level keys, rule by rule",
    options: [
      OptionSchema("set", pair, repeatable: true, help: "KEY VALUE: replace or add"),
      OptionSchema("add", pair, repeatable: true, help: "KEY VALUE: add if missing"),
      OptionSchema("remove", word, repeatable: true, help: "KEY: remove"),
      OptionSchema("remove_wildcard", word, repeatable: true, help: "PREFIX: remove, without *"),
      OptionSchema("remove_regex", word, repeatable: true, help: "REGEX: remove keys"),
      OptionSchema("rename", pair, repeatable: true, help: "KEY NEW: rename if NEW is free"),
      OptionSchema("hard_rename", pair, repeatable: true, help: "KEY NEW: rename, replacing NEW"),
      OptionSchema("copy", pair, repeatable: true, help: "KEY NEW: copy if NEW is free"),
      OptionSchema("hard_copy", pair, repeatable: true, help: "KEY NEW: copy, replacing NEW"),
      OptionSchema("move_to_start", word, repeatable: true, help: "PREFIX: keys to the front"),
      OptionSchema("move_to_end", word, repeatable: true, help: "PREFIX: keys to the end"),
      OptionSchema(
        "condition", .spaceList(min: 1, max: 3), repeatable: true,
        help: "NAME ARGUMENTS: all must hold"),
    ])

  static let recordModifier = PluginSchema(
    kind: .filter, name: "record_modifier", help: "append and remove keys",
    options: [
      OptionSchema("record", word, repeatable: true, help: "KEY VALUE: append"),
      OptionSchema("remove_key", repeatable: true, help: "KEY: remove; * at the end for a prefix"),
      OptionSchema("allowlist_key", repeatable: true, help: "KEY: keep only these"),
      OptionSchema(
        "whitelist_key", repeatable: true, deprecated: "allowlist_key", help: "as allowlist_key"),
      OptionSchema("uuid_key", help: "KEY for a random UUID"),
    ])

  static let parser = PluginSchema(
    kind: .filter, name: "parser", help: "parse one field of a record",
    options: [
      OptionSchema("key_name", .accessor, required: true, help: "the field"),
      OptionSchema(
        "parser", repeatable: true, required: true, help: "parsers, the first that succeeds wins"),
      OptionSchema("reserve_data", .bool, default: "false", help: "keep the other fields"),
      OptionSchema("preserve_key", .bool, default: "false", help: "keep the field"),
      OptionSchema(
        "unescape_key", .bool, default: "false",
        .noCounterpart("it has no effect in the reference either"), deprecated: "decoders",
        help: "no effect"),
    ])

  private static let pair = ValueType.spaceList(min: 2, max: 1)
  private static let word = ValueType.spaceList(min: 1, max: 1)
}
