public import CWeirPlugin

/// What every instance of a plugin in Swift can do; a filter, output, input or codec adds its work.
public protocol PluginInstance: AnyObject {
  /// Makes an instance: options are read here, metrics and keys are made here.
  init(host: Host, options: Options) throws(PluginError)
  /// Opens what work needs.
  func prepare(_ limits: weir_limits) throws(PluginError)
  /// Makes what one lane needs; work allocates nothing.
  func openLane(_ index: Int) throws(PluginError) -> PluginLane
  /// Finishes what is open before the deadline, in monotonic nanoseconds.
  func drain(deadline: Int64) throws(PluginError)
}

extension PluginInstance {
  /// Nothing to open.
  public func prepare(_ limits: weir_limits) throws(PluginError) {}
  /// Nothing to finish.
  public func drain(deadline: Int64) throws(PluginError) {}
}

/// The work of a component on one lane; subclass and override what the kind of component needs.
/// Calls never overlap.
open class PluginLane {
  /// Makes a lane.
  public init() {}

  /// Filters and parsers: works on the selection from `cursor` on; see `weir_filter.process`.
  open func process(_ batch: BatchView, _ selection: SelectionView, _ cursor: inout UInt32)
    throws(PluginError) -> Int32
  {
    throw PluginError(WEIR_E_UNSUPPORTED, "this component does not filter")
  }

  /// Outputs: stores the selection; see `weir_output.deliver`.
  open func deliver(_ batch: BatchView, _ selection: SelectionView, ticket: UInt64)
    throws(PluginError) -> Int32
  {
    throw PluginError(WEIR_E_UNSUPPORTED, "this component does not deliver")
  }

  /// Outputs over HTTP: appends an item per record to `body` and its end to `ends`; see
  /// `weir_output.encode`.
  open func encode(
    _ batch: BatchView, _ selection: SelectionView, _ cursor: inout UInt32,
    _ body: OpaquePointer?, _ ends: UnsafeMutablePointer<UInt64>
  ) throws(PluginError) -> Int32 {
    throw PluginError(WEIR_E_UNSUPPORTED, "this component does not encode")
  }

  /// Outputs: a flush interval has passed.
  open func flush() throws(PluginError) {}

  /// Inputs: begins to read.
  open func start() throws(PluginError) {}

  /// Inputs: hands over what is there; see `weir_input.poll`.
  open func poll(now: Int64, next: inout Int64) throws(PluginError) -> Int32 {
    throw PluginError(WEIR_E_UNSUPPORTED, "this component does not read")
  }

  /// Inputs: ends reading.
  open func stop() {}
}

final class InstanceBox {
  let instance: any PluginInstance
  let host: Host
  /// What the host may still read of the last `describe`.
  var target: AnyObject?
  init(_ instance: any PluginInstance, _ host: Host) {
    self.instance = instance
    self.host = host
  }
}

/// Makes an instance of `type` for the host; the one call of a component's `Create` closure.
public func create<T: PluginInstance>(
  _ type: T.Type, _ host: UnsafePointer<weir_host>?, _ context: OpaquePointer?,
  _ options: OpaquePointer?, _ place: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
  _ error: UnsafeMutablePointer<weir_error>?
) -> Int32 {
  guarded(error) { () throws(PluginError) in
    guard let host, let place else {
      throw PluginError(WEIR_E_ARGUMENT, "create without host table or place")
    }
    let wrapped = Host(table: host, context: context)
    let instance = try type.init(host: wrapped, options: Options(host: wrapped, node: options))
    // SAFETY: the host hands the pointer back until `destroy`, which releases it.
    place.pointee = Unmanaged.passRetained(InstanceBox(instance, wrapped)).toOpaque()
    return WEIR_OK
  }
}

// SAFETY: every pointer below was made by `create` or `sdkLaneOpen`, and the host's lifecycle hands
// it back until `destroy` or `lane_close`, once each.
private func instance(_ pointer: UnsafeMutableRawPointer?) throws(PluginError) -> any PluginInstance
{
  guard let pointer else { throw PluginError(WEIR_E_ARGUMENT, "no instance") }
  return Unmanaged<InstanceBox>.fromOpaque(pointer).takeUnretainedValue().instance
}

// SAFETY: as above.
func lane(_ pointer: UnsafeMutableRawPointer?) throws(PluginError) -> PluginLane {
  guard let pointer else { throw PluginError(WEIR_E_ARGUMENT, "no lane state") }
  return Unmanaged<PluginLane>.fromOpaque(pointer).takeUnretainedValue()
}

let sdkPrepare:
  @convention(c) (
    UnsafeMutableRawPointer?, UnsafePointer<weir_limits>?, UnsafeMutablePointer<weir_error>?
  ) -> Int32 = { pointer, limits, error in
    guarded(error) { () throws(PluginError) in
      try instance(pointer).prepare(limits?.pointee ?? weir_limits())
      return WEIR_OK
    }
  }

let sdkLaneOpen:
  @convention(c) (
    UnsafeMutableRawPointer?, UInt32, UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
    UnsafeMutablePointer<weir_error>?
  ) -> Int32 = { pointer, index, place, error in
    guarded(error) { () throws(PluginError) in
      guard let place else { throw PluginError(WEIR_E_ARGUMENT, "no place for the lane") }
      // SAFETY: released by `lane_close`, once.
      place.pointee = Unmanaged.passRetained(try instance(pointer).openLane(Int(index))).toOpaque()
      return WEIR_OK
    }
  }

let sdkDrain:
  @convention(c) (UnsafeMutableRawPointer?, Int64, UnsafeMutablePointer<weir_error>?) -> Int32 = {
    pointer, deadline, error in
    guarded(error) { () throws(PluginError) in
      try instance(pointer).drain(deadline: deadline)
      return WEIR_OK
    }
  }

let sdkLaneClose: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> Void = {
  _, state in
  // SAFETY: retained by `lane_open`, handed back once.
  if let state { Unmanaged<PluginLane>.fromOpaque(state).release() }
}

let sdkDestroy: @convention(c) (UnsafeMutableRawPointer?) -> Void = { pointer in
  // SAFETY: retained by `create`, handed back once.
  if let pointer { Unmanaged<InstanceBox>.fromOpaque(pointer).release() }
}
