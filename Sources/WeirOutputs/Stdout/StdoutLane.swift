import CWeirKernels
import CWeirPlugin
import Glibc
import WeirBatch
import WeirStage
import WeirTelemetry

/// Encodes records for standard output: one section per run of records with one tag, whose
/// target is a hash of the tag.
///
/// What depends on the order of batches is left to delivery, in place: a msgpack record begins
/// with room for its number, a JSON array's elements each begin with a comma of which the first
/// becomes the bracket.
final class StdoutLane: OutputLane {
  private let layout: StdoutLayout
  private let json: RecordJSONWriter
  private let text = RecordTextWriter()
  private let otlp: OTLPRecordWriter

  /// Room for `[N] `: two brackets, a blank and 20 digits, filled with zeros.
  static let numberRoom = 24

  init(_ layout: StdoutLayout, _ style: JSONStyle) {
    self.layout = layout
    json = RecordJSONWriter(style)
    if case .otlpPretty = layout {
      otlp = OTLPRecordWriter(isPretty: true)
    } else {
      otlp = OTLPRecordWriter(isPretty: false)
    }
  }

  func encode(
    _ batch: Batch, _ selection: Selection, into payload: Payload, _ counters: StageCounters
  ) {
    let records = batch.records
    var section = PayloadSection(target: 0, begin: payload.length, end: 0, records: 0)
    var tag = UInt32.max
    var cursor = PayloadCursor(payload)
    for index in selection {
      let record = UnsafePointer(records + Int(index))
      if record.pointee.tag != tag {
        cursor.commit()
        close(&section, payload)
        tag = record.pointee.tag
        section.target = tagHash(batch.tag(of: record))
      }
      section.records += 1
      append(record, batch, &cursor)
    }
    cursor.commit()
    close(&section, payload)
    payload.recordCount = selection.count
  }

  private func close(_ section: inout PayloadSection, _ payload: Payload) {
    section.end = payload.length
    if section.records > 0 { payload.sections.append(section) }
    section = PayloadSection(target: 0, begin: payload.length, end: 0, records: 0)
  }

  @inline(__always)
  private func append(
    _ record: UnsafePointer<weir_record>, _ batch: Batch, _ cursor: inout PayloadCursor
  ) {
    switch layout {
    case .msgpack:
      cursor.commit()
      appendText(record, batch, cursor.payload)
      cursor.reload()
    case .json:
      cursor.append(UInt8(ascii: ","))
      json.append(record, of: batch, to: &cursor)
    case .jsonLines:
      json.append(record, of: batch, to: &cursor)
      cursor.append(UInt8(ascii: "\n"))
    case .jsonStream: json.append(record, of: batch, to: &cursor)
    case .otlp, .otlpPretty:
      cursor.commit()
      otlp.append(record, of: batch, to: cursor.payload)
      cursor.reload()
    }
  }

  private func appendText(
    _ record: UnsafePointer<weir_record>, _ batch: Batch, _ payload: Payload
  ) {
    payload.recordOffsets.append(UInt32(truncatingIfNeeded: payload.length))
    memset(payload.reserve(StdoutLane.numberRoom), 0, StdoutLane.numberRoom)
    payload.length += StdoutLane.numberRoom
    payload.append(batch.tag(of: record))
    text.append(": [[", to: payload)
    payload.length += weir_put_epoch9(payload.reserve(32), record.pointee.time_ns)
    text.append(", ", to: payload)
    text.appendMetadata(record, of: batch, to: payload)
    text.append("], ", to: payload)
    text.append(record, of: batch, to: payload)
    text.append("]\n", to: payload)
  }
}

/// A number for a tag; equal tags have equal numbers.
func tagHash(_ tag: UnsafeRawBufferPointer) -> Int {
  var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  for byte in tag { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
  return Int(truncatingIfNeeded: hash)
}
