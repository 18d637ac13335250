import CYAML
import WeirConfig

/// libyaml straight into the tree builder, for tests of what is made of a YAML tree. The product
/// reads YAML through its plugin, which has tests of its own.
struct YAMLForTests: ConfigFormat {
  let name = "yaml"

  func probe(name: String, firstBytes: ArraySlice<UInt8>) -> Bool {
    name.hasSuffix(".yaml") || name.hasSuffix(".yml")
  }

  func parse(_ bytes: [UInt8], into builder: TreeBuilder) {
    var parser = yaml_parser_t()
    yaml_parser_initialize(&parser)
    defer { yaml_parser_delete(&parser) }
    bytes.withUnsafeBufferPointer { buffer in
      yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
      // Whether the next scalar of each open collection is a key; nil for lists.
      var keys: [Bool?] = []
      while step(&parser, builder, &keys) {}
    }
  }

  private func step(
    _ parser: inout yaml_parser_t, _ builder: TreeBuilder, _ keys: inout [Bool?]
  ) -> Bool {
    var event = yaml_event_t()
    guard yaml_parser_parse(&parser, &event) != 0 else {
      let text = parser.problem.map { String(cString: $0) } ?? "it is not YAML"
      let mark = parser.problem_mark
      return builder.fail(text, line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }
    defer { yaml_event_delete(&event) }
    let line = Int(event.start_mark.line) + 1
    let column = Int(event.start_mark.column) + 1
    let wasKey = keys.last == true
    let isValue = [
      YAML_SCALAR_EVENT, YAML_MAPPING_START_EVENT, YAML_SEQUENCE_START_EVENT, YAML_ALIAS_EVENT,
    ].contains(event.type)
    if isValue, let last = keys.last, let isKey = last { keys[keys.count - 1] = !isKey }
    switch event.type {
    case YAML_STREAM_END_EVENT: return false
    case YAML_MAPPING_START_EVENT:
      keys.append(true)
      return builder.beginMap(line: line, column: column)
    case YAML_SEQUENCE_START_EVENT:
      keys.append(nil)
      return builder.beginList(line: line, column: column)
    case YAML_MAPPING_END_EVENT:
      keys.removeLast()
      return builder.endMap()
    case YAML_SEQUENCE_END_EVENT:
      keys.removeLast()
      return builder.endList()
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let text = String(
        decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      if wasKey { return builder.key(text, line: line, column: column) }
      return builder.scalar(text, style: style(scalar.style), line: line, column: column)
    case YAML_ALIAS_EVENT:
      return builder.fail("aliases are not supported", line: line, column: column)
    default: return true
    }
  }

  private func style(_ style: yaml_scalar_style_t) -> ConfigScalar.Style {
    switch style {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE: .singleQuoted
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE: .doubleQuoted
    case YAML_LITERAL_SCALAR_STYLE, YAML_FOLDED_SCALAR_STYLE: .block
    default: .plain
    }
  }
}
