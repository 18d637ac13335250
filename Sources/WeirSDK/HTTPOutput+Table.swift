public import CWeirPlugin

extension Component {
  /// An output that the host carries over HTTP; its instances are `HTTPOutputInstance`s.
  public static func httpOutput(
    _ type: StaticString, help: StaticString, options: OptionsSchema, create: Create
  ) -> Component {
    let http = keep(
      weir_http(
        struct_size: UInt32(MemoryLayout<weir_http>.size), reserved: 0, describe: sdkDescribe,
        reply_open: sdkReplyOpen, reply_write: sdkReplyWrite, reply_close: sdkReplyClose))
    return Component(
      kind: UInt32(WEIR_KIND_OUTPUT), type: type, help: help, options: options,
      capabilities: UInt32(WEIR_CAN_ENCODE), lanesMax: 0, lifecycle: lifecycle(create),
      table: UnsafeRawPointer(
        keep(
          weir_output(
            struct_size: UInt32(MemoryLayout<weir_output>.size), reserved: 0, deliver: nil,
            flush: nil, encode: sdkEncode, interpret: nil, http: http))))
  }
}

/// A target in memory of its own, for the host to read until the next one.
final class TargetMemory {
  private var blocks: [UnsafeMutableRawPointer] = []
  private(set) var raw = weir_http_target()

  init(_ target: HTTPTarget, size: UInt32) {
    raw.struct_size = size
    raw.path = keep(target.path)
    raw.host = keep(target.host)
    raw.port = UInt32(clamping: target.port)
    raw.tls = target.tls
    raw.encoding =
      target.isCompressed ? UInt32(WEIR_ENCODING_GZIP) : UInt32(WEIR_ENCODING_IDENTITY)
    raw.flags = target.isOrdered ? UInt32(WEIR_TARGET_ORDERED) : 0
    let bytes = max(1, target.headers.count) * MemoryLayout<weir_http_header>.stride
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 16)
    blocks.append(memory)
    let headers = memory.bindMemory(to: weir_http_header.self, capacity: target.headers.count)
    for (i, header) in target.headers.enumerated() {
      headers[i] = weir_http_header(
        name: keep(header.name), value: keep(header.value),
        flags: header.isSecret ? UInt32(WEIR_HEADER_SECRET) : 0, reserved: 0)
    }
    raw.headers = UnsafePointer(headers)
    raw.header_count = UInt32(target.headers.count)
  }

  deinit { for block in blocks { block.deallocate() } }

  private func keep(_ text: String) -> weir_string {
    let bytes = Array(text.utf8)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes.count + 1, alignment: 1)
    memory.copyMemory(from: bytes, byteCount: bytes.count)
    blocks.append(memory)
    return weir_string(UnsafeRawBufferPointer(start: memory, count: bytes.count))
  }
}

// SAFETY: made by `create`, and handed back by the host until `destroy`.
private func box(_ pointer: UnsafeMutableRawPointer?) throws(PluginError) -> InstanceBox {
  guard let pointer else { throw PluginError(WEIR_E_ARGUMENT, "no instance") }
  return Unmanaged<InstanceBox>.fromOpaque(pointer).takeUnretainedValue()
}

private func output(_ box: InstanceBox) throws(PluginError) -> any HTTPOutputInstance {
  guard let output = box.instance as? any HTTPOutputInstance else {
    throw PluginError(WEIR_E_INTERNAL, "the instance has to be an HTTPOutputInstance")
  }
  return output
}

private let sdkDescribe:
  @convention(c) (
    UnsafeMutableRawPointer?, OpaquePointer?, UnsafeMutablePointer<weir_http_target>?,
    UnsafeMutablePointer<weir_error>?
  ) -> Int32 = { pointer, server, target, error in
    guarded(error) { () throws(PluginError) in
      guard let target else { throw PluginError(WEIR_E_ARGUMENT, "no target") }
      let box = try box(pointer)
      let options = server.map { Options(host: box.host, node: $0) }
      let memory = TargetMemory(
        try output(box).describe(server: options), size: target.pointee.struct_size)
      box.target = memory
      target.pointee = memory.raw
      return WEIR_OK
    }
  }

