import CWeirPlugin
import Glibc

/// Reads what a plugin's entry function returned, distrusting every field: each pointer is probed
/// before it is followed, each size and count is bounded.
struct DescriptorReader {
  static let componentsMax = 64
  static let stringBytesMax = 1024
  static let schemaBytesMax = 64 << 10
  static let strideMax = 4096

  private let file: String
  private let probe: MemoryProbe

  init(file: String) throws(PluginHostError) {
    guard let probe = MemoryProbe() else {
      throw .cannotLoad(
        file: file, what: "no pipe to check it with",
        todo: "allow more open files (ulimit -n)")
    }
    self.file = file
    self.probe = probe
  }

  /// The descriptor behind `pointer`.
  func read(_ pointer: UnsafeRawPointer?) throws(PluginHostError) -> PluginDescriptor {
    let raw = try prefix(pointer, weir_descriptor(), "the descriptor", sizeAt: 8)
    guard raw.magic == UInt64(WEIR_MAGIC) else { throw bad("the descriptor has no magic number") }
    guard raw.abi_major == UInt32(WEIR_ABI_MAJOR) else {
      throw bad("it speaks version \(raw.abi_major) of the ABI, this host version 1")
    }
    guard raw.host_minor_min <= UInt32(WEIR_ABI_MINOR) else {
      throw .cannotLoad(
        file: file, what: "it needs version 1.\(raw.host_minor_min) of the ABI or later",
        todo: "this host has 1.\(WEIR_ABI_MINOR): update Weir")
    }
    let count = Int(raw.component_count)
    guard (1...Self.componentsMax).contains(count) else {
      throw bad("it has \(count) components; allowed are 1 to \(Self.componentsMax)")
    }
    let stride = Int(raw.component_stride)
    guard stride >= MemoryLayout<weir_component>.size, stride <= Self.strideMax, stride % 8 == 0
    else { throw bad("its components lie \(stride) bytes apart") }
    guard let first = raw.components.map({ UnsafeRawPointer($0) }) else {
      throw bad("its components are NULL")
    }
    var components: [PluginComponent] = []
    for index in 0..<count {
      let place = UnsafeRawPointer(bitPattern: UInt(bitPattern: first) &+ UInt(index * stride))
      components.append(try component(place, index))
    }
    try refuseTwins(components)
    return PluginDescriptor(
      name: try text(raw.name, "its name", isRequired: true),
      version: try text(raw.version, "its version", isRequired: true),
      licence: try text(raw.licence, "its licence"),
      buildID: try text(raw.build_id, "its build id"), flags: raw.flags,
      abiMinor: Int(raw.abi_minor), hostMinorMin: Int(raw.host_minor_min),
      components: components)
  }

  private func refuseTwins(_ components: [PluginComponent]) throws(PluginHostError) {
    var seen: Set<String> = []
    for component in components
    where !seen.insert("\(component.kind.name) \(component.typeName)").inserted {
      throw bad("it has the \(component.kind.name) \(component.typeName) twice")
    }
  }

  // MARK: Components

