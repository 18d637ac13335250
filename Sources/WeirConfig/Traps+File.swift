extension Traps {
  /// The words that delimiters of the file output may be; others mean the default.
  static let delimiterWords = [#"\t"#, "tab", "space", "comma"]

  /// Options of the file output, each with the formats in which it means something.
  private static let formats: [(key: String, formats: [String])] = [
    ("delimiter", ["csv", "ltsv"]), ("label_delimiter", ["ltsv"]), ("template", ["template"]),
    ("csv_column_names", ["csv"]),
  ]

  /// Options of the file output that have no effect as they stand.
  static func file(_ output: InstanceConfig, _ problems: inout ProblemList) {
    let format = output.text("format")?.lowercased() ?? "out_file"
    for (key, formats) in formats {
      guard let property = output.property(key), !formats.contains(format) else { continue }
      problems.warn(
        "it has no effect with the format \(format)", at: property.location, key: key,
        suggestion: "set format to \(formats.joined(separator: " or ")), or leave it out")
    }
    for (key, formats) in formats where key.hasSuffix("delimiter") && formats.contains(format) {
      guard let property = output.property(key),
        !delimiterWords.contains(property.text.lowercased())
      else { continue }
      problems.warn(
        "\"\(property.text)\" is none of the delimiters, so the default holds",
        at: property.location, key: key,
        suggestion: "use one of \(delimiterWords.joined(separator: ", "))")
    }
    if ValueGrammar.bool(output.text("rotate") ?? "") == true { return }
    for key in ["rotate_max_size", "rotate_max_files", "rotate_gzip"] {
      guard let property = output.property(key) else { continue }
      problems.warn(
        "it has no effect without rotate", at: property.location, key: key,
        suggestion: "set rotate on, or leave it out")
    }
  }
}
