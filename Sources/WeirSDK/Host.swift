public import CWeirPlugin

/// The host as a plugin instance sees it. Valid from `init` to the instance's end; any thread
/// where nothing else is said.
public struct Host: @unchecked Sendable {
  /// The table.
  public let table: UnsafePointer<weir_host>
  /// The host's side of this instance.
  public let context: OpaquePointer?
  /// What editing calls per record, looked up once.
  let reserve: ScratchReserve?
  let commit: ScratchCommit?
  let append: FieldAppend?
  let remove: FieldRemove?

  typealias ScratchReserve =
    @convention(c) (
      OpaquePointer?, UnsafeMutablePointer<weir_batch>?, UInt64,
      UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?
    ) -> Int32
  typealias ScratchCommit =
    @convention(c) (
      OpaquePointer?, UnsafeMutablePointer<weir_batch>?, UInt64, UnsafeMutablePointer<UInt16>?,
      UnsafeMutablePointer<UInt32>?
    ) -> Int32
  typealias FieldAppend =
    @convention(c) (
      OpaquePointer?, UnsafeMutablePointer<weir_batch>?, UInt32, UnsafePointer<weir_field>?
    ) -> Int32
  typealias FieldRemove =
    @convention(c) (OpaquePointer?, UnsafeMutablePointer<weir_batch>?, UInt32, UInt32) -> Int32

  /// Wraps what `create` was given.
  public init(table: UnsafePointer<weir_host>, context: OpaquePointer?) {
    self.table = table
    self.context = context
    reserve = Host.function(table, \.scratch_reserve)
    commit = Host.function(table, \.scratch_commit)
    append = Host.function(table, \.field_append)
    remove = Host.function(table, \.field_remove)
  }

  /// How much a line of the log weighs.
  public enum Level: UInt32, Sendable {
    case error = 1
    case warn, info, debug
  }

  /// Writes a line to the host's log.
  public func log(_ level: Level, _ text: String) {
    guard let log = function(\.log) else { return }
    var text = text
    text.withUTF8 { log(context, level.rawValue, $0.baseAddress, UInt64($0.count)) }
  }

  /// Nanoseconds since 1970-01-01T00:00:00Z.
  public var wallClock: Int64 { function(\.clock_wall)?() ?? 0 }
  /// Nanoseconds of a clock that never goes back.
  public var monotonicClock: Int64 { function(\.clock_monotonic)?() ?? 0 }

  /// A counter of this instance; in `init` only.
  public func counter(_ name: String) throws(PluginError) -> Metric {
    try metric(name, kind: WEIR_METRIC_COUNTER)
  }

  /// A gauge of this instance; in `init` only.
  public func gauge(_ name: String) throws(PluginError) -> Metric {
    try metric(name, kind: WEIR_METRIC_GAUGE)
  }

  private func metric(_ name: String, kind: UInt32) throws(PluginError) -> Metric {
    guard let define = function(\.metric_define) else { return Metric(host: self, id: nil) }
    var name = name
    var id: UInt32 = 0
    let result = name.withUTF8 { define(context, kind, $0.baseAddress, UInt64($0.count), &id) }
    guard result == WEIR_OK else { throw PluginError(result, "the host refuses metric \(name)") }
    return Metric(host: self, id: id)
  }

  /// The id of a record key, for all batches; in `init` only.
  public func key(_ name: String) throws(PluginError) -> UInt32 {
    guard let intern = function(\.key_intern) else {
      throw PluginError(WEIR_E_UNSUPPORTED, "the host interns no keys")
    }
    var name = name
    var id: UInt32 = 0
    let result = name.withUTF8 { intern(context, $0.baseAddress, UInt64($0.count), &id) }
    guard result == WEIR_OK else { throw PluginError(result, "the host refuses key \(name)") }
    return id
  }

  /// Memory on the host's account, aligned to 64 bytes; nil beyond the limit.
  public func take(_ bytes: Int) -> UnsafeMutableRawPointer? {
    guard let take = function(\.memory_take), bytes > 0 else { return nil }
    var data: UnsafeMutableRawPointer?
    return take(context, UInt64(bytes), &data) == WEIR_OK ? data : nil
  }

  /// Gives memory of `take` back.
  public func give(_ data: UnsafeMutableRawPointer?) { function(\.memory_give)?(context, data) }

  /// Ends a deferred delivery.
  public func ack(_ ticket: UInt64, _ result: Int32) {
    _ = function(\.ack)?(context, ticket, result)
  }

  /// Asks to be polled (inputs) or given the batch again (outputs that were busy).
  public func wake() { _ = function(\.wake)?(context) }

  /// A function of the table, or nil when this host does not have it.
  func function<F>(_ member: KeyPath<weir_host, F?>) -> F? { Host.function(table, member) }

  private static func function<F>(
    _ table: UnsafePointer<weir_host>, _ member: KeyPath<weir_host, F?>
  ) -> F? {
    // A table of an older host ends earlier: nothing beyond its size may be read.
    guard let offset = MemoryLayout<weir_host>.offset(of: member),
      offset + MemoryLayout<F?>.size <= Int(table.pointee.struct_size)
    else { return nil }
    // SAFETY: the member lies inside the table, by the line above.
    return UnsafeRawPointer(table).load(fromByteOffset: offset, as: F?.self)
  }
}

/// A number about an instance that the host shows. Any thread, no lock.
public struct Metric: Sendable {
  let host: Host
  let id: UInt32?

  /// Adds to a counter, or sets a gauge.
  public func record(_ value: Int64) {
    guard let id else { return }
    _ = host.function(\.metric_record)?(host.context, id, value)
  }
}
