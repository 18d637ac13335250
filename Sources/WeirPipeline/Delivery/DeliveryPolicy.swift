/// How an output over HTTP is tried, paused and bounded.
struct DeliveryPolicy: Sendable {
  /// Requests under way at once: fixed, or nil to find out.
  var fixedWindow: Int?
  /// The most requests under way at once.
  var windowMax = 16
  /// Bytes of bodies under way at once; one body may be more.
  var inFlightBytesMax = 8 << 20
  /// Retries of an item after the first try; nil never gives up.
  var retryLimit: Int?
  /// The pause after the first failure, in nanoseconds, and the longest one.
  var baseNanoseconds: Int64 = 500_000_000
  var capNanoseconds: Int64 = 30_000_000_000
  /// One request at a time, and a retried item before all later ones.
  var isOrdered = false
  /// Bytes that wait in memory before an output with a spool writes them there.
  var memoryBytesMax = 4 << 20

  /// The bounds of the pause after `failures` in a row (from 1): half to all of an exponential,
  /// so that neither all nodes of a cluster come at once nor one at once.
  func pause(_ failures: Int) -> ClosedRange<Int64> {
    let exponent = min(max(failures - 1, 0), 30)
    let (grown, overflow) = baseNanoseconds.multipliedReportingOverflow(by: 1 << exponent)
    let bound = overflow ? capNanoseconds : min(capNanoseconds, grown)
    return bound / 2...bound
  }
}

/// The adaptive limit of requests under way: one more per round of successes, half after an
/// overload (additive increase, multiplicative decrease; Chiu and Jain 1989).
struct DeliveryWindow {
  private let fixed: Int?
  private let most: Double
  private var size: Double
  private var halvedAt: Int64 = .min

  init(_ policy: DeliveryPolicy) {
    fixed = policy.isOrdered ? 1 : policy.fixedWindow
    most = Double(policy.windowMax)
    size = min(2, most)
  }

  /// Requests that may be under way.
  var limit: Int { fixed ?? Int(size) }

  mutating func succeeded() { size = min(most, size + 1 / size) }

  /// Requests that were sent before the last halving tell nothing new.
  mutating func overloaded(sentAt: Int64, now: Int64) {
    guard sentAt > halvedAt else { return }
    halvedAt = now
    size = max(1, size / 2)
  }
}

/// What is known of one server.
struct DeliveryNode {
  /// Failed requests in a row; 0 while it works.
  var failures = 0
  /// When a failing one is tried again.
  var retryAt: Int64 = 0
  /// One request finds out whether a failing one works again.
  var isProbing = false
  /// When it began to fail.
  var failedAt: Int64 = .min

  var isUp: Bool { failures == 0 }
}
