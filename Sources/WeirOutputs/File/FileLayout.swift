import WeirConfig

/// The formats of the file output.
enum FileLayout: Sendable {
  /// `TAG: [SEC.NNNNNNNNN, {JSON}]`
  case outFile
  /// A JSON object per line.
  case plain
  /// `SEC.NNNNNNNNN,"v",1`; with a first line of keys when `columns`.
  case csv(delimiter: UInt8, columns: Bool)
  /// `"time":SEC.NNNNNN<TAB>"key":"v"`
  case ltsv(delimiter: UInt8, label: UInt8)
  /// Text with `{key}` replaced.
  case template(LineTemplate)
  /// Events one behind the other.
  case msgpack

  /// The format that an instance asks for.
  init(_ config: InstanceConfig) throws(ConfigProblem) {
    let words = ["out_file", "plain", "csv", "ltsv", "template", "msgpack"]
    switch try config.choice("format", words, default: "out_file") {
    case "plain": self = .plain
    case "csv":
      self = .csv(
        delimiter: FileLayout.delimiter(config.text("delimiter")) ?? UInt8(ascii: ","),
        columns: try config.bool("csv_column_names", default: false))
    case "ltsv":
      self = .ltsv(
        delimiter: FileLayout.delimiter(config.text("delimiter")) ?? UInt8(ascii: "\t"),
        label: FileLayout.delimiter(config.text("label_delimiter")) ?? UInt8(ascii: ":"))
    case "template":
      self = .template(LineTemplate(config.text("template", default: "{time} {message}")))
    case "msgpack": self = .msgpack
    default: self = .outFile
    }
  }

  /// `\t`, `tab`, `space` or `comma`; any other word means the default, as in the reference.
  static func delimiter(_ word: String?) -> UInt8? {
    switch word?.lowercased() {
    case "\\t", "tab": UInt8(ascii: "\t")
    case "space": UInt8(ascii: " ")
    case "comma": UInt8(ascii: ",")
    default: nil
    }
  }

  /// True when text may hold a header line that only an empty file gets.
  var hasHeader: Bool {
    if case .csv(_, let columns) = self { columns } else { false }
  }
}
