import Dispatch
import Glibc

/// Writes into several containers' logs at a rate, on a thread of its own, and rotates them when
/// they pass a size, as the kubelet does: looked at each interval.
final class Flood: @unchecked Sendable {
  struct Plan {
    /// Bytes per second, over all containers.
    var rate = Settings.rate
    var seconds = Settings.seconds
    /// Rotation is looked at this often, in seconds.
    var interval = 1.0
    var rotateBytes = 10 << 20
    var manner = RotatedLog.Manner()
    var lengthMean = 1000
  }

  let plan: Plan
  let logs: [RotatedLog]
  private let done = DispatchGroup()
  private let isStopped = DispatchSemaphore(value: 0)

  // SAFETY: `logs` is touched by the writing thread alone between `start` and `wait`.
  init(_ tree: NodeTree, pods: [String], _ plan: Plan) {
    self.plan = plan
    logs = pods.map { pod in
      let folder = tree.folder(pod: pod, uid: NodeTree.id(pod), container: "main")
      let log = RotatedLog(
        ContainerWriter(key: pod, lengthMean: plan.lengthMean), folder: folder)
      tree.link(to: log.path, pod: pod, container: "main")
      return log
    }
  }

  func start() {
    done.enter()
    let thread = DispatchQueue(label: "flood", qos: .userInitiated)
    thread.async {
      self.run()
      self.done.leave()
    }
  }

  /// Ends the writing before its time.
  func stop() { isStopped.signal() }

  /// Waits until all is written; how many lines each container has.
  func wait() -> [String: Int] {
    done.wait()
    return counts
  }

  /// The lines of each container; exact only while nothing writes.
  var counts: [String: Int] {
    Dictionary(uniqueKeysWithValues: logs.map { ($0.writer.key, $0.writer.count) })
  }

  var bytes: Int { logs.reduce(0) { $0 + $1.writer.bytes } }

  private func run() {
    let begin = Clock.now()
    let share = plan.rate / logs.count
    var looked = begin
    while isStopped.wait(timeout: .now()) == .timedOut {
      let elapsed = Clock.now() - begin
      if elapsed >= plan.seconds { break }
      let due = Int(elapsed * Double(share))
      for log in logs where log.writer.bytes < due {
        // At most 64 KiB at once, so that no container waits long for its turn.
        log.write(min(due - log.writer.bytes, 1 << 16))
      }
      if Clock.now() - looked >= plan.interval {
        looked += plan.interval
        for log in logs where log.size > plan.rotateBytes { log.rotate(plan.manner) }
      }
      if logs.allSatisfy({ $0.writer.bytes >= due }) { Clock.sleep(0.002) }
    }
    for log in logs { log.settle() }
  }
}
