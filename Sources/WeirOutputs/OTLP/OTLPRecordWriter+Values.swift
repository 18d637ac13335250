import CWeirKernels
import CWeirPlugin
import WeirBatch
import WeirStage

// Values of any type in OTLP's form: an object whose one member names the type.
extension OTLPRecordWriter {
  func isText(_ node: OTLPNode) -> Bool {
    switch node {
    case .field(let field):
      UInt32(field.type) == WEIR_TEXT || UInt32(field.type) == WEIR_JSON_TEXT
    case .json(let value, _): Int(value.type) == Int(WEIR_JSON_STRING)
    }
  }

  /// True for a map or array without members.
  func isEmpty(_ node: OTLPNode) -> Bool {
    switch node {
    case .field(let field): return field.value.children.count == 0
    case .json(let value, let base):
      var cursor = 0
      var member = weir_json_member()
      return weir_json_next(base + Int(value.val_off), Int(value.val_len), &cursor, &member) != 1
    }
  }

  /// The text of a node that is text, in quotes.
  func appendString(_ node: OTLPNode, _ batch: Batch, _ text: OTLPText) {
    switch node {
    case .field(let field):
      let bytes = batch.bytes(of: field)
      if UInt32(field.type) == WEIR_TEXT { text.string(bytes) } else { text.canonical(bytes) }
    case .json(let value, let base): text.canonical(slice(value, base))
    }
  }

  private func slice(
    _ value: weir_json_member, _ base: UnsafePointer<UInt8>
  ) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: base + Int(value.val_off), count: Int(value.val_len))
  }

  /// A value: `{"stringValue":"…"}`.
  func appendAny(_ node: OTLPNode, _ batch: Batch, _ text: inout OTLPText, depth: Int) {
    text.open("{")
    if depth < Self.depthMax {
      switch node {
      case .field(let field): appendField(field, batch, &text, depth)
      case .json(let value, let base): appendJSON(value, base, batch, &text, depth)
      }
    }
    text.close("}")
  }

  private func appendField(
    _ field: weir_field, _ batch: Batch, _ text: inout OTLPText, _ depth: Int
  ) {
    switch UInt32(field.type) {
    case WEIR_BOOL: appendBool(field.value.i64 != 0, text)
    case WEIR_INT64:
      text.key("intValue")
      text.quoted(field.value.i64)
    case WEIR_UINT64:
      text.key("intValue")
      text.quoted(field.value.u64)
    case WEIR_DOUBLE:
      text.key("doubleValue")
      text.number(field.value.f64)
    case WEIR_TIME:
      text.key("stringValue")
      text.payload.append(UInt8(ascii: "\""))
      text.payload.length += weir_put_time_iso(
        text.payload.reserve(48), field.value.i64, 9, nil)
      text.payload.append(UInt8(ascii: "\""))
    case WEIR_TEXT, WEIR_JSON_TEXT:
      text.key("stringValue")
      appendString(.field(field), batch, text)
    case WEIR_BINARY:
      text.key("bytesValue")
      text.base64(batch.bytes(of: field))
    case WEIR_MAP, WEIR_METADATA: appendMap(.field(field), batch, &text, depth)
    case WEIR_ARRAY:
      openArray(&text)
      let first = batch.fields + Int(field.value.children.first)
      for i in 0..<Int(field.value.children.count) {
        text.item()
        appendAny(OTLPNode(first[i], batch), batch, &text, depth: depth + 1)
      }
      closeArray(&text)
    default: break
    }
  }

  private func appendJSON(
    _ value: weir_json_member, _ base: UnsafePointer<UInt8>, _ batch: Batch,
    _ text: inout OTLPText, _ depth: Int
  ) {
    switch Int(value.type) {
    case Int(WEIR_JSON_BOOL): appendBool(value.num.u64 != 0, text)
    case Int(WEIR_JSON_I64):
      text.key("intValue")
      text.quoted(value.num.i64)
    case Int(WEIR_JSON_U64):
      text.key("intValue")
      text.quoted(value.num.u64)
    case Int(WEIR_JSON_DOUBLE):
      text.key("doubleValue")
      text.number(value.num.f64)
    case Int(WEIR_JSON_STRING):
      text.key("stringValue")
      text.canonical(slice(value, base))
    case Int(WEIR_JSON_OBJECT): appendMap(.json(value, base), batch, &text, depth)
    case Int(WEIR_JSON_ARRAY):
      openArray(&text)
      let elements = base + Int(value.val_off)
      var cursor = 0
      var element = weir_json_member()
      while weir_json_next(elements, Int(value.val_len), &cursor, &element) == 1 {
        text.item()
        appendAny(.json(element, elements), batch, &text, depth: depth + 1)
      }
      closeArray(&text)
    default: break
    }
  }

  private func appendBool(_ value: Bool, _ text: OTLPText) {
    text.key("boolValue")
    text.bare(value ? "true" : "false")
  }

  private func openArray(_ text: inout OTLPText) {
    text.key("arrayValue")
    text.open("{")
    text.key("values")
    text.open("[")
  }

  private func closeArray(_ text: inout OTLPText) {
    text.close("]")
    text.close("}")
  }

  private func appendMap(
    _ node: OTLPNode, _ batch: Batch, _ text: inout OTLPText, _ depth: Int
  ) {
    text.key("kvlistValue")
    text.open("{")
    text.key("values")
    appendList(node, batch, &text, depth: depth + 1)
    text.close("}")
  }

  /// The members of a map as a list of keys and values.
  func appendList(_ node: OTLPNode, _ batch: Batch, _ text: inout OTLPText, depth: Int) {
    text.open("[")
    switch node {
    case .field(let field):
      let first = batch.fields + Int(field.value.children.first)
      for i in 0..<Int(field.value.children.count) {
        begin(batch.name(of: first[i].key), isCanonical: false, &text)
        appendAny(OTLPNode(first[i], batch), batch, &text, depth: depth)
        text.close("}")
      }
    case .json(let value, let base):
      let members = base + Int(value.val_off)
      var cursor = 0
      var member = weir_json_member()
      while weir_json_next(members, Int(value.val_len), &cursor, &member) == 1 {
        begin(
          UnsafeRawBufferPointer(
            start: members + Int(member.key_off), count: Int(member.key_len)),
          isCanonical: true, &text)
        appendAny(.json(member, members), batch, &text, depth: depth)
        text.close("}")
      }
    }
    text.close("]")
  }
}
