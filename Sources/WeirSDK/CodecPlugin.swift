public import CWeirPlugin

/// A codec in Swift.
public protocol CodecInstance: PluginInstance {
  /// The most bytes that one member of so many input bytes can have.
  func bound(_ bytes: UInt64) -> UInt64
}

/// The state of a codec on one lane.
open class CodecLane: PluginLane {
  /// Begins a member, whatever came before; `direction` is `WEIR_DEFLATE` or `WEIR_INFLATE`.
  open func begin(_ direction: UInt32) throws(PluginError) {}

  /// Takes input and fills room; see `weir_codec.write`. Both counts start at 0.
  open func write(
    _ input: UnsafeRawBufferPointer, _ consumed: inout UInt64,
    into room: UnsafeMutableRawBufferPointer, _ produced: inout UInt64
  ) throws(PluginError) -> Int32 {
    throw PluginError(WEIR_E_UNSUPPORTED, "this codec does not write")
  }

  /// Ends the member; see `weir_codec.finish`.
  open func finish(into room: UnsafeMutableRawBufferPointer, _ produced: inout UInt64)
    throws(PluginError) -> Int32
  {
    throw PluginError(WEIR_E_UNSUPPORTED, "this codec does not finish")
  }
}

extension Component {
  /// A codec; `capabilities` are `WEIR_CAN_DEFLATE` and `WEIR_CAN_INFLATE`. Its lanes have to be
  /// `CodecLane`s, its instances `CodecInstance`s.
  public static func codec(
    _ type: StaticString, help: StaticString, options: OptionsSchema = "", capabilities: UInt32,
    create: Create
  ) -> Component {
    Component(
      kind: UInt32(WEIR_KIND_CODEC), type: type, help: help, options: options,
      capabilities: capabilities, lanesMax: 0, lifecycle: lifecycle(create),
      table: UnsafeRawPointer(
        keep(
          weir_codec(
            struct_size: UInt32(MemoryLayout<weir_codec>.size), reserved: 0, bound: sdkBound,
            begin: sdkBegin, write: sdkWrite, finish: sdkFinish))))
  }
}

private let sdkBound: @convention(c) (UnsafeMutableRawPointer?, UInt64) -> UInt64 = {
  pointer, bytes in
  guard let pointer else { return 0 }
  // SAFETY: made by `create`, valid until `destroy`.
  let box = Unmanaged<InstanceBox>.fromOpaque(pointer).takeUnretainedValue()
  return (box.instance as? any CodecInstance)?.bound(bytes) ?? 0
}

private func codecLane(_ state: UnsafeMutableRawPointer?) throws(PluginError) -> CodecLane {
  guard let codec = try lane(state) as? CodecLane else {
    throw PluginError(WEIR_E_INTERNAL, "the lane of a codec has to be a CodecLane")
  }
  return codec
}

private let sdkBegin:
  @convention(c) (
    UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UInt32, UnsafeMutablePointer<weir_error>?
  ) -> Int32 = { _, state, direction, error in
    guarded(error) { () throws(PluginError) in
      try codecLane(state).begin(direction)
      return WEIR_OK
    }
  }

private let sdkWrite:
  @convention(c) (
    UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafePointer<UInt8>?, UInt64,
    UnsafeMutablePointer<UInt64>?, UnsafeMutablePointer<UInt8>?, UInt64,
    UnsafeMutablePointer<UInt64>?, UnsafeMutablePointer<weir_error>?
  ) -> Int32 = { _, state, input, length, consumed, out, capacity, produced, error in
    var taken: UInt64 = 0
    var made: UInt64 = 0
    let result = guarded(error) { () throws(PluginError) in
      try codecLane(state).write(
        UnsafeRawBufferPointer(start: input, count: Int(length)), &taken,
        into: UnsafeMutableRawBufferPointer(start: out, count: Int(capacity)), &made)
    }
    consumed?.pointee = taken
    produced?.pointee = made
    return result
  }

private let sdkFinish:
  @convention(c) (
    UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt8>?, UInt64,
    UnsafeMutablePointer<UInt64>?, UnsafeMutablePointer<weir_error>?
  ) -> Int32 = { _, state, out, capacity, produced, error in
    var made: UInt64 = 0
    let result = guarded(error) { () throws(PluginError) in
      try codecLane(state).finish(
        into: UnsafeMutableRawBufferPointer(start: out, count: Int(capacity)), &made)
    }
    produced?.pointee = made
    return result
  }
