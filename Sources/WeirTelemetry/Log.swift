import Glibc
import Synchronization

/// How much is told; each level includes those before it.
public enum LogLevel: Int, Comparable, Sendable {
  case off, error, warn, info, debug, trace

  /// Whether `a` tells less.
  public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }

  /// The level of a configuration word (`warning` too), or nil.
  public init?(word: String) {
    switch word.lowercased() {
    case "off": self = .off
    case "error": self = .error
    case "warn", "warning": self = .warn
    case "info": self = .info
    case "debug": self = .debug
    case "trace": self = .trace
    default: return nil
    }
  }
}

/// Weir's own log: standard error, or the file that `log_file` names. Any thread.
public enum Log {
  private static let threshold = Atomic<Int>(LogLevel.info.rawValue)
  private static let descriptor = Atomic<Int32>(2)
  /// Calls of `withErrorsOnly` under way.
  private static let hushed = Atomic<Int>(0)

  public static var level: LogLevel {
    get { LogLevel(rawValue: threshold.load(ordering: .relaxed)) ?? .info }
    set { threshold.store(newValue.rawValue, ordering: .relaxed) }
  }

  /// Writes to `fd` from now on.
  public static func redirect(to fd: Int32) { descriptor.store(fd, ordering: .relaxed) }

  /// Leaves out everything but errors, of all threads, while `body` runs; such calls may overlap.
  public static func withErrorsOnly<Result>(_ body: () throws -> Result) rethrows -> Result {
    hushed.add(1, ordering: .relaxed)
    defer { hushed.subtract(1, ordering: .relaxed) }
    return try body()
  }

  /// Something failed, and what follows from it.
  public static func error(_ message: @autoclosure () -> String) { write(.error, message) }
  /// It goes on, but likely not as meant.
  public static func warn(_ message: @autoclosure () -> String) { write(.warn, message) }
  /// What a user may want to know of an ordinary run.
  public static func info(_ message: @autoclosure () -> String) { write(.info, message) }
  /// What helps to find a fault.
  public static func debug(_ message: @autoclosure () -> String) { write(.debug, message) }

  /// Bytes of a user's data that a message shows at most.
  public static let shownBytesMax = 48

  /// The beginning of a user's data in quotes, for a message.
  public static func quoted(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
    let rest = bytes.count > shownBytesMax ? "..." : ""
    return unsafe "\"\(String(decoding: bytes.prefix(shownBytesMax), as: UTF8.self))\(rest)\""
  }

  /// A message as one line that a terminal shows as it is: line feeds and other control characters,
  /// whoever sent them, become `\n`, `\x1b` and the like, so that nobody forges a line.
  public static func oneLine(_ message: String) -> String {
    // Those from U+0080 to U+009F begin with C2 in UTF-8; few other characters do.
    if !message.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f || $0 == 0xc2 }) { return message }
    var text = ""
    for scalar in message.unicodeScalars {
      switch scalar.value {
      case 0x0a: text += "\\n"
      case 0x0d: text += "\\r"
      case 0x09: text += "\\t"
      case 0..<0x20, 0x7f..<0xa0:
        let digits = String(scalar.value, radix: 16)
        text += digits.utf8.count == 1 ? "\\x0\(digits)" : "\\x\(digits)"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  /// Whether messages of this level are written now.
  public static func tells(_ level: LogLevel) -> Bool {
    level <= Log.level && (level == .error || hushed.load(ordering: .relaxed) == 0)
  }

  private static func write(_ level: LogLevel, _ message: () -> String) {
    guard tells(level) else { return }
    var now = time(nil)
    var parts = unsafe tm()
    unsafe gmtime_r(&now, &parts)
    func two(_ n: Int32) -> String { n < 10 ? "0\(n)" : "\(n)" }
    let stamp =
      unsafe "\(parts.tm_year + 1900)/\(two(parts.tm_mon + 1))/\(two(parts.tm_mday)) "
      + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
    var line = "[\(stamp)] [\(level)] \(oneLine(message()))\n"
    line.withUTF8 { bytes in
      _ = unsafe Glibc.write(descriptor.load(ordering: .relaxed), bytes.baseAddress, bytes.count)
    }
  }
}
