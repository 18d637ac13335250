/// How long a stop waits for work that gets less.
struct Patience {
  private let pause: Int64
  private let end: Int64
  private var least = Int.max
  private var deadline: Int64

  /// Waits `seconds` from each step forward, and `most` seconds in all, or `seconds` if that is
  /// more.
  init(seconds: Int, most: Int, at now: Int64) {
    pause = Int64(seconds) * 1_000_000_000
    end = now + max(pause, Int64(most) * 1_000_000_000)
    deadline = now + pause
  }

  /// Whether to wait on, with so much left to do, in monotonic nanoseconds.
  mutating func lasts(_ left: Int, at now: Int64) -> Bool {
    if left < least {
      least = left
      deadline = min(end, now + pause)
    }
    return now < deadline
  }
}
