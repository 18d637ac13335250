public import CWeirPlugin

/// One component of a plugin: what `Plugin` puts into the descriptor.
public struct Component {
  let raw: weir_component

  /// The C function that makes an instance: a closure that only calls `create(_:_:_:_:_:_:)`.
  public typealias Create =
    @convention(c) (
      UnsafePointer<weir_host>?, OpaquePointer?, OpaquePointer?,
      UnsafeMutablePointer<UnsafeMutableRawPointer?>?, UnsafeMutablePointer<weir_error>?
    ) -> Int32

  init(
    kind: UInt32, type: StaticString, help: StaticString, options: OptionsSchema,
    capabilities: UInt32, lanesMax: Int, lifecycle: UnsafePointer<weir_lifecycle>?,
    table: UnsafeRawPointer
  ) {
    raw = weir_component(
      struct_size: UInt32(MemoryLayout<weir_component>.size), kind: kind,
      type_name: weir_string(type), help: weir_string(help), options: options.text,
      capabilities: capabilities, lanes_max: UInt32(lanesMax), lifecycle: lifecycle, table: table)
  }

  /// Puts a table where it stays for the life of the process.
  static func keep<T>(_ value: T) -> UnsafePointer<T> {
    let place = UnsafeMutablePointer<T>.allocate(capacity: 1)
    place.initialize(to: value)
    return UnsafePointer(place)
  }

  static func lifecycle(_ create: Create) -> UnsafePointer<weir_lifecycle> {
    keep(
      weir_lifecycle(
        struct_size: UInt32(MemoryLayout<weir_lifecycle>.size), reserved: 0, create: create,
        prepare: sdkPrepare, lane_open: sdkLaneOpen, drain: sdkDrain, lane_close: sdkLaneClose,
        destroy: sdkDestroy))
  }
}

/// What a plugin says about itself; made once and kept in a global of the plugin.
public struct Plugin: @unchecked Sendable {
  /// What the entry function returns.
  public let descriptor: UnsafePointer<weir_descriptor>

  /// Builds the descriptor. `flags` are `WEIR_PLUGIN_...`.
  public init(
    name: StaticString, version: StaticString, licence: StaticString, build: StaticString = "",
    flags: UInt32 = 0, hostMinorMin: UInt32 = 0, components: [Component]
  ) {
    let list = UnsafeMutablePointer<weir_component>.allocate(capacity: max(1, components.count))
    for (index, component) in components.enumerated() {
      (list + index).initialize(to: component.raw)
    }
    descriptor = Component.keep(
      weir_descriptor(
        magic: UInt64(WEIR_MAGIC), struct_size: UInt32(MemoryLayout<weir_descriptor>.size),
        abi_major: UInt32(WEIR_ABI_MAJOR), abi_minor: UInt32(WEIR_ABI_MINOR),
        host_minor_min: hostMinorMin, flags: flags, component_count: UInt32(components.count),
        component_stride: UInt32(MemoryLayout<weir_component>.stride), reserved: 0,
        components: UnsafePointer(list), name: weir_string(name), version: weir_string(version),
        licence: weir_string(licence), build_id: weir_string(build)))
  }
}
