import Glibc
import Synchronization

/// How many files the inputs of this process may hold open at once. Any thread.
///
/// Outputs, databases, plugins and what is looked at for a moment need descriptors too: a quarter
/// of the process's limit, 32 at least and 256 at most, is left to them.
public final class DescriptorBudget: Sendable {
  /// The budget of this process.
  public static let shared = DescriptorBudget()

  /// Files that may be followed at once at least, whatever the limit is.
  static let filesMin = 8

  private let fixed: Int?
  private let limit = Atomic<Int>(0)
  private let used = Atomic<Int>(0)

  /// - Parameter filesMax: how many files; nil for what the process's limit leaves.
  public init(filesMax: Int? = nil) { fixed = filesMax }

  /// Raises the process's soft limit to the hard one, and takes the measure of it. Ten thousand
  /// open files are ordinary; the soft limit is often 1,024.
  func measure() {
    if let fixed { return limit.store(fixed, ordering: .relaxed) }
    var now = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &now) == 0 else {
      return limit.store(256, ordering: .relaxed)
    }
    if now.rlim_cur < now.rlim_max {
      var wider = now
      wider.rlim_cur = now.rlim_max
      if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &wider) == 0 { now = wider }
    }
    let descriptors = Int(clamping: now.rlim_cur)
    let others = min(256, max(32, descriptors / 4))
    limit.store(max(Self.filesMin, descriptors - others), ordering: .relaxed)
  }

  /// Files that may be open.
  var filesMax: Int { limit.load(ordering: .relaxed) }
  /// Files that are open.
  var openCount: Int { used.load(ordering: .relaxed) }
  /// True while one more may be opened.
  var hasRoom: Bool { openCount < filesMax }
  /// Files that are open beyond what may be.
  var excess: Int { max(0, openCount - filesMax) }

  /// Counts an open file; the host opens first and makes room then.
  func take() { used.wrappingAdd(1, ordering: .relaxed) }

  /// Counts a closed one.
  func give() {
    let left = used.wrappingSubtract(1, ordering: .relaxed).newValue
    precondition(left >= 0, "more files were closed than opened")
  }
}
