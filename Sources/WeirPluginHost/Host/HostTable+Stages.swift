import CWeirPlugin

/// What inputs and outputs ask of the host.
extension HostTable {
  static func addStages(_ host: inout weir_host) {
    host.ack = { context, ticket, result in
      guard let context = HostContext.of(context) else { return WEIR_E_ARGUMENT }
      if context.delivery.answer(ticket, result) { return WEIR_OK }
      return context.breach("ack of a ticket that nobody waits for")
    }
    host.wake = { context in
      guard let context = HostContext.of(context) else { return WEIR_E_ARGUMENT }
      if let port = context.input.withLock({ $0 }) { port.wake() } else { context.delivery.wake() }
      return WEIR_OK
    }
    host.stream_open = { context, tag, tagLength, path, pathLength, place in
      guard let context = HostContext.of(context), let place, tagLength <= 4096,
        pathLength <= 4096, tagLength == 0 || tag != nil, pathLength == 0 || path != nil
      else { return WEIR_E_ARGUMENT }
      guard let port = HostTable.port(context, "stream_open") else { return WEIR_E_STATE }
      let tagBytes = Array(UnsafeBufferPointer(start: tag, count: Int(tagLength)))
      let pathBytes = Array(UnsafeBufferPointer(start: path, count: Int(pathLength)))
      guard let stream = port.openStream(tag: tagBytes, path: pathBytes) else {
        return WEIR_E_LIMIT
      }
      place.pointee = stream
      return WEIR_OK
    }
    host.slot_acquire = { context, stream, bytes, data, capacity in
      guard let context = HostContext.of(context), let data, let capacity else {
        return WEIR_E_ARGUMENT
      }
      guard let port = HostTable.port(context, "slot_acquire") else { return WEIR_E_STATE }
      return port.acquire(stream, bytes, data, capacity)
    }
    host.slot_publish = { context, stream, length, position, flags in
      guard let context = HostContext.of(context) else { return WEIR_E_ARGUMENT }
      guard let port = HostTable.port(context, "slot_publish") else { return WEIR_E_STATE }
      let result = port.publish(stream, length, position, flags)
      if result == WEIR_E_STATE {
        context.breach("slot_publish of more than the last slot_acquire, or of another stream")
      }
      return result
    }
    host.slot_flush = { context in
      guard let context = HostContext.of(context) else { return WEIR_E_ARGUMENT }
      guard let port = HostTable.port(context, "slot_flush") else { return WEIR_E_STATE }
      port.flush()
      return WEIR_OK
    }
  }

  /// The port of an input that is being called on this thread; nil, counted, otherwise.
  private static func port(_ context: HostContext, _ function: StaticString) -> PluginInputPort? {
    if let port = context.input.withLock({ $0 }), port.isInCall { return port }
    context.breach("\(function) outside of start and poll")
    return nil
  }
}
