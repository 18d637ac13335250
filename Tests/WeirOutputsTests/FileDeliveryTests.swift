import CWeirSystem
import Glibc
import Synchronization
import Testing
import WeirBatch
import WeirConfig
import WeirStage
import WeirTelemetry
import WeirTestSupport

@testable import WeirOutputs

@Suite("the delivery of the file output")
struct FileDeliveryTests {
  private func line(_ n: Int) -> String { "{\"n\":\(n)}\n" }

  private func batch(_ numbers: [Int], sequence: UInt64 = 1, tag: (Int) -> String = { _ in "t" })
    -> TestBatch
  {
    let test = TestBatch(sequence: sequence)
    for n in numbers { test.add([("n", .int(Int64(n)))], tag: tag(n)) }
    return test
  }

  @Test("cut and failing writes to several files repeat nothing", arguments: 1...30)
  func resumes(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let folder = TestFolder()
    let plan = (0..<40).map { _ -> FaultyWriter.Answer in
      switch Int.random(in: 0...3, using: &random) {
      case 0: .fail([EIO, ENOSPC, EINTR, EDQUOT].randomElement(using: &random) ?? EIO)
      default: .cut(Int.random(in: 1...30, using: &random))
      }
    }
    let faults = FaultyWriter(plan)
    let output = try makeOutput(
      "file", ["path": "\(folder.path)", "format": "plain"], .test(writer: faults.writer))
    let lane = output.openLane(LaneContext(index: 0))
    var expected = ["a": "", "b": "", "c": ""]
    for sequence in 1...4 {
      let numbers = (0..<30).map { sequence * 100 + $0 }
      let names = ["a", "b", "c"]
      let tag = { (n: Int) in names[n * 7 % 11 % 3] }
      for n in numbers { expected[tag(n)]? += line(n) }
      let payload = batch(numbers, sequence: UInt64(sequence), tag: tag).encode(lane)
      var tries = 0
      while !output.deliver(payload).isDone, tries < 100 { tries += 1 }
      #expect(tries < 100, "seed \(seed)")
    }
    output.close()
    for (name, text) in expected { #expect(folder.text(name) == text, "seed \(seed)") }
  }

  @Test("one file that cannot be opened holds up no other")
  func oneBad() throws {
    let folder = TestFolder()
    mkdir("\(folder.path)/bad", 0o755)
    let output = try makeOutput("file", ["path": "\(folder.path)", "format": "plain"])
    let test = batch([1, 2], tag: { $0 == 1 ? "bad" : "good" })
    let payload = test.encode(output.openLane(LaneContext(index: 0)))
    #expect(output.deliver(payload).isRetry)
    #expect(folder.text("good") == line(2))
    rmdir("\(folder.path)/bad")
    #expect(output.deliver(payload).isDone)
    #expect(folder.text("good") == line(2))
    #expect(folder.text("bad") == line(1))
  }

  @Test("a line that was cut when the host gave up is ended before the next")
  func torn() throws {
    let folder = TestFolder()
    let faults = FaultyWriter([.cut(3), .fail(EIO)])
    let output = try makeOutput(
      "file", ["path": "\(folder.path)", "file": "f", "format": "plain"],
      .test(writer: faults.writer))
    let lane = output.openLane(LaneContext(index: 0))
    #expect(output.deliver(batch([1], sequence: 1).encode(lane)).isRetry)
    #expect(output.deliver(batch([2], sequence: 2).encode(lane)).isDone)
    #expect(folder.text("f") == "{\"n\n" + line(2))
  }

  @Test("a missing folder is tried again, and named with what to do")
  func missingFolder() throws {
    let folder = TestFolder()
    let output = try makeOutput("file", ["path": "\(folder.path)/no", "format": "plain"])
    let payload = batch([1]).encode(output.openLane(LaneContext(index: 0)))
    guard case .retry(let message) = output.deliver(payload) else {
      Issue.record("expected a retry")
      return
    }
    #expect(message.contains("mkdir on"))
    mkdir("\(folder.path)/no", 0o755)
    #expect(output.deliver(payload).isDone)
    #expect(folder.text("no/t") == line(1))
  }

  @Test("a file that somebody else rotated is opened anew after a flush")
  func renamed() throws {
    let folder = TestFolder()
    let output = try makeOutput(
      "file", ["path": "\(folder.path)", "file": "f", "format": "plain"])
    let lane = output.openLane(LaneContext(index: 0))
    #expect(output.deliver(batch([1], sequence: 1).encode(lane)).isDone)
    rename("\(folder.path)/f", "\(folder.path)/f.1")
    output.flush()
    #expect(output.deliver(batch([2], sequence: 2).encode(lane)).isDone)
    #expect(folder.text("f.1") == line(1))
    #expect(folder.text("f") == line(2))
  }

  @Test("idle names make room for new ones, but not before their payloads have gone")
  func idleNames() throws {
    let folder = TestFolder()
    let clock = Atomic<Int64>(1_000_000_000_000)
    var context = OutputBuildContext.test()
    context.now = { clock.load(ordering: .relaxed) }
    let output = try makeOutput(
      "file",
      [
        "path": "\(folder.path)", "file": "$TAG", "fallback_file": "x", "format": "plain",
        "max_dynamic_files": "1", "on_limit_reached": "drop",
      ], context)
    let lane = output.openLane(LaneContext(index: 0))
    let counters = StageCounters(kind: .output, name: "o")
    let early = batch([1], sequence: 1, tag: { _ in "a" }).encode(lane, counters)
    clock.add(70_000_000_000, ordering: .relaxed)
    output.flush()
    #expect(batch([2], sequence: 2, tag: { _ in "b" }).encode(lane, counters).recordCount == 0)
    #expect(counters.dropped(.output) == 1)
    #expect(output.deliver(early).isDone)
    clock.add(70_000_000_000, ordering: .relaxed)
    output.flush()
    for (sequence, tag) in [(3, "b"), (4, "b")] {
      let payload = batch([sequence], sequence: UInt64(sequence), tag: { _ in tag })
      #expect(output.deliver(payload.encode(lane, counters)).isDone)
    }
    #expect(folder.names == ["a", "b"])
    #expect(folder.text("b") == line(3) + line(4))
  }

  @Test("a thousand files need no thousand descriptors")
  func manyFiles() throws {
    let folder = TestFolder()
    let output = try makeOutput("file", ["path": "\(folder.path)", "format": "plain"])
    let lane = output.openLane(LaneContext(index: 0))
    for sequence in 1...2 {
      let test = batch(Array(0..<1_000), sequence: UInt64(sequence), tag: { "t\($0)" })
      #expect(output.deliver(test.encode(lane)).isDone)
    }
    #expect(folder.names.count == 1_000)
    #expect(folder.text("t999") == line(999) + line(999))
    output.close()
  }

  @Test("a file with 3,000 runs in one batch takes a few system calls")
  func gathers() throws {
    let folder = TestFolder()
    let faults = FaultyWriter([])
    let output = try makeOutput(
      "file", ["path": "\(folder.path)", "format": "plain"], .test(writer: faults.writer))
    let test = batch(Array(0..<3_000), tag: { $0 % 2 == 0 ? "even" : "odd" })
    #expect(deliver(test, to: output).isDone)
    #expect(faults.calls == 4)
    #expect(folder.text("odd")?.hasSuffix(line(2_999)) == true)
    #expect(folder.text("even")?.utf8.filter { $0 == 10 }.count == 1_500)
  }

  // MARK: Rotation

  @Test("a full file is put aside and the oldest ones are deleted")
  func rotation() throws {
    let folder = TestFolder()
    let output = try makeOutput(
      "file",
      [
        "path": "\(folder.path)", "file": "f", "format": "plain", "rotate": "on",
        "rotate_max_size": "20", "rotate_max_files": "2", "rotate_gzip": "off",
      ])
    let lane = output.openLane(LaneContext(index: 0))
    folder.write("f.other", "stays")
    folder.write("f.20260203_040506_0123abcd.gz.part", "left over")
    for n in 1...5 {
      #expect(output.deliver(batch([n, n, n], sequence: UInt64(n)).encode(lane)).isDone)
    }
    output.close()
    let full = folder.names.filter { RotatedName.matches($0, "f") }
    #expect(full.count == 2)
    #expect(folder.text("f") == line(5) + line(5) + line(5))
    #expect(
      Set(full.compactMap { folder.text($0) })
        == [3, 4].reduce(into: Set()) { set, n in
          set.insert(line(n) + line(n) + line(n))
        })
    #expect(folder.text("f.other") == "stays")
    #expect(!folder.names.contains { $0.hasSuffix(".part") })
  }

