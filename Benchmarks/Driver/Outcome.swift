import Glibc

/// What a scenario gave, and how it stands to what the scenario asks for.
struct Outcome {
  let scenario: Scenario
  let contestants: [Contestant]
  let lines: Int
  let bytes: Int

  /// Prints a row for each contestant and, unless only whether it runs was asked, a line for each
  /// mark; returns whether all marks are met.
  func report(isQuick: Bool) -> Bool {
    say("\(scenario.name): \(bytes >> 20) MiB, \(lines) lines, \(scenario.pipeline)")
    for contestant in contestants { printRow(contestant) }
    if isQuick { return true }
    var isMet = true
    for contestant in contestants where contestant.weir != nil {
      isMet = judge(contestant) && isMet
    }
    isMet = judgeSpeedup() && isMet
    say("")
    return isMet
  }

  private func printRow(_ contestant: Contestant) {
    let cpu = median(contestant.runs.map(\.cpu))
    let wall = median(contestant.runs.map(\.wall))
    let peak = contestant.runs.map(\.peakBytes).max() ?? 0
    let columns = [
      padded(contestant.name, 24, left: false),
      padded(fixed(cpu, 3), 8) + " cpu-s",
      padded(fixed(Double(bytes) / 1e6 / cpu, 0), 6) + " MB/cpu-s",
      padded(fixed(Double(bytes) / 1e6 / wall, 0), 6) + " MB/s",
      padded(fixed(Double(lines) / wall, 0), 9) + " lines/s",
      padded(fixed(Double(peak) / 1_048_576, 1), 6) + " MiB peak",
      padded(fixed(ratio(contestant), 2), 6) + " x floor",
    ]
    say("  " + columns.joined(separator: "  "))
  }

  /// The median of CPU over the floor's CPU of the same round.
  private func ratio(_ contestant: Contestant) -> Double {
    median(zip(contestant.runs, contestants[0].runs).map { $0.cpu / $1.cpu })
  }

  private func judge(_ contestant: Contestant) -> Bool {
    var isMet = true
    if let most = scenario.ratioMax {
      isMet = verdict(
        "\(contestant.name): at most \(fixed(most, 1)) x the floor", ratio(contestant) <= most)
    }
    let peak = contestant.runs.map(\.peakBytes).max() ?? 0
    return verdict(
      "\(contestant.name): at most \(scenario.peakMiBMax) MiB",
      peak <= scenario.peakMiBMax << 20) && isMet
  }

  private func judgeSpeedup() -> Bool {
    let lanes = contestants.filter { $0.name.hasPrefix("weir") }
    guard let least = scenario.speedupMin, let first = lanes.first, let last = lanes.last,
      lanes.count > 1
    else { return true }
    let speedup = median(zip(first.runs, last.runs).map { $0.wall / $1.wall })
    return verdict(
      "\(last.lanes) lanes over \(first.lanes): \(fixed(speedup, 2)) x, at least "
        + "\(fixed(least, 1)) x", speedup >= least)
  }

  private func verdict(_ text: String, _ isMet: Bool) -> Bool {
    say("  \(isMet ? "met   " : "MISSED") \(text)")
    return isMet
  }
}

func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  guard !sorted.isEmpty else { return 0 }
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/// A number with `places` decimals.
func fixed(_ value: Double, _ places: Int) -> String {
  let scale = pow(10, Double(places))
  let scaled = (value * scale).rounded()
  // The bound keeps the conversion from trapping on what no benchmark reaches.
  guard scaled.isFinite, scaled < 1e15 else { return "-" }
  let whole = String(Int(scaled) / Int(scale))
  if places == 0 { return whole }
  let rest = String(Int(scaled) % Int(scale))
  return whole + "." + String(repeating: "0", count: places - rest.count) + rest
}

func padded(_ text: String, _ width: Int, left: Bool = true) -> String {
  let blanks = String(repeating: " ", count: max(0, width - text.count))
  return left ? blanks + text : text + blanks
}
