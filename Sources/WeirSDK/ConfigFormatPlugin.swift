public import CWeirPlugin

extension Component {
  /// The C function that says how sure a format is of a file, 0 to 100; see `weir_config_format`.
  public typealias Probe =
    @convention(c) (UnsafePointer<UInt8>?, UInt64, UnsafePointer<UInt8>?, UInt64) -> Int32
  /// The C function that reads a file: a closure that only calls `parseConfiguration(_:_:_:_:_:)`.
  public typealias Parse =
    @convention(c) (
      UnsafePointer<UInt8>?, UInt64, UnsafePointer<weir_tree_builder>?,
      UnsafeMutablePointer<weir_error>?
    ) -> Int32

  /// A configuration format; it has no instances.
  public static func configFormat(
    _ type: StaticString, help: StaticString, probe: Probe, parse: Parse
  ) -> Component {
    Component(
      kind: UInt32(WEIR_KIND_CONFIG_FORMAT), type: type, help: help, options: "", capabilities: 0,
      lanesMax: 0, lifecycle: nil,
      table: UnsafeRawPointer(
        keep(
          weir_config_format(
            struct_size: UInt32(MemoryLayout<weir_config_format>.size), reserved: 0, probe: probe,
            parse: parse))))
  }
}

/// The host's tree builder. Every call gives false when the format has to stop: the host has the
/// message, and `status` is what `parse` returns.
public struct TreeSink {
  private let builder: UnsafePointer<weir_tree_builder>
  /// What the last call answered.
  public private(set) var status: Int32 = WEIR_OK

  init(_ builder: UnsafePointer<weir_tree_builder>) { self.builder = builder }

  /// A map begins.
  public mutating func beginMap(line: Int, column: Int) -> Bool {
    take(builder.pointee.begin_map?(builder.pointee.context, UInt32(line), UInt32(column)))
  }

  /// The innermost map ends.
  public mutating func endMap() -> Bool {
    take(builder.pointee.end_map?(builder.pointee.context))
  }

  /// A list begins.
  public mutating func beginList(line: Int, column: Int) -> Bool {
    take(builder.pointee.begin_list?(builder.pointee.context, UInt32(line), UInt32(column)))
  }

  /// The innermost list ends.
  public mutating func endList() -> Bool {
    take(builder.pointee.end_list?(builder.pointee.context))
  }

  /// A key of the innermost map; the text is copied.
  public mutating func key(_ text: UnsafeBufferPointer<UInt8>, line: Int, column: Int) -> Bool {
    take(
      builder.pointee.key?(
        builder.pointee.context, text.baseAddress, UInt64(text.count), UInt32(line),
        UInt32(column)))
  }

  /// A scalar, in a style of `WEIR_STYLE_...`; the text is copied.
  public mutating func scalar(
    _ text: UnsafeBufferPointer<UInt8>, style: UInt32, line: Int, column: Int
  ) -> Bool {
    take(
      builder.pointee.scalar?(
        builder.pointee.context, text.baseAddress, UInt64(text.count), style, UInt32(line),
        UInt32(column)))
  }

  private mutating func take(_ answer: Int32?) -> Bool {
    status = answer ?? WEIR_E_UNSUPPORTED
    return status == WEIR_OK
  }
}

/// Where and why a file cannot be read.
public struct ConfigSyntaxError: Error, Sendable {
  let message: String
  let line: Int
  let column: Int

  /// Makes an error; line and column count from 1, the column in bytes.
  public init(_ message: String, line: Int, column: Int) {
    self.message = message
    self.line = line
    self.column = column
  }
}

/// Reads a file for the host: `body` gives its events to the sink and returns when that says no.
public func parseConfiguration(
  _ bytes: UnsafePointer<UInt8>?, _ length: UInt64, _ builder: UnsafePointer<weir_tree_builder>?,
  _ error: UnsafeMutablePointer<weir_error>?,
  _ body: (UnsafeBufferPointer<UInt8>, inout TreeSink) throws(ConfigSyntaxError) -> Void
) -> Int32 {
  guard let builder, bytes != nil || length == 0 else {
    return PluginError(WEIR_E_ARGUMENT, "parse without bytes or builder").fill(error)
  }
  var sink = TreeSink(builder)
  do {
    try body(UnsafeBufferPointer(start: bytes, count: Int(length)), &sink)
    return sink.status
  } catch let failure {
    error?.pointee.line = UInt32(failure.line)
    error?.pointee.column = UInt32(failure.column)
    return PluginError(WEIR_E_DATA, failure.message).fill(error)
  }
}
