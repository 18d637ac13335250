/// The time of the lines: it starts at a fixed instant, moves on by some microseconds per line and
/// stays within one month, so that no calendar is needed.
struct Clock {
  private(set) var day = 1
  private(set) var second = 0
  private(set) var nanosecond = 0

  mutating func advance(_ random: inout Random) {
    nanosecond &+= 1 &+ random.below(400_000)
    guard nanosecond >= 1_000_000_000 else { return }
    nanosecond &-= 1_000_000_000
    second &+= 1
    guard second == 86_400 else { return }
    second = 0
    day = day == 30 ? 1 : day &+ 1
  }

  /// `2026-06-DDTHH:MM:SS.nnnnnnnnnZ`, 30 bytes.
  func putRFC3339(_ out: inout LineWriter) {
    out.put("2026-06-")
    out.put(day, digits: 2)
    out.put("T")
    putTimeOfDay(&out)
    out.put(".")
    out.put(nanosecond, digits: 9)
    out.put("Z")
  }

  /// `DD/Jun/2026:HH:MM:SS +0000`, as web servers write it.
  func putAccessTime(_ out: inout LineWriter) {
    out.put(day, digits: 2)
    out.put("/Jun/2026:")
    putTimeOfDay(&out)
    out.put(" +0000")
  }

  /// `2026-06-DD HH:MM:SS,mmm`, as Java loggers write it.
  func putLoggerTime(_ out: inout LineWriter) {
    out.put("2026-06-")
    out.put(day, digits: 2)
    out.put(" ")
    putTimeOfDay(&out)
    out.put(",")
    out.put(nanosecond / 1_000_000, digits: 3)
  }

  private func putTimeOfDay(_ out: inout LineWriter) {
    out.put(second / 3600, digits: 2)
    out.put(":")
    out.put(second / 60 % 60, digits: 2)
    out.put(":")
    out.put(second % 60, digits: 2)
  }
}
