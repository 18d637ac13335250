import CWeirPlugin
import CYAML
import WeirSDK

/// Turns libyaml's events into calls of the host's tree builder.
///
/// Anchors, aliases, keys that are no scalars and second documents are refused: each would make a
/// configuration that says something else than it seems to, or grow without bound.
struct YAMLReader {
  /// What an open collection expects next.
  private enum Open { case key, value, item }

  private let bytes: UnsafeBufferPointer<UInt8>
  private var open: [Open] = []
  private var documentCount = 0
  private var lines: LineIndex

  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
    lines = LineIndex(bytes)
  }

  /// Reads the whole text; returns early when the sink says no.
  consuming func read(into sink: inout TreeSink) throws(ConfigSyntaxError) {
    var parser = yaml_parser_t()
    guard yaml_parser_initialize(&parser) != 0 else {
      throw ConfigSyntaxError("libyaml has no memory", line: 1, column: 1)
    }
    defer { yaml_parser_delete(&parser) }
    // SAFETY: the bytes outlive the parser, which is deleted above.
    yaml_parser_set_input_string(&parser, bytes.baseAddress, bytes.count)
    while true {
      var event = yaml_event_t()
      guard yaml_parser_parse(&parser, &event) != 0 else { throw failure(parser) }
      defer { yaml_event_delete(&event) }
      if event.type == YAML_STREAM_END_EVENT { return }
      guard try take(event, &sink) else { return }
    }
  }

  private mutating func take(
    _ event: yaml_event_t, _ sink: inout TreeSink
  ) throws(ConfigSyntaxError) -> Bool {
    let (line, column) = lines.place(event.start_mark)
    switch event.type {
    case YAML_DOCUMENT_START_EVENT:
      documentCount += 1
      if documentCount > 1 {
        throw ConfigSyntaxError("a second document begins", line: line, column: column)
      }
      return true
    case YAML_ALIAS_EVENT:
      throw ConfigSyntaxError(
        "aliases (*name) are not supported; write the value out", line: line, column: column)
    case YAML_SCALAR_EVENT:
      try refuse(anchor: event.data.scalar.anchor, line, column)
      return scalar(event.data.scalar, line, column, &sink)
    case YAML_MAPPING_START_EVENT:
      try refuse(anchor: event.data.mapping_start.anchor, line, column)
      try beginValue(line, column)
      open.append(.key)
      return sink.beginMap(line: line, column: column)
    case YAML_SEQUENCE_START_EVENT:
      try refuse(anchor: event.data.sequence_start.anchor, line, column)
      try beginValue(line, column)
      open.append(.item)
      return sink.beginList(line: line, column: column)
    case YAML_MAPPING_END_EVENT:
      open.removeLast()
      return sink.endMap()
    case YAML_SEQUENCE_END_EVENT:
      open.removeLast()
      return sink.endList()
    default: return true
    }
  }

  private mutating func scalar(
    _ scalar: yaml_event_s.__Unnamed_union_data.__Unnamed_struct_scalar, _ line: Int,
    _ column: Int, _ sink: inout TreeSink
  ) -> Bool {
    let text = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
    switch open.last {
    case .key?:
      open[open.count - 1] = .value
      return sink.key(text, line: line, column: column)
    case .value?: open[open.count - 1] = .key
    case .item?, nil: break
    }
    return sink.scalar(text, style: style(scalar), line: line, column: column)
  }

  /// A value with an explicit tag such as `!!str` is text whatever it looks like.
  private func style(
    _ scalar: yaml_event_s.__Unnamed_union_data.__Unnamed_struct_scalar
  ) -> UInt32 {
    switch scalar.style {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE: UInt32(WEIR_STYLE_SINGLE_QUOTED)
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE: UInt32(WEIR_STYLE_DOUBLE_QUOTED)
    case YAML_LITERAL_SCALAR_STYLE, YAML_FOLDED_SCALAR_STYLE: UInt32(WEIR_STYLE_BLOCK)
    default:
      scalar.plain_implicit != 0 ? UInt32(WEIR_STYLE_PLAIN) : UInt32(WEIR_STYLE_DOUBLE_QUOTED)
    }
  }

  private mutating func beginValue(_ line: Int, _ column: Int) throws(ConfigSyntaxError) {
    switch open.last {
    case .key?:
      throw ConfigSyntaxError(
        "a key has to be a text, not a map or list", line: line, column: column)
    case .value?: open[open.count - 1] = .key
    case .item?, nil: return
    }
  }

  private func refuse(
    anchor: UnsafeMutablePointer<yaml_char_t>?, _ line: Int, _ column: Int
  ) throws(ConfigSyntaxError) {
    if anchor != nil {
      throw ConfigSyntaxError(
        "anchors (&name) are not supported; write the value out where it is needed", line: line,
        column: column)
    }
  }

  /// libyaml's own message, at the place it names.
  private mutating func failure(_ parser: yaml_parser_t) -> ConfigSyntaxError {
    var text = parser.problem.map { String(cString: $0) } ?? "it is not YAML"
    if parser.error == YAML_READER_ERROR {
      let (line, column) = lines.place(byteOffset: parser.problem_offset)
      return ConfigSyntaxError(text, line: line, column: column)
    }
    if let context = parser.context {
      text += " \(String(cString: context))"
      if parser.context_mark.line != parser.problem_mark.line {
        text += " that began in line \(parser.context_mark.line + 1)"
      }
    }
    let (line, column) = lines.place(parser.problem_mark)
    return ConfigSyntaxError(text, line: line, column: column)
  }
}
