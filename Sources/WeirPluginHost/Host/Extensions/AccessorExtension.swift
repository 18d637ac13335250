import CWeirPlugin
import WeirBatch

/// `accessor/1`: record accessors for plugins.
enum AccessorExtension {
  static func make() -> weir_accessor_host {
    var table = weir_accessor_host()
    table.struct_size = UInt32(MemoryLayout<weir_accessor_host>.size)
    table.open = { context, data, length, place, error in
      guard HostContext.of(context) != nil, let place,
        let text = HostTable.text(data, length, bytesMax: RecordAccessor.bytesMax)
      else { return WEIR_E_ARGUMENT }
      do throws(AccessorError) {
        let lane = AccessorLane(try RecordAccessor(text))
        // SAFETY: released by `close`, once.
        place.pointee = OpaquePointer(Unmanaged.passRetained(lane).toOpaque())
        return WEIR_OK
      } catch let problem {
        return ErrorStruct.fill(error, WEIR_E_CONFIG, problem.description)
      }
    }
    table.close = { pointer in
      guard let pointer else { return }
      // SAFETY: retained by `open`; a plugin closes an accessor once.
      Unmanaged<AccessorLane>.fromOpaque(UnsafeRawPointer(pointer)).release()
    }
    table.render = { pointer, batch, record, text, complete in
      guard let pointer, let batch, let text, record < batch.pointee.record_count else {
        return WEIR_E_ARGUMENT
      }
      // SAFETY: made by `open`, and not closed yet by contract.
      return Unmanaged<AccessorLane>.fromOpaque(UnsafeRawPointer(pointer))
        ._withUnsafeGuaranteedRef {
          let isComplete = $0.render(batch, record, &text.pointee)
          complete?.pointee = isComplete ? 1 : 0
          return WEIR_OK
        }
    }
    table.value = { pointer, batch, record, type, text in
      guard let pointer, let batch, let type, let text, record < batch.pointee.record_count else {
        return WEIR_E_ARGUMENT
      }
      // SAFETY: as above.
      return Unmanaged<AccessorLane>.fromOpaque(UnsafeRawPointer(pointer))
        ._withUnsafeGuaranteedRef {
          type.pointee = $0.value(batch, record, &text.pointee)
          return WEIR_OK
        }
    }
    return table
  }
}

/// An accessor of one lane of a plugin, with the buffer that its texts lie in.
final class AccessorLane {
  private let accessor: RecordAccessor
  private let buffer = TextBuffer(capacity: 512)

  init(_ accessor: RecordAccessor) { self.accessor = accessor }

  func render(
    _ batch: UnsafePointer<weir_batch>, _ record: UInt32, _ text: inout weir_string
  ) -> Bool {
    // SAFETY: accessors only read.
    let view = Batch(UnsafeMutablePointer(mutating: batch))
    buffer.clear()
    let isComplete = accessor.render(view, view.records + Int(record), into: buffer)
    text = weir_string(data: UnsafePointer(buffer.base), length: UInt64(buffer.count))
    return isComplete
  }

  /// - Returns: the type of the value; text that is kept escaped is text.
  func value(
    _ batch: UnsafePointer<weir_batch>, _ record: UInt32, _ text: inout weir_string
  ) -> UInt32 {
    guard accessor.isPath else {
      _ = render(batch, record, &text)
      return UInt32(WEIR_TEXT)
    }
    // SAFETY: accessors only read.
    let view = Batch(UnsafeMutablePointer(mutating: batch))
    let value = accessor.resolve(view, view.records + Int(record))
    text = weir_string()
    guard value.isPresent else { return UInt32(WEIR_ACCESSOR_MISSING) }
    if value.isText {
      let bytes = value.text(using: buffer)
      text = weir_string(data: bytes.baseAddress, length: UInt64(bytes.count))
      return UInt32(WEIR_TEXT)
    }
    buffer.clear()
    value.render(into: buffer, view)
    text = weir_string(data: UnsafePointer(buffer.base), length: UInt64(buffer.count))
    guard value.type == UInt32(WEIR_JSON) else { return value.type }
    guard value.isContainer else { return UInt32(WEIR_DOUBLE) }
    return UInt32(buffer.bytes.first == UInt8(ascii: "[") ? WEIR_ARRAY : WEIR_MAP)
  }
}
