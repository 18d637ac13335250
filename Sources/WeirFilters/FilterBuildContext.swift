import Glibc
public import WeirConfig
public import WeirParsers

/// What the filters of a configuration are built with.
public struct FilterBuildContext: Sendable {
  /// The parsers that may be named; nil when there are none.
  public var parsers: ParserCatalogue?
  /// Takes warnings: what runs, but likely not as its author thinks.
  public var warn: @Sendable (ConfigProblem) -> Void
  /// Fills memory with random bytes; the kernel's unless a test brings its own.
  public var random: @Sendable (UnsafeMutableRawBufferPointer) -> Void
  /// The wall clock in nanoseconds, for times without a year; the system's unless a test brings
  /// its own.
  public var now: @Sendable () -> Int64

  /// Makes a context.
  public init(
    parsers: ParserCatalogue? = nil,
    warn: @escaping @Sendable (ConfigProblem) -> Void = { _ in },
    random: (@Sendable (UnsafeMutableRawBufferPointer) -> Void)? = nil,
    now: (@Sendable () -> Int64)? = nil
  ) {
    self.parsers = parsers
    self.warn = warn
    self.random = random ?? UUIDSource.system
    self.now = now ?? FilterBuildContext.wallClock
  }

  private static let wallClock: @Sendable () -> Int64 = {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}

extension Property {
  /// Compiles an expression of this option; its errors point at the option.
  func regex(_ pattern: String) throws(ConfigProblem) -> Regex {
    do {
      return try Regex(pattern)
    } catch {
      throw problem("\(error)")
    }
  }

  /// A warning about this option.
  func warning(_ message: String, suggestion: String? = nil) -> ConfigProblem {
    ConfigProblem(
      message, at: location, key: key, suggestion: suggestion, severity: .warning)
  }
}
