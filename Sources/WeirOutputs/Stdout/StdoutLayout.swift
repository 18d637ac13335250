/// The layouts of the stdout output.
enum StdoutLayout: Sendable {
  /// `[N] TAG: [[SEC.NNNNNNNNN, {META}], {"k"=>"v"}]`, N counting from 0 per tag and flush.
  case msgpack
  /// One array per tag and flush.
  case json
  /// One object per line.
  case jsonLines
  /// Objects one behind the other, a line feed per tag and flush.
  case jsonStream
  /// One document of OTLP's JSON logs per tag and flush.
  case otlp
  /// The same with broken and indented lines.
  case otlpPretty

  /// The layout of a configuration word, or nil.
  init?(word: String) {
    switch word {
    case "msgpack": self = .msgpack
    case "json": self = .json
    case "json_lines": self = .jsonLines
    case "json_stream": self = .jsonStream
    case "otlp_json": self = .otlp
    case "otlp_json_pretty": self = .otlpPretty
    default: return nil
    }
  }

  /// What stands around the records of one tag and flush, where something does. Records begin with
  /// a comma wherever there is an opening: its last byte takes the comma's place.
  var frame: (opening: StaticString, closing: StaticString)? {
    switch self {
    case .msgpack, .jsonLines: nil
    case .json: ("[", "]\n")
    case .jsonStream: ("", "\n")
    case .otlp: frame(OTLPRecordWriter(isPretty: false))
    case .otlpPretty: frame(OTLPRecordWriter(isPretty: true))
    }
  }

  private func frame(_ writer: OTLPRecordWriter) -> (StaticString, StaticString) {
    (writer.opening, writer.closing)
  }
}
