import CWeirSystem
import Glibc
import Testing

extension EndToEnd {
  /// None of these stops the engine or another file: numbered lines go on around them.
  @Suite("hostile input")
  struct HostileInput {
    /// A log with `head` in its middle: numbered lines before and after it.
    private func surrounded(_ job: Job, _ pod: String, _ middle: [UInt8]) -> ContainerWriter {
      let folder = job.tree.folder(pod: pod, uid: NodeTree.id(pod), container: "main")
      let path = "\(folder)/0.log"
      let writer = ContainerWriter(key: pod)
      let descriptor = ContainerWriter.open(path)
      defer { close(descriptor) }
      for _ in 0..<10 { writer.writeLine(to: descriptor) }
      _ = middle.withUnsafeBytes { Files.writeAll(descriptor, $0) }
      for _ in 0..<10 { writer.writeLine(to: descriptor) }
      job.tree.link(to: path, pod: pod, container: "main")
      return writer
    }

    private func expectAll(
      _ job: Job, _ counts: [String: Int], _ engine: Engine
    ) -> OutputChecker {
      let checker = job.verdict(of: [job.output()], expecting: counts)
      #expect(checker.verdict(expecting: counts) == [], "\(engine.lastWords)")
      #expect(engine.isRunning, "\(engine.lastWords)")
      return checker
    }

    private static let middles: [(String, [UInt8])] = [
      ("words", Array("not a container line\n".utf8)),
      ("blanks", Array("\n\n \n\r\n".utf8)),
      ("half", Array("2026-01-01T00:00:00Z stdout\n".utf8)),
      ("part", Array("2026-01-01T00:00:00Z stdout X text\n".utf8)),
      ("date", Array("yesterday stdout F text\n".utf8)),
      ("nul", [0, 0, 0, 10]),
      ("utf8", Array("2026-01-01T00:00:00Z stdout F ".utf8) + [0xC3, 0x28, 0xFF, 0xED, 0xA0, 10]),
      ("escape", Array("2026-01-01T00:00:00Z stdout F \u{1}\"\\\u{7F}\u{1B}[0m\n".utf8)),
    ]

    @Test(
      "malformed lines and invalid UTF-8 pass by",
      .enabled(if: Settings.runsEngine, .init(rawValue: Settings.engineMissing)))
    func malformed() throws {
      let job = Job("malformed")
      let writers = Self.middles.map { surrounded(job, $0.0, $0.1) }
      let engine = try job.start()
      let counts = Dictionary(uniqueKeysWithValues: writers.map { ($0.key, $0.count) })
      let checker = expectAll(job, counts, engine)
      #expect(checker.others.contains { $0.contains("not a container line") })
      #expect(engine.stop() == 0, "\(engine.lastWords)")
      // Whatever came in, what goes out is text.
      let output = Files.bytes(job.output())
      #expect(String(validating: output, as: UTF8.self) != nil)
    }

    @Test(
      "a line of 10 MiB neither stops its file nor the others",
      .enabled(if: Settings.runsEngine, .init(rawValue: Settings.engineMissing)),
      arguments: [true, false])
    func longLine(isCRI: Bool) throws {
      let job = Job("long")
      let head = isCRI ? "2026-01-01T00:00:00Z stdout F " : ""
      let line = Array(head.utf8) + [UInt8](repeating: 120, count: 10 << 20) + [10]
      let writers = [surrounded(job, "long", line), surrounded(job, "other", [])]
      let engine = try job.start()
      let counts = Dictionary(uniqueKeysWithValues: writers.map { ($0.key, $0.count) })
      _ = expectAll(job, counts, engine)
      let peak = engine.memory(peak: true)
      #expect(peak <= 80 << 20, "peak memory is \(peak >> 20) MiB")
      #expect(engine.stop() == 0, "\(engine.lastWords)")
    }

