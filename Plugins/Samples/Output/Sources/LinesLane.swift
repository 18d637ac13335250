import CWeirPlugin
import Glibc
import WeirSDK

/// The lane of the output: formats a batch into one buffer, then writes it.
final class LinesLane: PluginLane {
  private let output: LinesOutput
  private let descriptor: Int32
  /// The lines of a batch, and where each ends; reused.
  private var buffer: [UInt8] = []
  private var ends: [Int] = []
  /// How much of the batch `sequence` is written: it may come again after a failure.
  private var sequence = UInt64.max
  private var written = 0

  init(_ output: LinesOutput, _ descriptor: Int32) {
    self.output = output
    self.descriptor = descriptor
    super.init()
  }

  deinit { close(descriptor) }

  override func deliver(_ batch: BatchView, _ selection: SelectionView, ticket: UInt64)
    throws(PluginError) -> Int32
  {
    if batch.raw.pointee.sequence != sequence {
      sequence = batch.raw.pointee.sequence
      written = 0
      format(batch, selection)
    }
    switch output.target {
    case .file: try writeFile()
    case .udp: try sendDatagrams()
    }
    output.lines.record(Int64(ends.count))
    sequence = .max
    return WEIR_OK
  }

  private func writeFile() throws(PluginError) {
    while written < buffer.count {
      let count = buffer.withUnsafeBytes {
        write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written)
      }
      if count > 0 {
        written += count
      } else if errno != EINTR {
        throw PluginError(WEIR_RETRY, "write: \(String(cString: strerror(errno)))")
      }
    }
  }

  private func sendDatagrams() throws(PluginError) {
    for end in ends where end > written {
      let count = buffer.withUnsafeBytes {
        send(descriptor, $0.baseAddress.map { $0 + written }, end - written, 0)
      }
      // A peer that is away answers a datagram before with ECONNREFUSED: UDP promises nothing.
      if count < 0 && errno != ECONNREFUSED {
        if errno == EMSGSIZE { written = end }
        throw PluginError(WEIR_RETRY, "send: \(String(cString: strerror(errno)))")
      }
      written = end
    }
  }

  // MARK: Formatting

  private func format(_ batch: BatchView, _ selection: SelectionView) {
    buffer.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    for index in selection {
      let record = batch.record(index)
      if let key = output.key {
        if let field = record.field(key) { append(batch.value(field.pointee), batch) }
      } else {
        appendWhole(record, batch)
      }
      buffer.append(UInt8(ascii: "\n"))
      ends.append(buffer.count)
    }
  }

  private func appendWhole(_ record: RecordView, _ batch: BatchView) {
    buffer.append(contentsOf: record.tag)
    buffer.append(UInt8(ascii: " "))
    append(time: record.time)
    for field in record.fields {
      if UInt32(field.type) == UInt32(WEIR_METADATA) { continue }
      buffer.append(UInt8(ascii: " "))
      appendOnOneLine(batch.name(of: field.key))
      buffer.append(UInt8(ascii: "="))
      append(batch.value(field), batch)
    }
  }

  private func append(_ value: FieldValue, _ batch: BatchView) {
    switch value {
    case .null: append("null")
    case .bool(let value): append(value ? "true" : "false")
    case .integer(let value): append(String(value))
    case .unsigned(let value): append(String(value))
    case .double(let value): append(String(value))
    case .time(let value): append(time: value)
    case .text(let bytes), .jsonText(let bytes), .json(let bytes), .binary(let bytes):
      appendOnOneLine(bytes)
    case .map(let fields), .array(let fields), .metadata(let fields):
      buffer.append(UInt8(ascii: "{"))
      for (i, field) in fields.enumerated() {
        if i > 0 { buffer.append(UInt8(ascii: ",")) }
        appendOnOneLine(batch.name(of: field.key))
        buffer.append(UInt8(ascii: "="))
        append(batch.value(field), batch)
      }
      buffer.append(UInt8(ascii: "}"))
    }
  }

  private func append(time: Int64) {
    let seconds = time.quotientAndRemainder(dividingBy: 1_000_000_000)
    append(String(seconds.quotient))
    let digits = String(abs(seconds.remainder))
    append("." + String(repeating: "0", count: 9 - digits.utf8.count) + digits)
  }

  private func append(_ text: String) { buffer.append(contentsOf: text.utf8) }

  /// A line end in a value would make two lines of one record.
  private func appendOnOneLine(_ bytes: UnsafeRawBufferPointer) {
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "\n"): append("\\n")
      case UInt8(ascii: "\r"): append("\\r")
      default: buffer.append(byte)
      }
    }
  }
}
