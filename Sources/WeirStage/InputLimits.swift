/// How fast an input may read, measured over a window.
public struct RateLimit: Sendable, Hashable {
  /// Bytes a second; 0 for no limit.
  public var bytesPerSecond: Int
  /// Records a second; 0 for no limit.
  public var recordsPerSecond: Int
  /// Seconds over which the rate is measured: so much may come at once.
  public var windowSeconds: Int
  /// A reading that was stopped goes on when the rate has fallen to this part of the limit.
  public var resumeRatio: Double

  /// Makes a limit.
  public init(
    bytesPerSecond: Int = 0, recordsPerSecond: Int = 0, windowSeconds: Int = 1,
    resumeRatio: Double = 0.8
  ) {
    self.bytesPerSecond = bytesPerSecond
    self.recordsPerSecond = recordsPerSecond
    self.windowSeconds = windowSeconds
    self.resumeRatio = resumeRatio
  }
}

/// The bounds of one input beside those that all share.
public struct InputLimits: Sendable, Hashable {
  /// Bytes of this input that may be in memory, in slots and payloads; 0 for no limit.
  public var memoryBytes: Int
  /// At its bound the oldest that waits for an output over HTTP is dropped, and reading goes on.
  public var dropsOldest: Bool
  /// Nil for no limit.
  public var rate: RateLimit?

  /// No limits by default.
  public init(memoryBytes: Int = 0, dropsOldest: Bool = false, rate: RateLimit? = nil) {
    self.memoryBytes = memoryBytes
    self.dropsOldest = dropsOldest
    self.rate = rate
  }
}
