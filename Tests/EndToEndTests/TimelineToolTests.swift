import Glibc
import Testing

extension EndToEnd {
  @Suite("the timeline tools")
  struct TimelineTools {
    /// A rotation as inotify showed it: sizes come with a look after the event.
    static let observed = """
      # a comment
      ms\tactor\toperation\tpath\tinode\tdetail
      0.0\trecorder\tmark\t-\t-\tbegin
      1.0\t-\tcreate\t.\t1\tsize=4096 dir
      2.0\t-\tcreate\tmain\t2\tsize=4096 dir
      3.0\t-\tcreate\tmain/0.log\t10\tsize=0
      4.0\t-\tcreate\tcontainers/p_ns_main-\u{2026}abc.log\t11\t-> main/0.log target_ino=10
      5.0\t-\tmodified\tmain/0.log\t10\t10 events, last at 9.0; then size=2000
      10.0\t-\tmodified\tmain/0.log\t-\t5 events, last at 14.0; then gone
      20.0\t-\tmoved_from\tmain/0.log\t-\tgone
      20.0\t-\tmoved_to\tmain/0.log.20260101-000000\t10\tsize=3000
      20.4\t-\tcreate\tmain/0.log\t12\tsize=0
      20.6\t-\tmodified\tmain/0.log.20260101-000000\t10\t1 events, last at 20.6; then size=3200
      21.0\t-\tclose_write\tmain/0.log.20260101-000000\t10\tsize=3200
      25.0\t-\tmodified\tmain/0.log\t12\t2 events, last at 26.0; then size=400
      30.0\t-\tcreate\tmain/0.log.20260101-000000.tmp\t13\tsize=0
      30.5\t-\tmodified\tmain/0.log.20260101-000000.tmp\t13\t1 events, last at 30.5; then size=9
      31.0\t-\tmoved_from\tmain/0.log.20260101-000000.tmp\t-\tgone
      31.0\t-\tmoved_to\tmain/0.log.20260101-000000.gz\t13\tsize=9
      31.0\t-\tdelete\tmain/0.log.20260101-000000\t-\tgone
      40.0\t-\tdelete\tmain/0.log\t-\tgone
      41.0\t-\tdelete\tcontainers/p_ns_main-\u{2026}abc.log\t-\tgone
      50.0\t-\tdelete\tmain\t-\tgone
      """

    /// The same as system calls showed it: bytes are known.
    static let traced = """
      1.0\tkubelet\tmkdir\tmain\t-\t
      2.0\tcontainerd\tcreate\tmain/0.log\t10\tO_WRONLY|O_CREAT
      3.0\tcontainerd\twrite\tmain/0.log\t10\t10 writes, 1000 bytes, last at 6.0
      7.0\tkubelet\trename\tmain/0.log\t10\t-> main/0.log.20260101-000000
      7.5\tcontainerd\twrite\tmain/0.log\t-\t1 writes, 100 bytes, last at 7.5
      8.0\tcontainerd\tcreate\tmain/0.log\t11\tO_WRONLY|O_CREAT
      8.5\tcontainerd\twrite\tmain/0.log.20260101-000000\t10\t2 writes, 200 bytes, last at 8.9
      9.0\tcontainerd\tclose\tmain/0.log.20260101-000000\t10\t
      9.5\tkubelet\tunlink\tmain/0.log.20250101-000000.gz\t-\tENOENT
      """

    @Test("what inotify saw becomes steps, and sizes become the bytes of each write")
    func readsObserved() {
      let actions = Timeline(Self.observed).steps.map(\.action)
      let rotated = "main/0.log.20260101-000000"
      #expect(
        actions == [
          .makeFolder("."), .makeFolder("main"), .create("main/0.log"),
          .link("containers/p_ns_main-\u{2026}abc.log", target: "main/0.log"),
          .write("main/0.log", bytes: 2000, lines: 10),
          .write("main/0.log", bytes: 1000, lines: 5), .rename("main/0.log", to: rotated),
          .create("main/0.log"), .write(rotated, bytes: 200, lines: 1),
          .write("main/0.log", bytes: 400, lines: 2), .compress(rotated, to: rotated + ".tmp"),
          .rename(rotated + ".tmp", to: rotated + ".gz"), .remove(rotated),
          .remove("main/0.log"), .remove("containers/p_ns_main-\u{2026}abc.log"),
          .removeFolder("main"),
        ])
    }

    @Test("what system calls showed becomes the same kind of steps")
    func readsTraced() {
      let steps = Timeline(Self.traced).steps
      #expect(
        steps.map(\.action) == [
          .makeFolder("main"), .create("main/0.log"),
          .write("main/0.log", bytes: 1000, lines: 10),
          .rename("main/0.log", to: "main/0.log.20260101-000000"),
          .write("main/0.log", bytes: 100, lines: 1), .create("main/0.log"),
          .write("main/0.log.20260101-000000", bytes: 200, lines: 2),
        ])
      #expect(steps[2].ms == 3 && steps[2].endMs == 6)
    }

    @Test("a replay leaves what the recording left, with lines split over the files")
    func replays() {
      let scratch = Scratch("replay")
      let tree = NodeTree(scratch.path)
      var plan = TimelineReplayer.Plan()
      plan.splitsLines = true
      let replay = TimelineReplayer("p", Timeline(Self.traced), in: tree, plan)
      replay.run()
      #expect(replay.failures == [])
      let folder = "\(tree.pods)/kiamol-ch13-test_p_\(TimelineReplayer.uid("p"))/main"
      #expect(Files.names(in: folder) == ["0.log", "0.log.20260101-000000"])
      let lines = Files.text(folder + "/0.log.20260101-000000").split(separator: "\n")
      #expect(lines.count >= 12, "\(lines.count)")
      #expect(lines.last?.dropFirst(31).hasPrefix("stdout P ") == true)
      #expect(lines.dropLast().allSatisfy { $0.dropFirst(31).hasPrefix("stdout F ") })
    }

    @Test(
      "every recorded timeline can be replayed",
      .enabled(if: Settings.hasTimelines, .init(rawValue: Settings.timelinesMissing)),
      arguments: Recording.all)
    func replaysRecorded(recording: Recording) {
      let scratch = Scratch("recorded")
      var plan = recording.plan
      plan.speed = 40
      plan.gapMax = 0.05
      let replay = TimelineReplayer(
        recording.name, recording.timeline, in: NodeTree(scratch.path), plan)
      replay.run()
      #expect(replay.failures == [])
      #expect(!replay.counts.isEmpty)
      print(
        "\(recording.name): \(replay.counts.count) logs, "
          + "\(replay.counts.values.reduce(0, +)) lines, \(replay.reusedInodes) inodes came back")
    }
  }
}
