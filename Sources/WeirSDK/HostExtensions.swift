public import CWeirPlugin

extension Host {
  /// A table of the host beyond version 1.0, by `name/revision`; nil when it does not have it.
  public func extensionTable<Table>(_ name: String) -> UnsafePointer<Table>? {
    guard let find = function(\.extension) else { return nil }
    var name = name
    let found = name.withUTF8 { find(context, $0.baseAddress, UInt64($0.count)) }
    return found?.assumingMemoryBound(to: Table.self)
  }
}

/// The host's writer of records (`json/1`), for one lane.
public final class JSONWriter {
  /// The functions; `append` is called once per record.
  public let table: UnsafePointer<weir_json_host>
  /// The writer itself.
  public let raw: OpaquePointer

  /// Opens a writer; `style` is `WEIR_JSON_...`. In `openLane` only.
  public init(_ host: Host, style: UInt32) throws(PluginError) {
    guard let table: UnsafePointer<weir_json_host> = host.extensionTable("json/1"),
      let open = table.pointee.open
    else { throw PluginError(WEIR_E_UNSUPPORTED, "this host has no json/1: update Weir") }
    var raw: OpaquePointer?
    let result = open(host.context, style, &raw)
    guard result == WEIR_OK, let raw else {
      throw PluginError(result, "the host opens no JSON writer")
    }
    self.table = table
    self.raw = raw
  }

  deinit { table.pointee.close?(raw) }

  /// Text as the body of a JSON string; valid until the next call. Empty beyond a megabyte.
  public func escape(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    var escaped = weir_string()
    _ = table.pointee.escape?(
      raw, text.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(text.count), &escaped)
    return escaped.bytes
  }

  /// What this call of `encode` has appended so far.
  public func view(of body: OpaquePointer?) -> UnsafeRawBufferPointer {
    var bytes = weir_string()
    _ = table.pointee.body_view?(body, &bytes)
    return bytes.bytes
  }
}

/// A record accessor of the host (`accessor/1`), for one lane.
public final class Accessor {
  private let table: UnsafePointer<weir_accessor_host>
  private let raw: OpaquePointer

  /// Compiles text with accessors in it. `option` is to blame when it is wrong.
  public init(_ host: Host, _ text: String, option: String) throws(PluginError) {
    guard let table: UnsafePointer<weir_accessor_host> = host.extensionTable("accessor/1"),
      let open = table.pointee.open
    else { throw PluginError(WEIR_E_UNSUPPORTED, "this host has no accessor/1: update Weir") }
    var raw: OpaquePointer?
    var error = weir_error()
    error.struct_size = UInt32(MemoryLayout<weir_error>.size)
    var text = text
    let result = text.withUTF8 {
      open(host.context, $0.baseAddress, UInt64($0.count), &raw, &error)
    }
    guard result == WEIR_OK, let raw else {
      let why = withUnsafeBytes(of: error.message) {
        String(decoding: $0.prefix(Int(clamping: error.message_length)), as: UTF8.self)
      }
      throw .option(option, why.isEmpty ? "the host does not take \"\(text)\"" : why)
    }
    self.table = table
    self.raw = raw
  }

  deinit { table.pointee.close?(raw) }

  /// The text with its accessors replaced; valid until the next call. Nil when the record does not
  /// have all of it.
  public func render(_ batch: BatchView, _ record: UInt32) -> UnsafeRawBufferPointer? {
    var text = weir_string()
    var complete: UInt32 = 0
    guard table.pointee.render?(raw, batch.raw, record, &text, &complete) == WEIR_OK,
      complete != 0
    else { return nil }
    return text.bytes
  }

  /// The text with its accessors replaced, what is missing left out.
  public func renderAny(_ batch: BatchView, _ record: UInt32) -> UnsafeRawBufferPointer {
    var text = weir_string()
    _ = table.pointee.render?(raw, batch.raw, record, &text, nil)
    return text.bytes
  }

  /// The value that a single path names: `WEIR_...` or `WEIR_ACCESSOR_MISSING`, and its text.
  public func value(
    _ batch: BatchView, _ record: UInt32
  ) -> (type: UInt32, text: UnsafeRawBufferPointer) {
    var text = weir_string()
    var type = UInt32(WEIR_ACCESSOR_MISSING)
    _ = table.pointee.value?(raw, batch.raw, record, &type, &text)
    return (type, text.bytes)
  }
}