private let sdkEncode:
  @convention(c) (
    UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafePointer<weir_batch>?,
    UnsafePointer<UInt32>?, UInt32, UnsafeMutablePointer<UInt32>?, OpaquePointer?,
    UnsafeMutablePointer<UInt64>?, UnsafeMutablePointer<weir_error>?
  ) -> Int32 = { _, state, batch, selection, count, cursor, body, ends, error in
    guarded(error) { () throws(PluginError) in
      guard let batch, let cursor, let ends else { throw PluginError(WEIR_E_ARGUMENT, "no batch") }
      // SAFETY: outputs only read; the view's editing calls need a filter's batch.
      return try lane(state).encode(
        BatchView(UnsafeMutablePointer(mutating: batch)),
        SelectionView(start: selection, count: Int(count)), &cursor.pointee, body, ends)
    }
  }

private let sdkReplyOpen:
  @convention(c) (
    UnsafeMutableRawPointer?, UInt32, UnsafePointer<weir_string>?, UInt32, OpaquePointer?,
    UnsafeMutablePointer<UnsafeMutableRawPointer?>?, UnsafeMutablePointer<weir_error>?
  ) -> Int32 = { pointer, status, type, count, outcomes, place, error in
    guarded(error) { () throws(PluginError) in
      guard let place else { throw PluginError(WEIR_E_ARGUMENT, "no place for the reply") }
      let box = try box(pointer)
      let reply = try output(box).openReply(
        status: Int(status), contentType: type?.pointee.string ?? "", itemCount: Int(count),
        outcomes: Outcomes(host: box.host, raw: outcomes))
      // SAFETY: released by `reply_close`, once.
      place.pointee = Unmanaged.passRetained(reply).toOpaque()
      return WEIR_OK
    }
  }

private let sdkReplyWrite:
  @convention(c) (
    UnsafeMutableRawPointer?, UnsafePointer<UInt8>?, UInt64, UnsafeMutablePointer<weir_error>?
  ) -> Int32 = { pointer, bytes, length, _ in
    guard let pointer else { return WEIR_E_ARGUMENT }
    // SAFETY: made by `reply_open`, not closed yet.
    let reply = Unmanaged<HTTPReply>.fromOpaque(pointer).takeUnretainedValue()
    return reply.receive(UnsafeRawBufferPointer(start: bytes, count: Int(length)))
      ? WEIR_OK : WEIR_END
  }

private let sdkReplyClose:
  @convention(c) (
    UnsafeMutableRawPointer?, UInt32, UnsafeMutablePointer<weir_verdict>?,
    UnsafeMutablePointer<weir_error>?
  ) -> Int32 = { pointer, complete, verdict, _ in
    guard let pointer, let verdict else { return WEIR_E_ARGUMENT }
    // SAFETY: retained by `reply_open`, handed back once.
    let reply = Unmanaged<HTTPReply>.fromOpaque(pointer).takeRetainedValue()
    let (kind, message) =
      switch reply.finish(isComplete: complete != 0) {
      case .items(let text): (UInt32(WEIR_VERDICT_ITEMS), text)
      case .retry(let text): (UInt32(WEIR_VERDICT_RETRY), text)
      case .split(let text): (UInt32(WEIR_VERDICT_SPLIT), text)
      case .denied(let text): (UInt32(WEIR_VERDICT_DENIED), text)
      case .dead(let text): (UInt32(WEIR_VERDICT_DEAD), text)
      }
    verdict.pointee.kind = kind
    withUnsafeMutableBytes(of: &verdict.pointee.message) { room in
      verdict.pointee.message_length = copyText(message, to: room)
    }
    return WEIR_OK
  }
