import CWeirPlugin
import WeirBatch
import WeirStage
import WeirTelemetry

/// The host table: one for the whole process, never changed, never freed.
enum HostTable {
  /// What every plugin gets.
  nonisolated(unsafe) static let pointer: UnsafePointer<weir_host> = {
    let table = UnsafeMutablePointer<weir_host>.allocate(capacity: 1)
    table.initialize(to: make())
    return UnsafePointer(table)
  }()

  private static let hostName = CText("weir")
  private static let hostVersion = CText("1.0.0")

  /// A filled table; `pointer` is the one in use.
  static func make() -> weir_host {
    var host = weir_host()
    host.struct_size = UInt32(MemoryLayout<weir_host>.size)
    host.abi_major = UInt32(WEIR_ABI_MAJOR)
    host.abi_minor = UInt32(WEIR_ABI_MINOR)
    host.name = hostName.raw
    host.version = hostVersion.raw
    addBasics(&host)
    addKeys(&host)
    addBatch(&host)
    addStages(&host)
    addCodecs(&host)
    addNodes(&host)
    addBody(&host)
    return host
  }

  /// The text of a pointer and a length; nil when it is none that can be taken.
  static func text(_ data: UnsafePointer<UInt8>?, _ length: UInt64, bytesMax: Int) -> String? {
    guard length <= UInt64(bytesMax) else { return nil }
    if length == 0 { return "" }
    guard let data else { return nil }
    return String(decoding: UnsafeBufferPointer(start: data, count: Int(length)), as: UTF8.self)
  }

  static let lineBytesMax = 16 << 10
  static let nameBytesMax = 512

  private static func addBasics(_ host: inout weir_host) {
    host.log = { context, level, data, length in
      let name = HostContext.of(context)?.name ?? "plugin"
      let shown = min(length, UInt64(HostTable.lineBytesMax))
      guard let text = HostTable.text(data, shown, bytesMax: HostTable.lineBytesMax) else { return }
      // A line feed would let a plugin (or data that it quotes) write lines of its own.
      let line = text.replacingLineEnds
      switch level {
      case UInt32(WEIR_LOG_ERROR): Log.error("\(name): \(line)")
      case UInt32(WEIR_LOG_WARN): Log.warn("\(name): \(line)")
      case UInt32(WEIR_LOG_INFO): Log.info("\(name): \(line)")
      default: Log.debug("\(name): \(line)")
      }
    }
    host.clock_wall = { Clock.wall() }
    host.clock_monotonic = { Clock.monotonic() }
    host.metric_define = { context, kind, data, length, place in
      guard let context = HostContext.of(context), let place else { return WEIR_E_ARGUMENT }
      guard context.isCreating else { return context.breach("metric_define outside of create") }
      guard let name = HostTable.text(data, length, bytesMax: 128), !name.isEmpty,
        kind == UInt32(WEIR_METRIC_COUNTER) || kind == UInt32(WEIR_METRIC_GAUGE)
      else { return WEIR_E_ARGUMENT }
      guard let id = context.define(name, isGauge: kind == UInt32(WEIR_METRIC_GAUGE)) else {
        return WEIR_E_LIMIT
      }
      place.pointee = id
      return WEIR_OK
    }
    host.metric_record = { context, metric, value in
      HostContext.of(context)?.record(metric, value) ?? WEIR_E_ARGUMENT
    }
    host.memory_take = { context, bytes, place in
      guard let context = HostContext.of(context), let place else { return WEIR_E_ARGUMENT }
      return context.take(bytes, place)
    }
    host.memory_give = { context, data in HostContext.of(context)?.give(data) }
    host.extension = { context, data, length in
      guard HostContext.of(context) != nil else { return nil }
      return HostTable.text(data, length, bytesMax: 64).flatMap(HostExtensions.table)
    }
  }

  private static func addKeys(_ host: inout weir_host) {
    host.key_intern = { context, data, length, place in
      guard let context = HostContext.of(context), let place else { return WEIR_E_ARGUMENT }
      guard context.isCreating else { return context.breach("key_intern outside of create") }
      guard let name = HostTable.text(data, length, bytesMax: HostTable.nameBytesMax) else {
        return WEIR_E_ARGUMENT
      }
      guard let key = KeyTable.shared.internIfRoom(name) else { return WEIR_E_LIMIT }
      place.pointee = key
      return WEIR_OK
    }
    host.key_name = { context, key, place in
      guard let place, key < KeyTable.shared.count else { return WEIR_E_ARGUMENT }
      let entry = KeyTable.shared.entries[Int(key)]
      place.pointee = weir_string(data: entry.data, length: UInt64(entry.length))
      return WEIR_OK
    }
  }
}

extension String {
  /// The text on one line.
  var replacingLineEnds: String {
    guard utf8.contains(where: { $0 == 10 || $0 == 13 }) else { return self }
    return String(decoding: utf8.map { $0 == 10 || $0 == 13 ? 0x20 : $0 }, as: UTF8.self)
  }
}
