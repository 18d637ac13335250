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

  /// The layout of a configuration word, or nil.
  init?(word: String) {
    switch word {
    case "msgpack": self = .msgpack
    case "json": self = .json
    case "json_lines": self = .jsonLines
    case "json_stream": self = .jsonStream
    default: return nil
    }
  }
}
