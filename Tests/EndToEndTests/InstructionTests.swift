import Glibc
import Testing

extension EndToEnd {
  /// What a call counter sees of the release build: calls do not depend on how busy a machine is.
  @Suite("calls counted under callgrind")
  struct Instructions {
    private static let missing = "no release build, or no valgrind and strip on the path"
    private static let isPossible =
      Settings.runsEngine && (Settings.isStrict || run("command -v valgrind strip >/dev/null"))

    @Test(
      "a steady stream allocates nothing per line and copies no line on its way to the encoder",
      .enabled(if: isPossible, .init(rawValue: missing)))
    func steadyStream() throws {
      let job = Job("calls")
      try stage(job)
      let small = try calls(job, megabytes: 8)
      let large = try calls(job, megabytes: 56)
      // 48 MiB more are 48 slots, 192 batches and some 330,000 lines more.
      let allocations = large.allocations - small.allocations
      // None belongs to a batch: what is left are timers, which go by the clock. 66 were counted.
      #expect(allocations < 192, "\(allocations) allocations for 192 batches")
      let copies = large.copies - small.copies
      #expect(copies <= 192 * 16, "\(copies) copies for 192 batches of some 1,700 lines")
    }

    /// The executable without the debug information that older valgrinds cannot read.
    private func stage(_ job: Job) throws {
      let folder = Settings.executable.split(separator: "/").dropLast().joined(separator: "/")
      try #require(
        Self.run(
          "strip -g -o '\(job.scratch / "weir")' '\(Settings.executable)' "
            + "&& cp -r '/\(folder)/plugins' '\(job.scratch.path)'"))
    }

    private func calls(_ job: Job, megabytes: Int) throws -> (allocations: Int, copies: Int) {
      // In a folder of its own: the output's writes must not wake the watcher of the input's.
      let folder = job.scratch / "in-\(megabytes)"
      #expect(mkdir(folder, 0o755) == 0)
      let log = "\(folder)/in.log"
      let line =
        "2026-11-23T03:00:00.123456789Z stdout F " + String(repeating: "a line of a log ", count: 7)
      let text = Array("\(line)\n".utf8)
      let count = (megabytes << 20) / text.count
      var bytes: [UInt8] = []
      bytes.reserveCapacity(count * text.count)
      for _ in 0..<count { bytes += text }
      #expect(Files.write(bytes, to: log))
      let configuration = job.scratch / "calls-\(megabytes).conf"
      let sections =
        job.section("SERVICE", ["flush 1", "log_level error"])
        + job.section(
          "INPUT",
          [
            "name tail", "path \(log)", "read_from_head on", "exit_on_eof on",
            "multiline.parser cri",
          ]) + job.section("OUTPUT", job.file("out-\(megabytes).jsonl", match: "*"))
      #expect(Files.write(sections, to: configuration))
      let profile = job.scratch / "profile-\(megabytes)"
      try #require(
        Self.run(
          // Fair turns: an output that is held up would need more payloads than its pool holds.
          "WEIR_LANES=1 valgrind --fair-sched=yes --tool=callgrind "
            + "--callgrind-out-file='\(profile)' "
            + "'\(job.scratch / "weir")' -c '\(configuration)' >'\(profile).txt' 2>&1"),
        "\(Files.text("\(profile).txt"))")
      let written = Files.bytes(job.output("out-\(megabytes).jsonl")).count { $0 == 10 }
      #expect(written == count)
      return Self.count(Files.text(profile))
    }

    /// Adds up the calls of a profile by the function called. What Dispatch allocates for itself
    /// (sources of timers, its caches) is left out.
    private static func count(_ profile: String) -> (allocations: Int, copies: Int) {
      var names: [Substring: Substring] = [:]
      var called: Substring = ""
      var caller: Substring = ""
      var allocations = 0
      var copies = 0
      for line in profile.split(separator: "\n") {
        if line.hasPrefix("cfn=") || line.hasPrefix("fn=") {
          let rest = line.drop { $0 != "(" }
          let id = rest.prefix { $0 != ")" }
          let name = rest.dropFirst(id.count + 1).drop { $0 == " " }
          if !name.isEmpty { names[id] = name }
          if line.hasPrefix("cfn=") { called = names[id] ?? "" } else { caller = names[id] ?? "" }
        } else if line.hasPrefix("calls=") {
          let times = Int(line.dropFirst(6).prefix { $0 != " " }) ?? 0
          let isDispatch = caller.hasPrefix("_dispatch_") || caller.hasPrefix("_os_object_")
          if !isDispatch, ["malloc", "calloc", "realloc", "posix_memalign"].contains(called) {
            allocations += times
          }
          if called.contains("memcpy") || called.contains("memmove") { copies += times }
        }
      }
      return (allocations, copies)
    }

    private static func run(_ command: String) -> Bool { system(command) == 0 }
  }
}
