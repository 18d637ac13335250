import Glibc
import Testing
import WeirTelemetry
import WeirTestSupport

@testable import WeirInputs

@Suite("tail against a simulated kubelet", .serialized)
struct TailSimulationTests {
  /// `WEIR_SIMULATION_SEEDS` sets how many runs are made; six are a quick look.
  static let seeds = 1...(getenv("WEIR_SIMULATION_SEEDS").flatMap { Int(String(cString: $0)) } ?? 6)

  static func bench(_ folder: Folder, filesMax: Int? = nil) throws -> TailBench {
    try TailBench(
      folder,
      [
        ("path", folder.file("containers/*.log")), ("db", folder.file("positions.sqlite")),
        ("read_from_head", "on"), ("rotate_wait", "2"),
      ], slotBytes: 64 << 10, filesMax: filesMax)
  }

  /// The numbers of the lines that arrived, in order; nil when a line is not whole.
  static func numbers(_ benches: [TailBench]) -> [Int]? {
    var numbers: [Int] = []
    for bench in benches {
      for line in bench.all.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
        guard let number = line.split(separator: " ").last.flatMap({ Int($0) }),
          KubeletSimulator.line(number) == line + "\n"
        else { return nil }
        numbers.append(number)
      }
    }
    return numbers
  }

  @Test("rotations at any speed, stops and starts: every line once and in order", arguments: seeds)
  func gracefulRestarts(_ seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let folder = Folder()
    folder.makeDirectory("pods")
    folder.makeDirectory("containers")
    let kubelet = KubeletSimulator(folder, "pods/app", compressedMax: 100)
    folder.link("containers/app.log", to: "../pods/app/0.log")
    var benches = [try Self.bench(folder)]
    try benches[0].start()
    var isRunning = true
    for _ in 0..<60 {
      kubelet.write(Int.random(in: 1...200, using: &random))
      if Int.random(in: 0..<3, using: &random) == 0 {
        kubelet.rotate(
          gap: UInt32.random(in: 0...8_000, using: &random),
          late: (Int.random(in: 0...5, using: &random), Int.random(in: 0...5, using: &random)))
      }
      usleep(UInt32.random(in: 0...20_000, using: &random))
      let pause = UInt32.random(in: 0...60_000, using: &random)
      if isRunning { benches[benches.count - 1].hold(pause) }
      guard isRunning else {
        if Int.random(in: 0..<3, using: &random) == 0 {
          benches.append(try Self.bench(folder))
          try benches[benches.count - 1].start()
          isRunning = true
        }
        continue
      }
      benches[benches.count - 1].drain()
      if Int.random(in: 0..<12, using: &random) == 0 {
        benches[benches.count - 1].stop()
        isRunning = false
      }
    }
    if !isRunning {
      benches.append(try Self.bench(folder))
      try benches[benches.count - 1].start()
    }
    let last = benches[benches.count - 1]
    let isComplete = last.wait { (Self.numbers(benches)?.count ?? 0) >= kubelet.written }
    last.stop()
    let numbers = try #require(Self.numbers(benches))
    let text =
      "seed \(seed): \(numbers.count) of \(kubelet.written), \(kubelet.rotations) rotations, "
      + "\(benches.count) runs, first difference "
      + "\(zip(numbers, 0...).first { $0 != $1 }.map { "\($0)" } ?? "none")"
    #expect(isComplete, "\(text)")
    let isEqual = numbers == Array(0..<kubelet.written)
    #expect(isEqual, "\(text)")
  }

  @Test("crashes lose nothing, and repeat at most what was not acknowledged", arguments: seeds)
  func crashes(_ seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed) &+ 1_000)
    let folder = Folder()
    folder.makeDirectory("pods")
    folder.makeDirectory("containers")
    let kubelet = KubeletSimulator(folder, "pods/app", compressedMax: 100)
    folder.link("containers/app.log", to: "../pods/app/0.log")
    var benches = [try Self.bench(folder)]
    try benches[0].start()
    for _ in 0..<60 {
      kubelet.write(Int.random(in: 1...200, using: &random))
      if Int.random(in: 0..<4, using: &random) == 0 {
        kubelet.rotate(
          gap: UInt32.random(in: 0...8_000, using: &random),
          late: (Int.random(in: 0...5, using: &random), Int.random(in: 0...5, using: &random)))
      }
      usleep(UInt32.random(in: 0...20_000, using: &random))
      let bench = benches[benches.count - 1]
      bench.hold(UInt32.random(in: 0...60_000, using: &random))
      bench.acknowledges = Int.random(in: 0..<4, using: &random) > 0
      bench.drain()
      if Int.random(in: 0..<12, using: &random) == 0 {
        bench.crash()
        benches.append(try Self.bench(folder))
        try benches[benches.count - 1].start()
      }
    }
    let last = benches[benches.count - 1]
    let isComplete = last.wait {
      Set(Self.numbers(benches) ?? []).count >= kubelet.written
    }
    last.stop()
    let numbers = try #require(Self.numbers(benches))
    let missing = Set(0..<kubelet.written).subtracting(numbers).sorted()
    #expect(isComplete && missing.isEmpty, "seed \(seed): missing \(missing.prefix(10))")
    for bench in benches {
      let own = try #require(Self.numbers([bench]))
      let isSorted = own == own.sorted()
      #expect(isSorted, "seed \(seed): out of order within a run")
      let count = Set(own).count
      #expect(count == own.count, "seed \(seed): repeated within a run")
    }
  }

  @Test("files that live for less than a look are all found", arguments: seeds)
  func shortLives(_ seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed) &+ 2_000)
    let folder = Folder()
    folder.makeDirectory("pods")
    folder.makeDirectory("containers")
    let kubelet = KubeletSimulator(folder, "pods/app", compressedMax: 0, compresses: false)
    folder.link("containers/app.log", to: "../pods/app/0.log")
    let bench = try Self.bench(folder)
    try bench.start()
    for _ in 0..<100 {
      kubelet.write(1)
      kubelet.rotate(gap: 0, late: (0, 0))
      usleep(UInt32.random(in: 0...200, using: &random))
    }
    kubelet.write(1)
    let isComplete = bench.wait { (Self.numbers([bench])?.count ?? 0) >= kubelet.written }
    bench.stop()
    let numbers = try #require(Self.numbers([bench]))
    let missing = Set(0..<kubelet.written).subtracting(numbers).sorted()
    #expect(isComplete && missing.isEmpty, "seed \(seed): missing \(missing.prefix(10))")
    let isEqual = numbers == Array(0..<kubelet.written)
    #expect(isEqual, "seed \(seed): \(numbers.count) of \(kubelet.written)")
  }

  @Test(
    "many containers under load, rotated at once, also with fewer descriptors",
    arguments: [nil, 40, 8])
  func manyContainers(filesMax: Int?) throws {
    let folder = Folder()
    folder.makeDirectory("pods")
    folder.makeDirectory("containers")
    var kubelets: [KubeletSimulator] = []
    let bench = try Self.bench(folder, filesMax: filesMax)
    try bench.start()
    for i in 0..<30 {
      kubelets.append(KubeletSimulator(folder, "pods/\(i)", compressedMax: 100))
      folder.link("containers/\(i).log", to: "../pods/\(i)/0.log")
    }
    for round in 0..<15 {
      for kubelet in kubelets { kubelet.write(50) }
      bench.drain()
      if round % 5 == 4 { for kubelet in kubelets { kubelet.rotate(gap: 300, late: (1, 1)) } }
    }
    let total = kubelets.reduce(0) { $0 + $1.written }
    let isComplete = bench.wait(seconds: 60) {
      bench.arrivals.reduce(0) { $0 + $1.bytes.count { $0 == 0x0a } } >= total
    }
    #expect(isComplete)
    for (i, kubelet) in kubelets.enumerated() {
      let expected = (0..<kubelet.written).map(KubeletSimulator.line).joined()
      #expect(bench.text("containers/\(i).log") == expected)
    }
    #expect(bench.counter(InputCounterNames.stalledFiles) == 0)
    bench.stop()
  }
}
