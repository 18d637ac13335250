/// When a time zone's clocks changed, and will: read once from the zone database.
///
/// Immutable, shared by all lanes. The C library's zone functions are not used: they keep one
/// process-wide zone and take a lock.
public final class TimeZoneRules: Sendable {
  /// Largest zone file read, in bytes (the database's largest has about 4,000).
  public static let fileBytesMax = 262_144
  /// Last year for which a rule of the form "last Sunday in March" is written out.
  static let lastYear = 2262

  /// Moments of change in UTC seconds, ascending.
  let moments: [Int64]
  /// Seconds east of UTC from each moment on.
  let offsets: [Int32]
  /// Seconds east of UTC before the first moment.
  let firstOffset: Int32

  init(moments: [Int64], offsets: [Int32], firstOffset: Int32) {
    self.moments = moments
    self.offsets = offsets
    self.firstOffset = firstOffset
  }

  /// A zone that is always `seconds` east of UTC.
  public convenience init(fixed seconds: Int) {
    self.init(moments: [], offsets: [], firstOffset: Int32(clamping: seconds))
  }

  /// Seconds east of UTC at a moment in UTC seconds.
  public func offset(at seconds: Int64) -> Int {
    var low = 0
    var high = moments.count
    while low < high {
      let middle = (low &+ high) / 2
      if moments[middle] <= seconds { low = middle &+ 1 } else { high = middle }
    }
    return Int(low == 0 ? firstOffset : offsets[low &- 1])
  }

  /// UTC seconds of a local time given as if it were UTC.
  ///
  /// A local time that occurs twice is its first occurrence; one that is left out, when clocks go
  /// forward, is read with the offset before the change.
  public func universal(local: Int64) -> Int64 {
    let before = Int64(offset(at: local &- CivilTime.secondsPerDay))
    let after = Int64(offset(at: local &+ CivilTime.secondsPerDay))
    if before == after {
      // Changes less than two days apart are too rare to look for; check the result itself.
      let moment = local &- before
      let there = Int64(offset(at: moment))
      return there == before ? moment : local &- there
    }
    let early = local &- before
    if Int64(offset(at: early)) == before { return early }
    let late = local &- after
    return Int64(offset(at: late)) == after ? late : early
  }
}