    @Test(
      "keys that a sender makes up cost neither its records nor others their fields",
      .enabled(if: Settings.runsEngine, .init(rawValue: Settings.engineMissing)),
      arguments: ["tail", "stdin"])
    func madeUpKeys(input: String) throws {
      let job = Job("keys")
      var lines = (0..<300).map { number in
        "{" + (0..<400).map { "\"k\(number)_\($0)\":\($0)" }.joined(separator: ",") + "}"
      }
      lines += (0..<3_000).map { "{\"usual\":\($0)}" }
      let log = job.scratch / "made-up.log"
      Files.write(lines.joined(separator: "\n") + "\n", to: log)
      let parsers = job.scratch / "parsers.conf"
      Files.write(job.section("PARSER", ["name j", "format json"]), to: parsers)
      let reads =
        input == "tail"
        ? ["name tail", "path \(log)", "read_from_head on", "parser j"] : ["name stdin"]
      let configuration =
        job.section("SERVICE", ["flush 0.2", "grace 10", "parsers_file \(parsers)"])
        + job.section("INPUT", reads) + job.section("OUTPUT", job.file("out.jsonl", match: "*"))
      let engine = try job.start(configuration, input: input == "stdin" ? log : nil)
      _ = job.settles(job.output())
      let found = Files.text(job.output()).split(separator: "\n").map(String.init)
      #expect(found == lines, "\(engine.lastWords)")
      if input == "tail" { #expect(engine.stop() == 0, "\(engine.lastWords)") }
    }

    @Test(
      "a file that is cut off while it is read goes on from its new beginning",
      .enabled(if: Settings.runsEngine, .init(rawValue: Settings.engineMissing)))
    func truncated() throws {
      let job = Job("truncated")
      let writer = surrounded(job, "cut", [])
      let folder = job.tree.folder(pod: "cut", uid: NodeTree.id("cut"), container: "main")
      let engine = try job.start()
      let descriptor = ContainerWriter.open("\(folder)/0.log")
      defer { close(descriptor) }
      for round in 0..<3 {
        let checker = expectAll(job, ["cut": writer.count], engine)
        #expect(checker.problemCount == 0, "round \(round)")
        ftruncate(descriptor, 0)
        for _ in 0..<(8 - round) { writer.writeLine(to: descriptor) }
      }
      _ = expectAll(job, ["cut": writer.count], engine)
      #expect(engine.stop() == 0, "\(engine.lastWords)")
    }

    @Test(
      "what is no log file is passed over",
      .enabled(if: Settings.runsEngine, .init(rawValue: Settings.engineMissing)))
    func notLogs() throws {
      let job = Job("odd")
      let folder = job.tree.containers
      let writer = surrounded(job, "good", [])
      Files.write("", to: folder + "/empty_test_main-0.log")
      Files.makeFolder(folder + "/folder_test_main-1.log")
      symlink("/nowhere/0.log", folder + "/dangling_test_main-2.log")
      symlink("loop_test_main-3.log", folder + "/loop_test_main-3.log")
      mkfifo(folder + "/fifo_test_main-4.log", 0o644)
      symlink("/dev/zero", folder + "/device_test_main-5.log")
      let engine = try job.start()
      _ = expectAll(job, ["good": writer.count], engine)
      #expect(engine.stop() == 0, "\(engine.lastWords)")
    }

    @Test(
      "files and folders without permission are told once and do not stop the others",
      .enabled(if: Settings.runsEngine, .init(rawValue: Settings.engineMissing)),
      .enabled(if: geteuid() != 0 || access("/usr/bin/setpriv", X_OK) == 0, "no setpriv"))
    func noPermission() throws {
      let job = Job("closed")
      for folder in [job.scratch.path, job.scratch / "state", job.scratch / "out"] {
        chmod(folder, 0o777)
      }
      let good = surrounded(job, "good", [])
      _ = surrounded(job, "secret", [])
      _ = surrounded(job, "hidden", [])
      let secret = job.tree.folder(pod: "secret", uid: NodeTree.id("secret"), container: "main")
      let hidden = job.tree.folder(pod: "hidden", uid: NodeTree.id("hidden"), container: "main")
      let goodLog = job.tree.folder(pod: "good", uid: NodeTree.id("good"), container: "main")
      chmod(goodLog + "/0.log", 0o644)
      chmod(secret + "/0.log", 0)
      chmod(hidden, 0)
      let engine = try job.start(asNobody: true)
      let checker = expectAll(job, ["good": good.count], engine)
      #expect(checker.streams.count == 1)
      Clock.sleep(3)
      let told = Files.text(engine.errorPath).split(separator: "\n")
        .filter { $0.contains("secret") && $0.contains("ermission") }
      #expect(told.count == 1, "\(engine.lastWords)")
      #expect(engine.stop() == 0, "\(engine.lastWords)")
    }
  }
}
