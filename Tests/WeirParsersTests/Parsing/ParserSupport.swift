import CWeirPlugin
import Glibc
import WeirBatch
import WeirConfig

@testable import WeirParsers

/// A batch whose raw segment is one text, with the padding that kernels ask for.
final class TextBatch {
  let storage: BatchStorage
  let memory: UnsafeMutablePointer<UInt8>
  var batch: Batch { storage.batch }

  init(_ text: [UInt8], limits: BatchLimits = BatchLimits()) {
    storage = BatchStorage(limits: limits)
    memory = .allocate(capacity: text.count + 64)
    memory.initialize(repeating: 0x7A, count: text.count + 64)
    memory.update(from: text, count: text.count)
    batch.raw.pointee.segments[0] = weir_segment(
      base: memory, length: UInt64(text.count), capacity: UInt64(text.count))
  }

  deinit { memory.deallocate() }

  /// The whole text as a field.
  var field: weir_field {
    .slice(
      KeyTable.shared.intern("log"), UInt32(WEIR_TEXT), segment: UInt32(WEIR_SEGMENT_RAW),
      offset: 0, length: UInt32(batch.raw.pointee.segments[0].length))
  }

  /// `key=value` of a field: text in quotes, JSON bodies in backquotes, JSON as it is.
  func show(_ field: weir_field) -> String {
    let name = String(decoding: batch.name(of: field.key), as: UTF8.self)
    let value: String =
      switch UInt32(field.type) {
      case UInt32(WEIR_NULL): "null"
      case UInt32(WEIR_BOOL): field.value.i64 == 0 ? "false" : "true"
      case UInt32(WEIR_INT64): "\(field.value.i64)"
      case UInt32(WEIR_UINT64): "\(field.value.u64)u"
      case UInt32(WEIR_DOUBLE): "\(field.value.f64)d"
      case UInt32(WEIR_TEXT): "\"" + String(decoding: batch.bytes(of: field), as: UTF8.self) + "\""
      case UInt32(WEIR_JSON_TEXT):
        "`" + String(decoding: batch.bytes(of: field), as: UTF8.self) + "`"
      default: String(decoding: batch.bytes(of: field), as: UTF8.self)
      }
    return name + "=" + value
  }
}

/// What a parser makes of a line: fields as `TextBatch.show` writes them, then `@time` if it has
/// one; nil when the line fails.
func parse(_ definition: ParserDefinition, _ line: String) throws -> [String]? {
  try parse(definition, Array(line.utf8))
}

func parse(_ definition: ParserDefinition, _ line: [UInt8]) throws -> [String]? {
  let lane = try Parser(definition).openLane()
  let text = TextBatch(line)
  let outcome = lane.parse(text.batch, text.field, now: 1_795_435_200 * 1_000_000_000)
  let fields = lane.fields.map { text.show($0) } + (lane.hasDuplicates ? ["duplicates"] : [])
  switch outcome {
  case .failed: return nil
  case .fields: return fields
  case .timed(let time): return fields + ["@\(time)"]
  }
}

/// A definition of a format with options set by `configure`.
func definition(
  _ format: ParserDefinition.Format, _ regex: String? = nil,
  _ configure: (inout ParserDefinition) -> Void = { _ in }
) -> ParserDefinition {
  var result = ParserDefinition(name: "p", format: format, regex: regex)
  configure(&result)
  return result
}

func decoder(
  _ kind: ParserDefinition.Decoder.Kind, _ field: String, replaces: Bool = true,
  _ action: ParserDefinition.Decoder.Action = .stop
) -> ParserDefinition.Decoder {
  .init(replacesValue: replaces, kind: kind, field: field, action: action)
}