  @Test("full files are compressed through the codec")
  func compression() throws {
    let folder = TestFolder()
    let output = try makeOutput(
      "file",
      [
        "path": "\(folder.path)", "file": "f", "format": "plain", "rotate": "on",
        "rotate_max_size": "5",
      ], .test(codecs: FramingFactory.registry))
    let lane = output.openLane(LaneContext(index: 0))
    let numbers = Array(1...2_000)
    #expect(output.deliver(batch(numbers, sequence: 1).encode(lane)).isDone)
    #expect(output.deliver(batch([7], sequence: 2).encode(lane)).isDone)
    output.close()
    #expect(folder.names.count == 2)
    let packed = folder.names.first { $0.hasSuffix(".gz") } ?? ""
    #expect(RotatedName.matches(packed, "f"))
    #expect(folder.text(packed) == "<" + numbers.map(line).joined() + ">")
    #expect(folder.text("f") == line(7))
  }

  @Test("a file that was full at the start is put aside before it is written")
  func fullAtStart() throws {
    let folder = TestFolder()
    folder.write("f", "old old old old\n")
    let output = try makeOutput(
      "file",
      [
        "path": "\(folder.path)", "file": "f", "format": "plain", "rotate": "on",
        "rotate_max_size": "10", "rotate_gzip": "off",
      ])
    #expect(deliver(batch([1]), to: output).isDone)
    output.close()
    #expect(folder.names.count == 2)
    #expect(folder.text("f") == line(1))
  }

  @Test("names of full files are recognised exactly")
  func names() {
    let suffix = RotatedName.suffix(someTime)
    #expect(RotatedName.matches("f" + suffix, "f"))
    #expect(RotatedName.matches("f" + suffix + ".gz", "f"))
    #expect(RotatedName.matches("f.20260203_040506", "f"))
    for other in [
      "f", "f.1", "f.20260203_04050", "f.20260203-040506", "g" + suffix, "f.log" + suffix,
    ] {
      #expect(!RotatedName.matches(other, "f"), "\(other)")
    }
  }
}
