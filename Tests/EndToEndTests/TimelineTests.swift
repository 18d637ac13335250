import Dispatch
import Glibc
import Testing

extension EndToEnd {
  /// What a real node did, done again all at once: each recording is a pod of the same node.
  @Suite("recorded timelines")
  struct Timelines {
    @Test(
      "every line of every recording arrives once and whole",
      .enabled(if: Settings.runsEngine, .init(rawValue: Settings.engineMissing)),
      .enabled(if: Settings.hasTimelines, .init(rawValue: Settings.timelinesMissing)),
      arguments: [1.0, 10.0])
    func replayed(speed: Double) throws {
      let job = Job("timelines")
      let engine = try job.start()
      let replays = Recording.all.map { recording in
        var plan = recording.plan
        plan.speed = speed
        plan.gapMax = Settings.isFull ? .infinity : 1.5
        return TimelineReplayer(recording.name, recording.timeline, in: job.tree, plan)
      }
      runAll(replays)
      for replay in replays { #expect(replay.failures == [], "\(replay.name)") }
      let counts = replays.reduce(into: [:]) { all, replay in
        all.merge(replay.counts) { $0 + $1 }
      }
      let checker = job.verdict(of: [job.output()], expecting: counts)
      #expect(checker.verdict(expecting: counts) == [], "\(engine.lastWords)")
      #expect(checker.otherCount == 0, "\(checker.others)")
      let reused = replays.reduce(0) { $0 + $1.reusedInodes }
      print("timelines x\(Int(speed)): \(counts.count) logs, \(reused) inodes came back")
      #expect(engine.stop() == 0, "\(engine.lastWords)")
    }

    private func runAll(_ replays: [TimelineReplayer]) {
      let group = DispatchGroup()
      for replay in replays {
        // SAFETY: a replay is touched by its own queue alone until the group is done.
        nonisolated(unsafe) let replay = replay
        DispatchQueue(label: replay.name).async(group: group) { replay.run() }
      }
      group.wait()
    }
  }
}
