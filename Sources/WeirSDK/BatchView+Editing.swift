public import CWeirPlugin

/// Editing a batch inside `process`. Each call answers `WEIR_OK`, `WEIR_NO_SPACE` (return it from
/// `process` with the cursor before this record) or below 0.
extension BatchView {
  /// Points a field at new text, copied to scratch.
  public func replaceText(
    _ field: UnsafeMutablePointer<weir_field>, with bytes: UnsafeRawBufferPointer, host: Host
  ) -> Int32 {
    var made = weir_field()
    let result = text(bytes, key: field.pointee.key, host: host, into: &made)
    if result == WEIR_OK { field.pointee = made }
    return result
  }

  /// Makes a text field over new scratch bytes.
  public func text(
    _ bytes: UnsafeRawBufferPointer, key: UInt32, host: Host, into field: inout weir_field
  ) -> Int32 {
    guard let reserve = host.reserve, let commit = host.commit else { return WEIR_E_UNSUPPORTED }
    var data: UnsafeMutablePointer<UInt8>?
    let reserved = reserve(host.context, raw, UInt64(bytes.count), &data)
    guard reserved == WEIR_OK, let data else { return reserved }
    UnsafeMutableRawBufferPointer(start: data, count: bytes.count).copyMemory(from: bytes)
    var segment: UInt16 = 0
    var offset: UInt32 = 0
    let committed = commit(host.context, raw, UInt64(bytes.count), &segment, &offset)
    guard committed == WEIR_OK else { return committed }
    field = weir_field()
    field.key = key
    field.type = UInt8(WEIR_TEXT)
    field.segment = segment
    field.value.slice.offset = offset
    field.value.slice.length = UInt32(bytes.count)
    return WEIR_OK
  }
}

extension RecordView {
  /// Adds a field at the end; field pointers of this record are taken anew afterwards.
  public func append(_ field: weir_field, host: Host) -> Int32 {
    guard let append = host.append else { return WEIR_E_UNSUPPORTED }
    var field = field
    return append(host.context, batch.raw, index, &field)
  }

  /// Takes the field at an index out.
  public func removeField(at position: Int, host: Host) -> Int32 {
    guard let remove = host.remove else { return WEIR_E_UNSUPPORTED }
    return remove(host.context, batch.raw, index, UInt32(position))
  }
}