  private func component(
    _ pointer: UnsafeRawPointer?, _ index: Int
  ) throws(PluginHostError) -> PluginComponent {
    let raw = try prefix(pointer, weir_component(), "component \(index)")
    guard let kind = ComponentKind(rawValue: raw.kind) else {
      throw bad("component \(index) is of an unknown kind (\(raw.kind))")
    }
    let name = try text(raw.type_name, "the type name of component \(index)", isRequired: true)
    guard name.utf8.allSatisfy(Self.isNameByte), name.utf8.count <= 64 else {
      throw bad("component \(index) has a type name of other than a-z, 0-9, _ and -")
    }
    let what = "the \(kind.name) \(name)"
    let options = try text(
      raw.options, "the options schema of \(what)", bytesMax: Self.schemaBytesMax)
    let schema: OptionsSchema
    do {
      schema = try OptionsSchema(json: options)
    } catch {
      throw bad("the options schema of \(what): \(error.description)")
    }
    guard raw.lanes_max <= 1024 else { throw bad("\(what) wants \(raw.lanes_max) lanes") }
    return PluginComponent(
      kind: kind, typeName: name, help: try text(raw.help, "the help of \(what)"),
      optionsText: options, schema: schema, capabilities: raw.capabilities,
      lanesMax: Int(raw.lanes_max), lifecycle: try lifecycle(raw.lifecycle, kind, what),
      table: try table(raw.table, kind, raw.capabilities, what))
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  private func lifecycle(
    _ pointer: UnsafePointer<weir_lifecycle>?, _ kind: ComponentKind, _ what: String
  ) throws(PluginHostError) -> weir_lifecycle? {
    if pointer == nil && kind == .configFormat { return nil }
    let raw = try prefix(UnsafeRawPointer(pointer), weir_lifecycle(), "the lifecycle of \(what)")
    try need(raw.create, "create", what)
    try need(raw.prepare, "prepare", what)
    try need(raw.lane_open, "lane_open", what)
    try need(raw.lane_close, "lane_close", what)
    try need(raw.destroy, "destroy", what)
    try allow(raw.drain, "drain", what)
    return raw
  }

  private func table(
    _ pointer: UnsafeRawPointer?, _ kind: ComponentKind, _ capabilities: UInt32, _ what: String
  ) throws(PluginHostError) -> ComponentTable {
    let part = "the table of \(what)"
    switch kind {
    case .filter, .parser:
      let raw = try prefix(pointer, weir_filter(), part)
      try need(raw.process, "process", what)
      return .filter(raw)
    case .input:
      let raw = try prefix(pointer, weir_input(), part)
      try need(raw.start, "start", what)
      try need(raw.poll, "poll", what)
      try need(raw.stop, "stop", what)
      return .input(raw)
    case .output:
      let (raw, http) = try output(pointer, capabilities, what)
      return .output(raw, http)
    case .codec:
      let raw = try prefix(pointer, weir_codec(), part)
      try need(raw.bound, "bound", what)
      try need(raw.begin, "begin", what)
      try need(raw.write, "write", what)
      try need(raw.finish, "finish", what)
      guard capabilities & UInt32(WEIR_CAN_DEFLATE | WEIR_CAN_INFLATE) != 0 else {
        throw bad("\(what) can neither deflate nor inflate")
      }
      return .codec(raw)
    case .configFormat:
      let raw = try prefix(pointer, weir_config_format(), part)
      try need(raw.probe, "probe", what)
      try need(raw.parse, "parse", what)
      return .configFormat(raw)
    }
  }

  private func output(
    _ pointer: UnsafeRawPointer?, _ capabilities: UInt32, _ what: String
  ) throws(PluginHostError) -> (weir_output, weir_http?) {
    let raw = try prefix(
      pointer, weir_output(), "the table of \(what)", bytesMin: Self.outputBytesMin)
    if capabilities & UInt32(WEIR_CAN_DELIVER) != 0 { try need(raw.deliver, "deliver", what) }
    let http = try http(raw.http, what)
    if capabilities & UInt32(WEIR_CAN_ENCODE) != 0 {
      try need(raw.encode, "encode", what)
      if http?.reply_open == nil { try need(raw.interpret, "interpret", what) }
    }
    guard capabilities & UInt32(WEIR_CAN_DELIVER | WEIR_CAN_ENCODE) != 0 else {
      throw bad("\(what) can neither deliver nor encode")
    }
    try allow(raw.deliver, "deliver", what)
    try allow(raw.flush, "flush", what)
    try allow(raw.interpret, "interpret", what)
    return (raw, http)
  }

  /// Bytes of `weir_output` in version 1.0: what 1.1 added is absent in a smaller table.
  private static let outputBytesMin = MemoryLayout<weir_output>.offset(of: \.http) ?? 40

  private func http(
    _ pointer: UnsafePointer<weir_http>?, _ what: String
  ) throws(PluginHostError) -> weir_http? {
    guard let pointer else { return nil }
    let part = "the HTTP table of \(what)"
    let raw = try prefix(UnsafeRawPointer(pointer), weir_http(), part)
    try need(raw.describe, "describe", what)
    guard raw.reply_open != nil else { return raw }
    try need(raw.reply_open, "reply_open", what)
    try need(raw.reply_write, "reply_write", what)
    try need(raw.reply_close, "reply_close", what)
    return raw
  }

  // MARK: Parts

  /// A copy of the struct behind `pointer`, as far as its own size goes; what is beyond it is zero.
  /// A struct that is shorter than `bytesMin` (what its first version had; all that is known of it
  /// when it has not grown since) is refused.
  private func prefix<T>(
    _ pointer: UnsafeRawPointer?, _ zero: T, _ what: String, sizeAt: Int = 0, bytesMin: Int? = nil
  ) throws(PluginHostError) -> T {
    guard let pointer else { throw bad("\(what) is NULL") }
    guard UInt(bitPattern: pointer) % 8 == 0, let head = probe.bytes(pointer, sizeAt + 4) else {
      throw bad("\(what) lies at an address that cannot be read")
    }
    let size = Int(
      head.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: sizeAt, as: UInt32.self) })
    let least = bytesMin ?? MemoryLayout<T>.size
    let known = min(size, MemoryLayout<T>.size)
    guard size >= least, size <= 1 << 16, let bytes = probe.bytes(pointer, known) else {
      throw bad("\(what) has \(size) bytes where version 1.0 has \(least)")
    }
    var copy = zero
    withUnsafeMutableBytes(of: &copy) { $0.copyBytes(from: bytes) }
    return copy
  }

  private func text(
    _ string: weir_string, _ what: String, isRequired: Bool = false,
    bytesMax: Int = stringBytesMax
  ) throws(PluginHostError) -> String {
    if string.length == 0 && !isRequired { return "" }
    guard string.length > 0, string.length <= UInt64(bytesMax) else {
      throw bad("\(what) has \(string.length) bytes; allowed are up to \(bytesMax)")
    }
    guard let bytes = probe.bytes(string.data, Int(string.length)) else {
      throw bad("\(what) lies at an address that cannot be read")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw bad("\(what) is not UTF-8")
    }
    return text
  }

  private func need<F>(
    _ function: F?, _ name: String, _ what: String
  ) throws(PluginHostError) {
    guard function != nil else { throw bad("\(what) has no function \(name)") }
    try allow(function, name, what)
  }

  private func allow<F>(
    _ function: F?, _ name: String, _ what: String
  ) throws(PluginHostError) {
    guard let function else { return }
    // SAFETY: F is a C function pointer, one word; only its address is looked at.
    let address = withUnsafeBytes(of: function) { $0.load(as: UnsafeRawPointer?.self) }
    guard MemoryProbe.isCode(address) else {
      throw bad("the function \(name) of \(what) lies outside of any loaded file")
    }
  }

  private func bad(_ what: String) -> PluginHostError { .badDescriptor(file: file, what: what) }
}
