import CWeirSystem
import Glibc
import Testing

extension EndToEnd {
  /// The tools have to find what is wrong before they can say that nothing is.
  @Suite("the toolkit")
  struct Toolkit {
    private func record(_ key: String, _ number: Int, length: Int = 60) -> String {
      let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: length)
      defer { buffer.deallocate() }
      NumberedText.put(key: Array(key.utf8), number: number, length: length, to: buffer)
      let text = String(
        decoding: UnsafeBufferPointer(start: buffer, count: length), as: UTF8.self)
      return #"{"time":"2026-01-01T00:00:00Z","stream":"stdout","_p":"F","log":"\#(text)"}"# + "\n"
    }

    private func check(
      _ output: String, _ counts: [String: Int], allowsRepeats: Bool = false,
      isKilled: Bool = false
    ) -> [String] {
      var checker = OutputChecker(allowsRepeats: allowsRepeats)
      var output = output
      output.withUTF8 { checker.take($0, isKilled: isKilled) }
      return checker.verdict(expecting: counts)
    }

    @Test("an output with every line once and in order passes, containers interleaved")
    func passes() {
      let output = record("a", 1) + record("b", 1) + record("a", 2) + record("a", 3)
      #expect(check(output, ["a": 3, "b": 1]) == [])
      #expect(check("kube.x: [1.5, " + record("a", 1).dropLast() + "]\n", ["a": 1]) == [])
    }

    @Test("missing, repeated, late and foreign lines are told")
    func finds() {
      #expect(check(record("a", 1) + record("a", 3), ["a": 3]).count == 1)
      #expect(check(record("a", 1) + record("a", 1), ["a": 1]).count == 1)
      #expect(check(record("a", 2) + record("a", 1), ["a": 2]).count == 2)
      #expect(check(record("a", 1), ["a": 2]) == ["a: 1 of 2 lines arrived"])
      #expect(check(record("z", 1), [:]) == ["z: nobody wrote this"])
    }

    @Test("lines that are cut, joined or mixed are told")
    func findsBroken() {
      let whole = record("a", 1)
      let cut = whole.split(separator: "b")[0] + "b\"}\n"
      #expect(check(String(cut), ["a": 1]).contains("a: line 1 is not whole"))
      let joined = whole.dropLast(3) + record("a", 2).split(separator: "\"")[15] + "\"}\n"
      #expect(check(String(joined), ["a": 1]).contains("a: line 1 is not whole"))
      #expect(check(String(whole.dropLast()), ["a": 1]).contains("the last line has no end"))
    }

    @Test("after a kill numbers may go back but not jump, and a torn last line is not counted")
    func repeats() {
      let output = record("a", 1) + record("a", 2) + record("a", 1) + record("a", 2)
      #expect(check(output, ["a": 2], allowsRepeats: true) == [])
      #expect(check(output, ["a": 2]).count == 1)
      let jump = record("a", 1) + record("a", 2) + record("a", 1) + record("a", 3)
      #expect(check(jump, ["a": 3], allowsRepeats: true).count == 1)
      let torn = record("a", 1) + record("a", 2).prefix(70)
      #expect(check(torn, ["a": 1], isKilled: true) == [])
    }

    @Test("the rotated files of a log hold every line that was written, whole and in order")
    func rotation() throws {
      let scratch = Scratch("toolkit")
      let log = RotatedLog(ContainerWriter(key: "pod", lengthMean: 300), folder: scratch.path)
      var manner = RotatedLog.Manner()
      manner.splitsLines = true
      manner.gap = 0...0.001
      for _ in 0..<4 {
        log.write(50_000)
        log.rotate(manner)
      }
      log.write(10_000)
      let names = Files.names(in: scratch.path)
      #expect(names.filter { $0.hasSuffix(".gz") }.count == 3)
      #expect(names.count == 5, "\(names)")
      #expect(log.writer.splitCount == 4)
      for path in log.compressed { system("gunzip \(path)") }
      let ordered = Files.names(in: scratch.path).filter { $0 != "0.log" } + ["0.log"]
      var joined = ""
      var open = ""
      for line in ordered.map({ Files.text(scratch / $0) }).joined().split(separator: "\n") {
        #expect(line.utf8.count > 40 && line.dropFirst(29).hasPrefix("Z stdout "))
        open += line.dropFirst(40)
        guard line.dropFirst(38).hasPrefix("F") else { continue }
        joined += "{\"log\":\"\(open)\"}\n"
        open = ""
      }
      #expect(check(joined, ["pod": log.writer.count]) == [])
    }

    @Test("a flood keeps its rate and counts what it writes")
    func flood() {
      let scratch = Scratch("flood")
      var plan = Flood.Plan()
      plan.rate = 2_000_000
      plan.seconds = 0.5
      plan.interval = 0.1
      plan.rotateBytes = 100_000
      let flood = Flood(NodeTree(scratch.path), pods: ["one", "two"], plan)
      flood.start()
      let counts = flood.wait()
      #expect(counts.count == 2)
      #expect(flood.bytes > 900_000 && flood.bytes < 1_100_000)
      #expect(flood.logs.allSatisfy { $0.rotations >= 2 })
      #expect(Files.names(in: scratch / "containers").count == 2)
    }
  }
}
