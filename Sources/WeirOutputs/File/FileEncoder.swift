import CWeirKernels
import CWeirPlugin
import Glibc
import WeirBatch
import WeirStage

/// Renders records in the format of a file. Owned by one lane.
final class FileEncoder {
  let layout: FileLayout
  private let isPlain: Bool
  private let isOutFile: Bool
  private let json: RecordJSONWriter
  private let text = RecordTextWriter()
  private let binary = MessagePackWriter()

  init(_ layout: FileLayout, _ style: JSONStyle) {
    self.layout = layout
    if case .plain = layout { isPlain = true } else { isPlain = false }
    if case .outFile = layout { isOutFile = true } else { isOutFile = false }
    json = RecordJSONWriter(style)
  }

  /// Appends one record with its line end.
  @inline(__always)
  func append(
    _ record: UnsafePointer<weir_record>, _ batch: Batch, to cursor: inout PayloadCursor
  ) {
    if isPlain {
      json.append(record, of: batch, to: &cursor)
      cursor.append(UInt8(ascii: "\n"))
    } else if isOutFile {
      appendOutFile(record, batch, to: &cursor)
    } else {
      cursor.commit()
      appendOther(record, batch, to: cursor.payload)
      cursor.reload()
    }
  }

  @inline(__always)
  private func appendOutFile(
    _ record: UnsafePointer<weir_record>, _ batch: Batch, to cursor: inout PayloadCursor
  ) {
    let tag = batch.tag(of: record)
    var out = cursor.reserve(tag.count + 64)
    if let base = tag.baseAddress { memcpy(out, base, tag.count) }
    out += tag.count
    out[0] = UInt8(ascii: ":")
    out[1] = UInt8(ascii: " ")
    out[2] = UInt8(ascii: "[")
    out += 3
    out += weir_put_epoch9(out, record.pointee.time_ns)
    out[0] = UInt8(ascii: ",")
    out[1] = UInt8(ascii: " ")
    cursor.out = out + 2
    json.append(record, of: batch, to: &cursor)
    let end = cursor.reserve(2)
    end[0] = UInt8(ascii: "]")
    end[1] = UInt8(ascii: "\n")
    cursor.out = end + 2
  }

  @inline(never)
  private func appendOther(
    _ record: UnsafePointer<weir_record>, _ batch: Batch, to payload: Payload
  ) {
    switch layout {
    case .csv(let delimiter, _):
      appendValues(record, batch, delimiter, to: payload)
    case .ltsv(let delimiter, let label):
      appendPairs(record, batch, delimiter, label, to: payload)
    case .template(let template):
      template.append(record, of: batch, to: payload, text)
      payload.append(UInt8(ascii: "\n"))
    case .msgpack: binary.append(record, of: batch, to: payload)
    case .plain, .outFile: break
    }
  }

  /// True for a record without a field: csv and ltsv have no line for it.
  private func isEmpty(_ record: UnsafePointer<weir_record>, _ batch: Batch) -> Bool {
    if record.pointee.resource != WEIR_NO_RESOURCE { return false }
    return batch.fields(of: record).allSatisfy { UInt32($0.type) == WEIR_METADATA }
  }

  // MARK: csv

  private func appendValues(
    _ record: UnsafePointer<weir_record>, _ batch: Batch, _ delimiter: UInt8, to payload: Payload
  ) {
    if isEmpty(record, batch) { return }
    payload.length += weir_put_epoch9(payload.reserve(32), record.pointee.time_ns)
    for field in batch.fields(of: record) where UInt32(field.type) != WEIR_METADATA {
      payload.append(delimiter)
      text.append(field, of: batch, to: payload)
    }
    if record.pointee.resource != WEIR_NO_RESOURCE {
      let resource = batch.raw.pointee.resources[Int(record.pointee.resource)]
      payload.append(delimiter)
      text.appendJSON(resource.data, Int(resource.length), to: payload, depth: 0)
    }
    payload.append(UInt8(ascii: "\n"))
  }

  /// Appends the line of keys that an empty csv file begins with; nothing for other formats.
  func appendHeader(_ record: UnsafePointer<weir_record>, _ batch: Batch, to payload: Payload) {
    guard case .csv(let delimiter, true) = layout, !isEmpty(record, batch) else { return }
    text.append("timestamp", to: payload)
    for field in batch.fields(of: record) where UInt32(field.type) != WEIR_METADATA {
      payload.append(delimiter)
      text.appendKey(field.key, batch, to: payload)
    }
    if record.pointee.resource != WEIR_NO_RESOURCE {
      let resource = batch.raw.pointee.resources[Int(record.pointee.resource)]
      payload.append(delimiter)
      text.appendKey(resource.key, batch, to: payload)
    }
    payload.append(UInt8(ascii: "\n"))
  }

  // MARK: ltsv

  private func appendPairs(
    _ record: UnsafePointer<weir_record>, _ batch: Batch, _ delimiter: UInt8, _ label: UInt8,
    to payload: Payload
  ) {
    if isEmpty(record, batch) { return }
    text.append("\"time\"", to: payload)
    payload.append(label)
    appendSeconds(record.pointee.time_ns, to: payload)
    for field in batch.fields(of: record) where UInt32(field.type) != WEIR_METADATA {
      payload.append(delimiter)
      text.appendKey(field.key, batch, to: payload)
      payload.append(label)
      text.append(field, of: batch, to: payload)
    }
    if record.pointee.resource != WEIR_NO_RESOURCE {
      let resource = batch.raw.pointee.resources[Int(record.pointee.resource)]
      payload.append(delimiter)
      text.appendKey(resource.key, batch, to: payload)
      payload.append(label)
      text.appendJSON(resource.data, Int(resource.length), to: payload, depth: 0)
    }
    payload.append(UInt8(ascii: "\n"))
  }
}
