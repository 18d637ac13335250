/// What `-h` and `-J` print.
public enum HelpText {
  /// The general help, with the plugins of these tables.
  public static func general(_ registry: SchemaRegistry) -> String {
    var lines = [
      "usage: weir [flags]                run a pipeline",
      "       weir check FILE             name every problem of a configuration",
      "       weir plugin list | inspect FILE | check FILE",
      "       weir spool list | verify | show       what waits on the disk for its output",
      "       weir dlq list | show | replay    what an output has refused for good",
      "", "flags:",
    ]
    for flag in Flag.all {
      let short = flag.letter.map { "-\($0), " } ?? "    "
      let long = "--\(flag.name)\(flag.value.map { " \($0)" } ?? "")"
      lines.append("  " + pad(short + long, 40) + flag.help)
    }
    for kind in StageKind.allCases {
      lines += ["", "\(kind.rawValue)s:"]
      for name in registry.names(kind) {
        lines.append("  " + pad(name, 40) + (registry.schema(kind, name)?.help ?? ""))
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Every option of a plugin; nil when there is no such plugin.
  public static func plugin(
    _ kind: StageKind, _ name: String, _ registry: SchemaRegistry
  ) -> String? {
    guard let schema = registry.schema(kind, name) else { return nil }
    var lines = ["\(kind.rawValue) \(schema.name): \(schema.help)", "", "options:"]
    lines += options(schema).map { option in
      var line = "  " + pad(option.name, 40) + option.help
      if let text = option.defaultText { line += " (\(text))" }
      return line
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Every option of a plugin as JSON; nil when there is no such plugin.
  public static func pluginJSON(
    _ kind: StageKind, _ name: String, _ registry: SchemaRegistry
  ) -> String? {
    guard let schema = registry.schema(kind, name) else { return nil }
    let options = options(schema).map { option in
      let fallback = option.defaultText.map { quoted($0) } ?? "null"
      return "{\"name\":\(quoted(option.name)),\"description\":\(quoted(option.help)),"
        + "\"default\":\(fallback)}"
    }
    return "{\"type\":\(quoted(kind.rawValue)),\"name\":\(quoted(schema.name)),"
      + "\"description\":\(quoted(schema.help)),\"options\":[\(options.joined(separator: ","))]}\n"
  }

  /// Every plugin of these tables as a JSON list.
  public static func generalJSON(_ registry: SchemaRegistry) -> String {
    let all = StageKind.allCases.flatMap { kind in
      registry.names(kind).compactMap { pluginJSON(kind, $0, registry) }
    }
    return "[" + all.map { $0.dropLast() }.joined(separator: ",\n") + "]\n"
  }

  /// The options of a plugin, its own first; of two with one name the first is the one that works.
  private static func options(_ schema: PluginSchema) -> [OptionSchema] {
    var seen: Set<String> = []
    return (schema.options + schema.globalOptions).filter { seen.insert($0.name).inserted }
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text.count >= width ? text + " " : text + String(repeating: " ", count: width - text.count)
  }

  private static func quoted(_ text: String) -> String {
    var escaped = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": escaped += "\\\(scalar)"
      case "\n": escaped += "\\n"
      case "\t": escaped += "\\t"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped + "\""
  }
}
