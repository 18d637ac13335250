import Glibc
import Synchronization

/// A monotonic time that one thread sets and another reads.
public final class AtomicInstant: Sendable {
  /// No time set.
  public static let never = Int64.max
  private let value = Atomic<Int64>(AtomicInstant.never)
  public init() {}

  public var nanoseconds: Int64 {
    get { value.load(ordering: .relaxed) }
    set { value.store(newValue, ordering: .relaxed) }
  }
}

/// The clocks of the host; injected where tests need to move time.
public enum Clock {
  /// Nanoseconds since 1970-01-01T00:00:00Z.
  public static func wall() -> Int64 {
    var t = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &t)
    return Int64(t.tv_sec) * 1_000_000_000 + Int64(t.tv_nsec)
  }

  /// Nanoseconds of a clock that never goes back.
  public static func monotonic() -> Int64 {
    var t = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &t)
    return Int64(t.tv_sec) * 1_000_000_000 + Int64(t.tv_nsec)
  }
}
