/// How much of the engine's own log is written.
public enum LogLevel: Int, Sendable, Hashable, Comparable, CaseIterable {
  case off, error, warn, info, debug, trace

  /// Reads a level by its name, `warning` too; nil for anything else.
  public init?(_ text: String) {
    switch text.lowercased() {
    case "off": self = .off
    case "error": self = .error
    case "warn", "warning": self = .warn
    case "info": self = .info
    case "debug": self = .debug
    case "trace": self = .trace
    default: return nil
    }
  }

  /// Orders by how much is written.
  public static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }
}

/// The service section, typed; every key that was written stays in `properties`.
public struct ServiceConfig: Sendable, Hashable {
  /// Seconds between flushes; above 0.
  public var flushSeconds = 1.0
  /// Seconds to drain at a stop; -1 means until empty.
  public var graceSeconds = 5
  /// Fork into the background.
  public var daemon = false
  /// The engine's own log; nil is standard error.
  public var logFile: String?
  /// How much of it.
  public var logLevel = LogLevel.info
  /// Root of spools, checkpoints and dead letters; nil for none.
  public var storagePath: String?
  /// `storage.sync full`: sync at each write.
  public var storageSyncFull = false
  /// The storage type of inputs that name none, with `storage.inherit on`.
  public var storageType: String?
  /// Seconds before the first retry, at least.
  public var schedulerBaseSeconds = 5
  /// The longest wait between retries, seconds.
  public var schedulerCapSeconds = 2000
  /// Bytes of one multiline record.
  public var multilineBufferLimitBytes = 2 * 1024 * 1024
  /// NaN and infinities become null in JSON.
  public var jsonConvertNanToNull = false
  /// Non-ASCII text becomes `\uXXXX` in JSON.
  public var jsonEscapeUnicode = true
  /// Monitoring server.
  public var httpServer = false
  /// Its address.
  public var httpListen = "0.0.0.0"
  /// Its port.
  public var httpPort = 2020
  /// SIGHUP reloads.
  public var hotReload = false
  /// Everything as written, in order; repeated keys kept.
  public var properties: [Property] = []

  /// All defaults.
  public init() {}

  /// The last value of a key as text; nil when not set.
  public func text(_ key: String) -> String? { properties.last { $0.key == key }?.text }
}
