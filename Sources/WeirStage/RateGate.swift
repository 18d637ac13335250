/// Holds an input to a rate: a bucket of bytes and one of records, each filled at its rate and no
/// larger than a window of it. One read may overdraw a bucket; the time to earn that back keeps the
/// rate exact over time.
///
/// Belongs to the input lane. Times are monotonic nanoseconds, given by the caller.
struct RateGate {
  private struct Bucket {
    let rate: Double  // per nanosecond
    let size: Double
    /// The level at which a stopped reading goes on.
    let resumeLevel: Double
    var level: Double

    init?(_ perSecond: Int, _ limit: RateLimit) {
      guard perSecond > 0 else { return nil }
      rate = Double(perSecond) / 1e9
      size = Double(perSecond) * Double(max(1, limit.windowSeconds))
      resumeLevel = max(1, size * (1 - limit.resumeRatio))
      level = size
    }

    mutating func fill(_ nanoseconds: Int64) {
      level = min(size, level + Double(nanoseconds) * rate)
    }

    /// Nanoseconds until reading goes on.
    var wait: Int64 { level >= resumeLevel ? 0 : Int64((resumeLevel - level) / rate) + 1 }
  }

  private var bytes: Bucket?
  private var records: Bucket?
  private var filledAt: Int64?
  private var recordsSeen: UInt64 = 0
  private var isStopped = false
  /// How often reading was stopped.
  private(set) var stopCount = 0

  init(_ limit: RateLimit) {
    bytes = Bucket(limit.bytesPerSecond, limit)
    records = Bucket(limit.recordsPerSecond, limit)
  }

  /// Notes bytes just read.
  mutating func take(_ count: Int) { bytes?.level -= Double(count) }

  /// How long reading has to wait, in nanoseconds; 0 when it may go on.
  ///
  /// `made` is the number of records made of this input so far: they are known only once they are
  /// scanned, so what is under way may overdraw.
  mutating func wait(at now: Int64, records made: UInt64) -> Int64 {
    let passed = max(0, now - (filledAt ?? now))
    filledAt = now
    bytes?.fill(passed)
    records?.fill(passed)
    records?.level -= Double(made - recordsSeen)
    recordsSeen = made
    if !isStopped {
      guard (bytes?.level ?? 1) <= 0 || (records?.level ?? 1) <= 0 else { return 0 }
      isStopped = true
      stopCount += 1
    }
    let wait = max(bytes?.wait ?? 0, records?.wait ?? 0)
    if wait == 0 { isStopped = false }
    return wait
  }
}
