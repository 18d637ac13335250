import Glibc
import Testing
import WeirConfig
import WeirDelivery
import WeirStage
import WeirTelemetry

@testable import WeirInputs

@Suite("tail with fewer descriptors than files")
struct TailDescriptorTests {
  private func bench(
    _ folder: Folder, _ more: [(String, String)] = [], filesMax: Int = 8
  ) throws -> TailBench {
    try TailBench(
      folder, [("path", folder.file("*.log")), ("read_from_head", "on")] + more, slots: 64,
      filesMax: filesMax)
  }

  private func openFiles(in folder: Folder) -> Int {
    (0..<1_024).count { number in
      var name = [CChar](repeating: 0, count: 1_024)
      let length = readlink("/proc/self/fd/\(number)", &name, name.count - 1)
      guard length > 0 else { return false }
      let path = String(decoding: name[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
      return path.hasPrefix(folder.file("")) && path.hasSuffix(".log")
    }
  }

  @Test("all files are read, and again when they grow, while few are open")
  func all() throws {
    let folder = Folder()
    let count = 100
    for i in 0..<count { folder.append("f\(i).log", lines(i * 10, 10)) }
    let bench = try bench(folder)
    try bench.start()
    func isAllRead(_ rounds: Int) -> Bool {
      (0..<count).allSatisfy { i in
        bench.text("f\(i).log")
          == (0..<rounds).map { lines(i * 10 + $0 * 10_000, 10) }.joined()
      }
    }
    #expect(bench.wait { isAllRead(1) })
    for round in 1..<4 {
      for i in 0..<count { folder.append("f\(i).log", lines(i * 10 + round * 10_000, 10)) }
      #expect(bench.wait { isAllRead(round + 1) }, "round \(round)")
      #expect(openFiles(in: folder) <= 12)
    }
    #expect(bench.counter(InputCounterNames.filesParked) >= 92)
    #expect(bench.counter(InputCounterNames.filesUnparked) >= 92)
    bench.stop()
    #expect(isAllRead(4))
  }

  @Test("files that never end take turns")
  func turns() throws {
    let folder = Folder()
    let count = 12
    for i in 0..<count { folder.append("f\(i).log", lines(0, 200)) }
    let bench = try bench(folder, filesMax: 4)
    try bench.start()
    var written = 200
    let isRead = bench.wait(seconds: 60) {
      // Every file grows at every look: none of them is ever idle for long.
      for i in 0..<count { folder.append("f\(i).log", lines(written, 50)) }
      written += 50
      return (0..<count).allSatisfy { !bench.text("f\($0).log").isEmpty }
    }
    #expect(isRead)
    #expect(
      bench.wait(seconds: 60) {
        (0..<count).allSatisfy { bench.text("f\($0).log") == lines(0, written) }
      })
  }

  @Test("a parked file that is renamed, replaced or cut off goes on as it should")
  func rotation() throws {
    let folder = Folder()
    for i in 0..<20 { folder.append("f\(i).log", lines(i, 5)) }
    let bench = try bench(folder, filesMax: 2)
    try bench.start()
    #expect(bench.wait { (0..<20).allSatisfy { bench.text("f\($0).log") == lines($0, 5) } })
    for i in 0..<20 {
      switch i % 3 {
      case 0:
        folder.append("f\(i).log", lines(1_000 + i, 5))
        folder.rename("f\(i).log", "f\(i).log.1")
        folder.append("f\(i).log", lines(2_000 + i, 5))
      case 1:
        folder.append("f\(i).log", lines(1_000 + i, 5))
      default:
        folder.write("f\(i).log", lines(3_000 + i, 2))
      }
    }
    let isRead = bench.wait {
      (0..<20).allSatisfy { i in
        let text = bench.text("f\(i).log")
        return switch i % 3 {
        case 0: text == lines(i, 5) + lines(1_000 + i, 5) + lines(2_000 + i, 5)
        case 1: text == lines(i, 5) + lines(1_000 + i, 5)
        default: text == lines(i, 5) + lines(3_000 + i, 2)
        }
      }
    }
    #expect(isRead)
    bench.stop()
    #expect(bench.counter(InputCounterNames.lostBytes) == 0)
  }

  @Test("positions of parked files are stored, and a restart repeats nothing")
  func restart() throws {
    let folder = Folder()
    let options = [("db", folder.file("pos.db"))]
    for i in 0..<30 { folder.append("f\(i).log", lines(i, 5)) }
    do {
      let bench = try bench(folder, options, filesMax: 3)
      try bench.start()
      #expect(bench.wait { (0..<30).allSatisfy { bench.text("f\($0).log") == lines($0, 5) } })
      bench.stop()
    }
    for i in 0..<30 { folder.append("f\(i).log", lines(i + 500, 5)) }
    let bench = try bench(folder, options, filesMax: 3)
    try bench.start()
    #expect(bench.wait { (0..<30).allSatisfy { bench.text("f\($0).log") == lines($0 + 500, 5) } })
    bench.stop()
  }

  @Test("with read_from_head off a file that cannot be opened at first begins at its end then")
  func fromTheEnd() throws {
    let folder = Folder()
    for i in 0..<20 { folder.append("f\(i).log", lines(i, 5)) }
    let bench = try TailBench(folder, [("path", folder.file("*.log"))], filesMax: 3)
    try bench.start()
    for i in 0..<20 { folder.append("f\(i).log", lines(i + 500, 5)) }
    #expect(bench.wait { (0..<20).allSatisfy { bench.text("f\($0).log") == lines($0 + 500, 5) } })
  }

  @Test("exit_on_eof waits for those that wait for a descriptor")
  func exitOnEOF() throws {
    let folder = Folder()
    for i in 0..<40 { folder.append("f\(i).log", lines(i, 5)) }
    let bench = try bench(folder, [("exit_on_eof", "on")], filesMax: 3)
    try bench.start()
    #expect(bench.wait { bench.stopReason.value != nil })
    #expect((0..<40).allSatisfy { bench.text("f\($0).log") == lines($0, 5) })
  }

  @Test("a parked file that is deleted is forgotten")
  func deleted() throws {
    let folder = Folder()
    for i in 0..<20 { folder.append("f\(i).log", lines(i, 5)) }
    let bench = try bench(folder, [("refresh_interval", "0.2")], filesMax: 2)
    try bench.start()
    #expect(bench.wait { (0..<20).allSatisfy { bench.text("f\($0).log") == lines($0, 5) } })
    for i in 0..<20 { folder.remove("f\(i).log") }
    #expect(bench.wait { bench.arrivals.count { $0.flags.contains(.streamEnd) } == 20 })
  }

  /// Two files of this text over a small ring that nobody empties yet, with one descriptor: the
  /// first fills the ring and stays open, the second is parked with all that it has.
  private func benchWithParked(_ folder: Folder, _ text: String) throws -> TailBench {
    for name in ["a.log", "b.log"] { folder.append(name, text) }
    let bench = try TailBench(
      folder,
      [("path", folder.file("*.log")), ("read_from_head", "on"), ("refresh_interval", "0.2")],
      slots: 2, slotBytes: 64 << 10, filesMax: 1)
    try bench.start()
    let end = Clock.monotonic() + 20_000_000_000
    while bench.counter(InputCounterNames.filesParked) == 0, Clock.monotonic() < end {
      usleep(5_000)
    }
    return bench
  }

  private func bytesRead(_ bench: TailBench) -> Int {
    bench.arrivals.reduce(0) { $0 + $1.bytes.count }
  }

  @Test("what a parked file still had when its name went is counted", arguments: [false, true])
  func deletedUnread(isReplaced: Bool) throws {
    let folder = Folder()
    let text = lines(0, 20_000)
    let bench = try benchWithParked(folder, text)
    folder.remove("a.log")
    if isReplaced {
      folder.write("new", lines(0, 5))
      folder.rename("new", "b.log")
    } else {
      folder.remove("b.log")
    }
    let written = 2 * text.utf8.count + (isReplaced ? lines(0, 5).utf8.count : 0)
    let isAccounted = bench.wait {
      bytesRead(bench) + Int(bench.counter(InputCounterNames.lostBytes)) == written
    }
    #expect(isAccounted && bytesRead(bench) < written)
    bench.stop()
    #expect(bytesRead(bench) + Int(bench.counter(InputCounterNames.lostBytes)) == written)
  }

  @Test("a parked file that gets any other name is read there, and nothing counts as lost")
  func renamedUnread() throws {
    let folder = Folder()
    let text = lines(0, 20_000)
    let bench = try benchWithParked(folder, text)
    folder.rename("b.log", "b-20261122.log")
    #expect(bench.wait { bytesRead(bench) == 2 * text.utf8.count })
    bench.stop()
    #expect(bench.text("b.log") + bench.text("b-20261122.log") == text)
    #expect(bench.counter(InputCounterNames.lostBytes) == 0)
  }

  @Test("what a deleted file still had at a stop is counted")
  func deletedAtStop() throws {
    let folder = Folder()
    let text = lines(0, 20_000)
    let bench = try benchWithParked(folder, text)
    for name in ["a.log", "b.log"] { folder.remove(name) }
    bench.stop()
    let read = bytesRead(bench)
    #expect(read < text.utf8.count)
    #expect(read + Int(bench.counter(InputCounterNames.lostBytes)) == 2 * text.utf8.count)
  }

  @Test("the budget leaves descriptors to others")
  func budget() {
    let budget = DescriptorBudget()
    budget.measure()
    #expect(budget.filesMax >= 8)
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    #expect(UInt(budget.filesMax) + 32 <= limit.rlim_cur || limit.rlim_cur < 64)
  }
}
