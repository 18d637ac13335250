/// The option tables of the built-in processors; every filter can serve as one too.
enum ProcessorSchemas {
  static let all: [PluginSchema] = [contentModifier]

  static let contentModifier = PluginSchema(
    kind: .processor, name: "content_modifier", help: "change one key of a record",
    options: [
      OptionSchema(
        "action",
        .choice(["insert", "upsert", "delete", "rename", "hash", "extract", "convert"]),
        required: true, help: "what to do"),
      OptionSchema(
        "context", .choice(["body", "message", "record", "attributes", "metadata"]),
        default: "body", help: "what to change"),
      OptionSchema("key", required: true, help: "the key"),
      OptionSchema("value", help: "value of insert and upsert, new name of rename"),
      OptionSchema("pattern", .regex, help: "expression of extract, with named groups"),
      OptionSchema(
        "converted_type", .choice(["string", "boolean", "int", "double"]),
        help: "type of convert"),
    ])
}
