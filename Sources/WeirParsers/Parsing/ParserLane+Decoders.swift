import CWeirKernels
import CWeirPlugin
import WeirBatch
import WeirConfig

extension ParserLane {
  /// What a decoder made of a text.
  private enum Decoded {
    case failed
    case text(weir_field)
    /// An object: as one value, and as what it was read from.
    case object(weir_field)
  }

  /// Applies `decode_field` and `decode_field_as` to the fields; false when a bound was reached.
  func decodeFields(_ batch: Batch, _ sink: inout FieldSink) -> Bool {
    let count = sink.count
    for decoder in parser.decoders {
      for index in 0..<count where sink.base[index].key == decoder.key {
        guard decode(decoder, at: index, batch, &sink) else { return false }
      }
    }
    return true
  }

  private func decode(
    _ decoder: Parser.FieldDecoder, at index: Int, _ batch: Batch, _ sink: inout FieldSink
  ) -> Bool {
    let type = UInt32(sink.base[index].type)
    guard type == UInt32(WEIR_TEXT) || type == UInt32(WEIR_JSON_TEXT) else { return true }
    var working = sink.base[index]
    for rule in decoder.rules {
      switch decoded(rule.kind, working, batch) {
      case .failed:
        if rule.action == .stop { return true }
      case .text(let field):
        working = field
        if rule.replacesValue { sink.base[index] = field }
        if rule.action != .doNext { return true }
      case .object(let field):
        // Nothing decodes an object further.
        if rule.replacesValue {
          sink.base[index] = field
          return true
        }
        return appendObject(working, batch, &sink)
      }
    }
    return true
  }

  private func decoded(
    _ kind: ParserDefinition.Decoder.Kind, _ field: weir_field, _ batch: Batch
  ) -> Decoded {
    guard let subject = subject(batch, field) else { return .failed }
    if kind == .json { return decodedObject(field.key, subject) }
    guard let room = batch.reserveScratch(subject.count) else {
      _ = outOfRoom() as Bool?
      return .failed
    }
    let count =
      switch kind {
      case .escaped: TextEscapes.unescape(subject.base, subject.count, room)
      case .escapedUTF8: TextEscapes.unescapeUTF8(subject.base, subject.count, room)
      case .mysqlQuoted: TextEscapes.unquoteMySQL(subject.base, subject.count, room)
      case .json: 0
      }
    return .text(rendered(field.key, UInt32(WEIR_TEXT), room, count, batch))
  }

  /// The one object that a text is.
  private func decodedObject(_ key: KeyID, _ subject: ParseSubject) -> Decoded {
    var result = weir_json_result()
    guard
      weir_json_object(
        subject.base, subject.count, 0, members, UInt32(Self.fieldsMax), &result)
        == Int32(WEIR_JSON_OK)
    else { return .failed }
    let length = Int(result.end)
    let capacity = length * 6 + 32
    guard let room = subject.batch.reserveScratch(capacity) else {
      _ = outOfRoom() as Bool?
      return .failed
    }
    let count = weir_json_normalise(room, capacity, subject.base, length)
    guard count >= 0 else { return .failed }
    return .object(rendered(key, UInt32(WEIR_JSON), room, count, subject.batch))
  }

  /// Appends the members of an object that a text is.
  private func appendObject(
    _ field: weir_field, _ batch: Batch, _ sink: inout FieldSink
  ) -> Bool {
    var result = weir_json_result()
    guard let subject = subject(batch, field),
      weir_json_object(
        subject.base, subject.count, 0, members, UInt32(Self.fieldsMax), &result)
        == Int32(WEIR_JSON_OK)
    else { return true }
    forgetKeys()
    for index in 0..<sink.count { _ = sawKey(sink.base[index].key) }
    return appendMembers(Int(result.count), subject, &sink, readsTime: false, 0)
  }
}
