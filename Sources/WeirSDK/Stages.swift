public import CWeirPlugin

extension Component {
  /// A filter. `lanesMax` 0 takes any number of lanes.
  public static func filter(
    _ type: StaticString, help: StaticString, options: OptionsSchema = "", lanesMax: Int = 0,
    create: Create
  ) -> Component {
    Component(
      kind: UInt32(WEIR_KIND_FILTER), type: type, help: help, options: options, capabilities: 0,
      lanesMax: lanesMax, lifecycle: lifecycle(create), table: UnsafeRawPointer(filterTable))
  }

  /// An output that carries its records itself: its calls never overlap.
  public static func output(
    _ type: StaticString, help: StaticString, options: OptionsSchema = "", create: Create
  ) -> Component {
    Component(
      kind: UInt32(WEIR_KIND_OUTPUT), type: type, help: help, options: options,
      capabilities: UInt32(WEIR_CAN_DELIVER), lanesMax: 1, lifecycle: lifecycle(create),
      table: UnsafeRawPointer(
        keep(
          weir_output(
            struct_size: UInt32(MemoryLayout<weir_output>.size), reserved: 0,
            deliver: sdkDeliver, flush: sdkFlush, encode: nil, interpret: nil, http: nil))))
  }

  /// An input.
  public static func input(
    _ type: StaticString, help: StaticString, options: OptionsSchema = "", create: Create
  ) -> Component {
    Component(
      kind: UInt32(WEIR_KIND_INPUT), type: type, help: help, options: options, capabilities: 0,
      lanesMax: 1, lifecycle: lifecycle(create),
      table: UnsafeRawPointer(
        keep(
          weir_input(
            struct_size: UInt32(MemoryLayout<weir_input>.size), reserved: 0, start: sdkStart,
            poll: sdkPoll, stop: sdkStop))))
  }

  private static var filterTable: UnsafePointer<weir_filter> {
    keep(
      weir_filter(
        struct_size: UInt32(MemoryLayout<weir_filter>.size), reserved: 0, process: sdkProcess))
  }
}

private let sdkProcess:
  @convention(c) (
    UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<weir_batch>?,
    UnsafePointer<UInt32>?, UInt32, UnsafeMutablePointer<UInt32>?,
    UnsafeMutablePointer<weir_error>?
  ) -> Int32 = { _, state, batch, selection, count, cursor, error in
    guarded(error) { () throws(PluginError) in
      guard let batch, let cursor else { throw PluginError(WEIR_E_ARGUMENT, "no batch") }
      return try lane(state).process(
        BatchView(batch), SelectionView(start: selection, count: Int(count)), &cursor.pointee)
    }
  }

private let sdkDeliver:
  @convention(c) (
    UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafePointer<weir_batch>?,
    UnsafePointer<UInt32>?, UInt32, UInt64, UnsafeMutablePointer<weir_error>?
  ) -> Int32 = { _, state, batch, selection, count, ticket, error in
    guarded(error) { () throws(PluginError) in
      guard let batch else { throw PluginError(WEIR_E_ARGUMENT, "no batch") }
      // SAFETY: outputs only read; the view's editing calls need a filter's batch.
      return try lane(state).deliver(
        BatchView(UnsafeMutablePointer(mutating: batch)),
        SelectionView(start: selection, count: Int(count)), ticket: ticket)
    }
  }

private let sdkFlush:
  @convention(c) (
    UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<weir_error>?
  ) -> Int32 = { _, state, error in
    guarded(error) { () throws(PluginError) in
      try lane(state).flush()
      return WEIR_OK
    }
  }

private let sdkStart:
  @convention(c) (
    UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<weir_error>?
  ) -> Int32 = { _, state, error in
    guarded(error) { () throws(PluginError) in
      try lane(state).start()
      return WEIR_OK
    }
  }

private let sdkPoll:
  @convention(c) (
    UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, Int64, UnsafeMutablePointer<Int64>?,
    UnsafeMutablePointer<weir_error>?
  ) -> Int32 = { _, state, now, next, error in
    guarded(error) { () throws(PluginError) in
      var wanted = Int64.max
      let result = try lane(state).poll(now: now, next: &wanted)
      next?.pointee = wanted
      return result
    }
  }

private let sdkStop: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> Void = {
  _, state in
  if let lane = try? lane(state) { lane.stop() }
}
