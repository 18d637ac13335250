import CWeirKernels
import CWeirPlugin
import Glibc
import WeirBatch
import WeirStage

/// Renders records as log records of OTLP's JSON form, the elements of a `logRecords` array.
///
/// The body is the value of `log`, else of `message`, else the whole record as a `kvlistValue`;
/// what stands beside a body becomes attributes, so that nothing is lost. Metadata that came with
/// OTLP (`otlp`) give observed time, severity, ids and attributes back. 64-bit numbers are text, as
/// OTLP has them; null is an empty value. Allocates nothing; owned by one lane.
///
/// Source: OTLP's JSON mapping (opentelemetry.io/docs/specs/otlp, JSON protobuf encoding).
struct OTLPRecordWriter {
  /// Maps and arrays nest so deep; what lies deeper becomes an empty value.
  static let depthMax = 100
  /// Objects and arrays that are open around a record in its document.
  static let recordDepth = 6

  /// Whether lines are broken and indented.
  let isPretty: Bool

  /// What stands before the first record of a document; its last byte takes the place of the comma
  /// that each record begins with.
  var opening: StaticString {
    isPretty
      ? """
      {
        "resourceLogs": [
          {
            "resource": {},
            "scopeLogs": [
              {
                "scope": {},
                "logRecords": [
      """ : #"{"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{},"logRecords":["#
  }

  /// What ends a document.
  var closing: StaticString {
    isPretty ? "\n          ]\n        }\n      ]\n    }\n  ]\n}\n" : "]}]}]}\n"
  }

  /// Appends a record, with a comma before it.
  func append(_ record: UnsafePointer<weir_record>, of batch: Batch, to payload: Payload) {
    var text = OTLPText(payload, isPretty: isPretty, depth: Self.recordDepth)
    text.laterItem()
    text.open("{")
    let fields = batch.fields(of: record)
    let metadata = fields.last { UInt32($0.type) == WEIR_METADATA }
    let otlp = metadata.flatMap { OTLPNode.field($0).member("otlp", batch) }
    let time = otlp?.member("timestamp", batch)?.unsigned
    if let time = time ?? (record.pointee.time_ns > 0 ? UInt64(record.pointee.time_ns) : nil) {
      text.key("timeUnixNano")
      text.quoted(time)
    }
    let body = bodyIndex(fields, batch)
    var hasAttributes = false
    if let otlp { hasAttributes = appendMetadata(otlp, batch, &text) }
    if let body, !hasAttributes {
      appendRest(record, without: body, batch, &text)
    }
    appendBody(record, body, batch, &text)
    text.close("}")
  }

  // MARK: Parts of a record

  private func bodyIndex(
    _ fields: UnsafeMutableBufferPointer<weir_field>, _ batch: Batch
  ) -> Int? {
    index(of: "log", fields, batch) ?? index(of: "message", fields, batch)
  }

  private func index(
    of name: StaticString, _ fields: UnsafeMutableBufferPointer<weir_field>, _ batch: Batch
  ) -> Int? {
    fields.indices.first {
      UInt32(fields[$0].type) != WEIR_METADATA
        && OTLPNode.isEqual(batch.name(of: fields[$0].key), name)
    }
  }

  /// What came with OTLP; true when it has attributes of its own.
  private func appendMetadata(
    _ otlp: OTLPNode, _ batch: Batch, _ text: inout OTLPText
  ) -> Bool {
    if let time = otlp.member("observed_timestamp", batch)?.unsigned {
      text.key("observedTimeUnixNano")
      text.quoted(time)
    }
    if let number = otlp.member("severity_number", batch)?.unsigned {
      text.key("severityNumber")
      text.payload.length += weir_put_u64(text.payload.reserve(24), number)
    }
    if let severity = otlp.member("severity_text", batch), isText(severity) {
      text.key("severityText")
      appendString(severity, batch, text)
    }
    var hasAttributes = false
    if let attributes = otlp.member("attributes", batch), attributes.isMap {
      hasAttributes = true
      if !isEmpty(attributes) {
        text.key("attributes")
        appendList(attributes, batch, &text, depth: 0)
      }
    }
    if let id = otlp.member("trace_id", batch) { appendID("traceId", id, bytes: 16, batch, text) }
    if let id = otlp.member("span_id", batch) { appendID("spanId", id, bytes: 8, batch, text) }
    return hasAttributes
  }

  private func appendID(
    _ name: StaticString, _ node: OTLPNode, bytes: Int, _ batch: Batch, _ text: OTLPText
  ) {
    if isText(node) {
      text.key(name)
      return appendString(node, batch, text)
    }
    guard case .field(let field) = node, UInt32(field.type) == WEIR_BINARY else { return }
    let value = batch.bytes(of: field)
    text.key(name)
    if value.count == bytes { text.hex(value) } else { text.base64(value) }
  }

  /// The fields beside the body, as attributes.
  private func appendRest(
    _ record: UnsafePointer<weir_record>, without body: Int, _ batch: Batch,
    _ text: inout OTLPText
  ) {
    let fields = batch.fields(of: record)
    let others = fields.count { UInt32($0.type) != WEIR_METADATA } - 1
    guard others > 0 || record.pointee.resource != WEIR_NO_RESOURCE else { return }
    text.key("attributes")
    appendMembers(record, without: body, batch, &text)
  }

  private func appendBody(
    _ record: UnsafePointer<weir_record>, _ index: Int?, _ batch: Batch, _ text: inout OTLPText
  ) {
    guard let index else {
      text.key("body")
      text.open("{")
      text.key("kvlistValue")
      text.open("{")
      text.key("values")
      appendMembers(record, without: nil, batch, &text)
      text.close("}")
      return text.close("}")
    }
    let field = batch.fields(of: record)[index]
    if UInt32(field.type) == WEIR_NULL { return }
    text.key("body")
    appendAny(OTLPNode(field, batch), batch, &text, depth: 0)
  }

  /// The fields of a record and its resource as a list of keys and values.
  private func appendMembers(
    _ record: UnsafePointer<weir_record>, without left: Int?, _ batch: Batch,
    _ text: inout OTLPText
  ) {
    text.open("[")
    for (index, field) in batch.fields(of: record).enumerated()
    where index != left && UInt32(field.type) != WEIR_METADATA {
      begin(batch.name(of: field.key), isCanonical: false, &text)
      appendAny(OTLPNode(field, batch), batch, &text, depth: 0)
      text.close("}")
    }
    if record.pointee.resource != WEIR_NO_RESOURCE {
      let resource = batch.raw.pointee.resources[Int(record.pointee.resource)]
      begin(batch.name(of: resource.key), isCanonical: false, &text)
      if let data = resource.data, let node = OTLPNode(json: data, Int(resource.length)) {
        appendAny(node, batch, &text, depth: 0)
      } else {
        text.bare("{}")
      }
      text.close("}")
    }
    text.close("]")
  }

  /// `{"key":"…","value":` of a list's element.
  func begin(_ name: UnsafeRawBufferPointer, isCanonical: Bool, _ text: inout OTLPText) {
    text.item()
    text.open("{")
    text.key("key")
    if isCanonical { text.canonical(name) } else { text.string(name) }
    text.key("value")
  }
}
