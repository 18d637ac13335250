import CWeirPlugin
import Dispatch
import Synchronization
import WeirBatch
import WeirStage
import WeirSystem

/// A lane: a serial queue that takes batches and runs parse, filter, route and encode on each to
/// completion while it is in the core's cache.
final class WorkLane: @unchecked Sendable {
  let index: Int
  private let parse: ParseStage
  private let work: LaneWork
  private let program: LaneProgram
  private let isRunning = Atomic<Bool>(false)
  private let kickOthers: @Sendable () -> Void
  private var visit: RepeatedWork?

  init(
    index: Int, target: DispatchQueue, parse: ParseStage, work: LaneWork, program: LaneProgram,
    kickOthers: @escaping @Sendable () -> Void
  ) {
    self.index = index
    let queue = DispatchQueue(label: "weir.lane.\(index)", target: target)
    self.parse = parse
    self.work = work
    self.program = program
    self.kickOthers = kickOthers
    visit = RepeatedWork(on: queue) { [unowned self] in run() }
  }

  var isIdle: Bool { !isRunning.load(ordering: .acquiring) }

  /// Starts the lane if it is idle.
  /// - Returns: true when it was.
  func kick() -> Bool {
    guard
      isRunning.compareExchange(
        expected: false, desired: true, ordering: .sequentiallyConsistent
      ).exchanged
    else { return false }
    // The lane may still run when the pipeline that made it is gone.
    visit?.submit(keeping: self)
    return true
  }

  private func run() {
    while true {
      while parse.fill(work) {
        if parse.hasWork { kickOthers() }
        program.run(work)
      }
      isRunning.store(false, ordering: .sequentiallyConsistent)
      // What came in between the last look and the store above has kicked nobody: look again,
      // unless another lane scans, which kicks when it has finished.
      if !parse.hasWork || parse.isScanning { return }
      guard
        isRunning.compareExchange(
          expected: false, desired: true, ordering: .acquiringAndReleasing
        ).exchanged
      else { return }
    }
  }
}
