import Glibc

/// One contestant of a scenario: the floor, or an executable with a number of lanes.
struct Contestant {
  let name: String
  /// Nil for the floor.
  let weir: String?
  let lanes: Int
  var runs: [Usage] = []
}

/// Runs a scenario's contestants in turn, so that a busy minute of the machine hits all of them.
struct Runner {
  let bench: Workbench
  let options: Options
  let floor: String

  /// The contestants with their runs, the floor first, and the lines of the corpus.
  func measure(_ scenario: Scenario) throws(BenchError) -> Outcome {
    let sizeMiB = options.sizeMiB ?? scenario.sizeMiB
    let corpus = try bench.corpus(scenario.corpus, sizeMiB: sizeMiB)
    var contestants = [Contestant(name: "floor \(scenario.floorMode)", weir: nil, lanes: 0)]
    for lanes in options.lanes.map({ [$0] }) ?? scenario.lanes {
      let suffix = lanes == 0 ? "" : ", \(lanes) lane\(lanes == 1 ? "" : "s")"
      contestants.append(Contestant(name: "weir" + suffix, weir: options.weir, lanes: lanes))
      if let against = options.against {
        contestants.append(Contestant(name: "against" + suffix, weir: against, lanes: lanes))
      }
    }
    var lines = 0
    // One run beforehand brings the corpus into the page cache and is not counted.
    _ = try runFloor(scenario, corpus)
    for _ in 0..<options.rounds {
      for index in contestants.indices {
        if let weir = contestants[index].weir {
          let usage = try runWeir(weir, scenario, corpus, lanes: contestants[index].lanes)
          contestants[index].runs.append(usage)
        } else {
          let (usage, counted) = try runFloor(scenario, corpus)
          contestants[index].runs.append(usage)
          lines = counted
        }
      }
    }
    return Outcome(
      scenario: scenario, contestants: contestants, lines: lines,
      bytes: FileText.size(corpus) ?? 0)
  }

  private func runFloor(
    _ scenario: Scenario, _ corpus: String
  ) throws(BenchError) -> (Usage, lines: Int) {
    let child = Child(
      executable: floor, arguments: [scenario.floorMode, corpus], folder: bench.scratch,
      outputName: "floor.txt")
    let usage = try bench.check(child)
    let words = FileText.read("\(bench.scratch)/floor.txt").split(separator: " ")
    guard let at = words.firstIndex(of: "lines"), at + 1 < words.count,
      let lines = Int(words[at + 1])
    else { throw .wrong("the floor \(floor) did not print how many lines it saw") }
    return (usage, lines)
  }

  private func runWeir(
    _ weir: String, _ scenario: Scenario, _ corpus: String, lanes: Int
  ) throws(BenchError) -> Usage {
    let folder = try bench.freshFolder()
    var environment = ["CORPUS": corpus, "OUT_DIR": folder, "TZ": "UTC"]
    if lanes > 0 { environment["WEIR_LANES"] = "\(lanes)" }
    let sink = scenario.delivers ? try Sink(programs: bench.programs) : nil
    if let sink { environment["SINK_PORT"] = "\(sink.port)" }
    let child = Child(
      executable: weir, arguments: ["-c", bench.pipeline(scenario.pipeline)],
      environment: environment, folder: folder)
    let usage = try bench.check(child)
    if let sink { try compareRecords(corpus, "the sink", try sink.end()) }
    if scenario.writesRecords {
      let output = "\(folder)/out.jsonl"
      var found = 0
      try FileText.forEachLine(of: output) { line in
        if line.count > 2, line[0] == UInt8(ascii: "{") { found += 1 }
      }
      try compareRecords(corpus, output, found)
    }
    return usage
  }

  /// Each whole CRI line is one record; parts are joined into the line they end in.
  private func compareRecords(
    _ corpus: String, _ output: String, _ found: Int
  ) throws(BenchError) {
    var expected = 0
    try FileText.forEachLine(of: corpus) { line in
      // The part stands behind the time (30 bytes) and the stream (6 bytes): see weir-corpus.
      if line.count > 38, line[38] == UInt8(ascii: "F") { expected += 1 }
    }
    guard expected == found else {
      throw .wrong("\(output) has \(found) records, the corpus \(expected)")
    }
  }
}
