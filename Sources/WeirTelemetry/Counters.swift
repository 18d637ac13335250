import Synchronization
import WeirSystem

/// One number that only grows. Any thread; a relaxed addition.
public final class Counter: Sendable {
  private let value = Atomic<UInt64>(0)
  public init() {}

  /// Adds to the number.
  @inline(__always)
  public func add(_ n: Int = 1) {
    value.wrappingAdd(UInt64(truncatingIfNeeded: n), ordering: .relaxed)
  }

  public var count: UInt64 { value.load(ordering: .relaxed) }
}

/// Why a record or a line did not reach an output. Bounded: a label set is never open-ended.
public enum DropReason: String, CaseIterable, Sendable {
  /// A rule that the user wrote (grep, a condition) took it out.
  case filter
  /// No output matches its tag.
  case unmatched
  /// `skip_empty_lines`.
  case emptyLine = "empty_line"
  /// `skip_long_lines`.
  case longLine = "long_line"
  /// An output failed for good, or its retries are used up.
  case output
  /// The output was told to drop when it is full.
  case backpressure
  /// A dead letter that was there, and went because there are too many (`storage.rejected.limit`).
  case rejectedLimit = "rejected_limit"
  /// The file was gone, or its held bytes passed the bound, before it was read.
  case lostFile = "lost_file"
  /// The batch had no room for it.
  case noRoom = "no_room"
  /// The input could not make a record of the bytes.
  case malformed
}

/// Numbers of one stage instance, by name and by reason.
///
/// `name` follows the metric names of the field (`tail.0`); every counter is made before start.
public final class StageCounters: Sendable {
  /// What kind of stage the numbers are of.
  public enum Kind: String, Sendable { case input, filter, output }
  public let kind: Kind
  public let name: String
  /// Records that came in (inputs: made; filters: seen; outputs: delivered).
  public let records = Counter()
  /// Bytes that came in (inputs: raw; outputs: encoded).
  public let bytes = Counter()
  /// Lines read; differs from `records` where lines are joined.
  public let lines = Counter()
  /// Records added by a filter.
  public let added = Counter()
  public let errors = Counter()
  public let retries = Counter()
  public let retriesFailed = Counter()
  /// Input only: records that entered the pipeline and whose every output has finished.
  public let finished = Counter()
  private let drops: [Counter]
  private let droppedBytes: [Counter]
  /// Further counters by name, fixed at start.
  public let extra: [String: Counter]

  public init(kind: Kind, name: String, extra: [String] = []) {
    self.kind = kind
    self.name = name
    drops = DropReason.allCases.map { _ in Counter() }
    droppedBytes = DropReason.allCases.map { _ in Counter() }
    // Any filter may be one that parses: it has those numbers without being asked.
    let names = Set(kind == .filter ? extra + ParserCounterNames.all : extra)
    self.extra = Dictionary(uniqueKeysWithValues: names.map { ($0, Counter()) })
  }

  /// Counts records (or lines) dropped for a reason.
  public func drop(_ reason: DropReason, records: Int, bytes: Int = 0) {
    let index = DropReason.allCases.firstIndex(of: reason) ?? 0
    drops[index].add(records)
    droppedBytes[index].add(bytes)
  }

  /// Records dropped for a reason.
  public func dropped(_ reason: DropReason) -> UInt64 {
    drops[DropReason.allCases.firstIndex(of: reason) ?? 0].count
  }

  /// Records dropped for any reason.
  public var droppedTotal: UInt64 { drops.reduce(0) { $0 + $1.count } }
}

/// All counters of a running pipeline.
public final class Telemetry: Sendable {
  private let stages = Locked<[StageCounters]>([])
  public init() {}

  /// Makes the counters of a stage.
  public func stage(_ kind: StageCounters.Kind, _ name: String, extra: [String] = [])
    -> StageCounters
  {
    let counters = StageCounters(kind: kind, name: name, extra: extra)
    stages.withLock { $0.append(counters) }
    return counters
  }

  public var all: [StageCounters] { stages.withLock { $0 } }
}
