import CWeirPlugin
import WeirConfig

/// A configuration format of a plugin, as the configuration's loader asks for it.
struct PluginConfigFormat: ConfigFormat, @unchecked Sendable {
  let name: String
  private let table: weir_config_format

  init(_ component: PluginComponent) throws(PluginHostError) {
    guard case .configFormat(let table) = component.table else {
      throw .refused(component: component.typeName, what: "it is no configuration format")
    }
    name = component.typeName
    self.table = table
  }

  func probe(name: String, firstBytes: ArraySlice<UInt8>) -> Bool {
    var name = name
    return name.withUTF8 { name in
      firstBytes.withUnsafeBufferPointer { head in
        table.probe(name.baseAddress, UInt64(name.count), head.baseAddress, UInt64(head.count)) > 0
      }
    }
  }

  func parse(_ bytes: [UInt8], into builder: TreeBuilder) {
    let events = BuilderEvents(builder)
    var error = ErrorStruct.make()
    let result = withExtendedLifetime(events) {
      var raw = events.table
      return bytes.withUnsafeBufferPointer {
        table.parse($0.baseAddress, UInt64($0.count), &raw, &error)
      }
    }
    if result != WEIR_OK && builder.problem == nil {
      builder.fail(
        ErrorStruct.message(error, result), line: Int(error.line), column: Int(error.column))
    }
  }
}

/// The builder as a plugin sees it: a table of functions over a `TreeBuilder`.
private final class BuilderEvents {
  let builder: TreeBuilder
  static let textBytesMax: UInt64 = 16 << 20

  init(_ builder: TreeBuilder) { self.builder = builder }

  var table: weir_tree_builder {
    var table = weir_tree_builder()
    table.struct_size = UInt32(MemoryLayout<weir_tree_builder>.size)
    // SAFETY: used inside `parse` only, which keeps this object.
    table.context = Unmanaged.passUnretained(self).toOpaque()
    table.begin_map = { context, line, column in
      BuilderEvents.run(context) { $0.beginMap(line: Int(line), column: Int(column)) }
    }
    table.end_map = { context in BuilderEvents.run(context) { $0.endMap() } }
    table.begin_list = { context, line, column in
      BuilderEvents.run(context) { $0.beginList(line: Int(line), column: Int(column)) }
    }
    table.end_list = { context in BuilderEvents.run(context) { $0.endList() } }
    table.key = { context, data, length, line, column in
      BuilderEvents.run(context) { builder in
        guard let text = BuilderEvents.text(data, length) else {
          return builder.fail("a key is not UTF-8", line: Int(line), column: Int(column))
        }
        return builder.key(text, line: Int(line), column: Int(column))
      }
    }
    addScalars(&table)
    return table
  }

  private func addScalars(_ table: inout weir_tree_builder) {
    table.scalar = { context, data, length, style, line, column in
      BuilderEvents.run(context) { builder in
        guard let text = BuilderEvents.text(data, length) else {
          return builder.fail("a value is not UTF-8", line: Int(line), column: Int(column))
        }
        let style: ConfigScalar.Style =
          switch style {
          case UInt32(WEIR_STYLE_SINGLE_QUOTED): .singleQuoted
          case UInt32(WEIR_STYLE_DOUBLE_QUOTED): .doubleQuoted
          case UInt32(WEIR_STYLE_BLOCK): .block
          default: .plain
          }
        return builder.scalar(text, style: style, line: Int(line), column: Int(column))
      }
    }
    table.include = { context, data, length, line, column in
      BuilderEvents.run(context) { builder in
        guard let path = BuilderEvents.text(data, length), !path.isEmpty else {
          return builder.fail("an include names no file", line: Int(line), column: Int(column))
        }
        return builder.include(path, line: Int(line), column: Int(column))
      }
    }
    table.problem = { context, severity, data, length, line, column in
      BuilderEvents.run(context) { builder in
        let text = BuilderEvents.text(data, min(length, 1024)) ?? "the file is damaged"
        if severity != UInt32(WEIR_SEVERITY_ERROR) {
          builder.warn(text.replacingLineEnds, line: Int(line), column: Int(column))
        } else {
          builder.fail(text.replacingLineEnds, line: Int(line), column: Int(column))
        }
        return true
      }
    }
  }

  private static func run(
    _ context: UnsafeMutableRawPointer?, _ body: (TreeBuilder) -> Bool
  ) -> Int32 {
    guard let context else { return WEIR_E_ARGUMENT }
    // SAFETY: `table` put the pointer there; `parse` keeps the object.
    let events = Unmanaged<BuilderEvents>.fromOpaque(context).takeUnretainedValue()
    return body(events.builder) ? WEIR_OK : WEIR_E_DATA
  }

  private static func text(_ data: UnsafePointer<UInt8>?, _ length: UInt64) -> String? {
    if length == 0 { return "" }
    guard let data, length <= textBytesMax else { return nil }
    return String(
      validating: UnsafeBufferPointer(start: data, count: Int(length)), as: UTF8.self)
  }
}
