import Testing

/// A recorded timeline among the shared data, and how it is replayed.
struct Recording: Sendable, CustomTestStringConvertible {
  let name: String
  let file: String
  var splitsLines = false
  var endsUnfinished = false

  static let all = [
    Recording(name: "flood-a", file: "timeline"),
    Recording(name: "flood-b", file: "timeline-kubelet-restart"),
    Recording(
      name: "flood-c", file: "timeline-block-buffered", splitsLines: true, endsUnfinished: true),
    Recording(name: "rollout", file: "timeline-rollout-restart"),
    Recording(name: "crasher", file: "timeline-crash-loop", endsUnfinished: true),
    Recording(name: "store", file: "timeline-statefulset-recreate"),
  ]

  var testDescription: String { file }

  var timeline: Timeline { Timeline(Files.text("\(Settings.shared)/node/rotation/\(file).tsv")) }

  var plan: TimelineReplayer.Plan {
    TimelineReplayer.Plan(splitsLines: splitsLines, endsUnfinished: endsUnfinished)
  }
}
