import Glibc
import Testing
import WeirTelemetry

@testable import WeirInputs

@Suite("tail follows files")
struct TailFollowTests {
  let folder = Folder()

  func bench(_ more: [(String, String)] = [], glob: String = "*.log", head: Bool = true) throws
    -> TailBench
  {
    var options = [("path", folder.file(glob)), ("db", folder.file("positions.sqlite"))]
    if head { options.append(("read_from_head", "on")) }
    return try TailBench(folder, options + more)
  }

  @Test("existing files are read from their start, later bytes follow")
  func follows() throws {
    folder.write("a.log", lines(0, 3))
    let bench = try bench()
    try bench.start()
    #expect(bench.wait { bench.text("a.log") == lines(0, 3) })
    folder.append("a.log", lines(3, 2))
    #expect(bench.wait { bench.text("a.log") == lines(0, 5) })
    bench.stop()
  }

  @Test("without read_from_head the first scan begins at the end, later files at their start")
  func beginsAtEnd() throws {
    folder.write("old.log", lines(0, 3))
    let bench = try bench(head: false)
    try bench.start()
    usleep(50_000)
    folder.append("old.log", lines(3, 1))
    folder.write("new.log", lines(10, 2))
    #expect(bench.wait { bench.text("new.log") == lines(10, 2) })
    #expect(bench.wait { bench.text("old.log") == lines(3, 1) })
    bench.stop()
  }

  @Test("a file that was registered never begins at its end again")
  func neverAtEndAgain() throws {
    folder.write("a.log", "")
    let first = try bench(head: false)
    try first.start()
    usleep(300_000)
    first.stop()
    folder.append("a.log", lines(0, 2))
    folder.write("b.log", lines(5, 2))
    let second = try bench(head: false)
    try second.start()
    #expect(second.wait { second.text("a.log") == lines(0, 2) })
    #expect(second.wait { second.text("b.log") == lines(5, 2) })
    second.stop()
  }

  @Test("only whole lines leave, and a growing line leaves when it ends")
  func wholeLines() throws {
    folder.write("a.log", "one\ntw")
    let bench = try bench()
    try bench.start()
    #expect(bench.wait { bench.text("a.log") == "one\n" })
    folder.append("a.log", "o")
    usleep(30_000)
    bench.drain()
    #expect(bench.text("a.log") == "one\n")
    folder.append("a.log", "!\nthree\n")
    #expect(bench.wait { bench.text("a.log") == "one\ntwo!\nthree\n" })
    bench.stop()
  }

  @Test("new directories of a wildcard component are found by events")
  func newDirectories() throws {
    let bench = try bench(glob: "pods/*/*/*.log")
    try bench.start()
    folder.makeDirectory("pods")
    folder.makeDirectory("pods/x")
    folder.makeDirectory("pods/x/app")
    folder.write("pods/x/app/0.log", lines(0, 2))
    #expect(bench.wait { bench.text("pods/x/app/0.log") == lines(0, 2) })
    bench.stop()
  }

  @Test("a link is read under its own name, and through a link that comes before its target")
  func links() throws {
    folder.makeDirectory("pods")
    folder.makeDirectory("containers")
    folder.link("containers/late.log", to: "../pods/late.txt")
    let bench = try bench([("tag", "kube.*")], glob: "containers/*.log")
    try bench.start()
    folder.write("pods/0.txt", lines(0, 2))
    folder.link("containers/a.log", to: "../pods/0.txt")
    #expect(bench.wait { bench.text("containers/a.log") == lines(0, 2) })
    folder.append("pods/0.txt", lines(2, 1))
    #expect(bench.wait { bench.text("containers/a.log") == lines(0, 3) })
    let tag = "kube" + folder.file("containers/a.log").replacing("/", with: ".")
    #expect(bench.arrivals.allSatisfy { $0.tag == tag })
    bench.stop()
  }

  @Test("two links to one file are read once")
  func aliases() throws {
    folder.write("real.txt", lines(0, 2))
    folder.link("a.log", to: "real.txt")
    folder.link("b.log", to: "real.txt")
    let bench = try bench()
    try bench.start()
    #expect(bench.wait { bench.all == lines(0, 2) })
    usleep(100_000)
    bench.drain()
    #expect(bench.all == lines(0, 2))
    bench.stop()
  }

  @Test("exclude_path crosses slashes, unreadable and empty files stop nothing")
  func excluded() throws {
    folder.makeDirectory("skip")
    folder.makeDirectory("ok")
    folder.write("skip/a.log", lines(0, 1))
    folder.write("ok/a.log", lines(1, 1))
    folder.write("ok/empty.log", "")
    let bench = try bench([("exclude_path", "*/skip*")], glob: "*/*.log")
    try bench.start()
    #expect(bench.wait { bench.all == lines(1, 1) })
    bench.stop()
  }

  @Test("a long line is delivered whole through a jumbo segment, and grows in linear time")
  func jumbo() throws {
    let long = String(repeating: "x", count: 3 << 20)
    folder.write("a.log", "before\n" + long)
    let bench = try bench()
    try bench.start()
    #expect(bench.wait { bench.text("a.log") == "before\n" })
    folder.append("a.log", "end\nafter\n")
    #expect(bench.wait { bench.text("a.log").utf8.count == long.utf8.count + 17 })
    #expect(bench.text("a.log") == "before\n" + long + "end\nafter\n")
    bench.stop()
  }

  @Test("a line beyond the longest jumbo segment leaves in pieces, counted")
  func pieces() throws {
    var bytes = [UInt8](repeating: UInt8(ascii: "y"), count: 17 << 20)
    bytes += Array("\nnext\n".utf8)
    folder.write("a.log", bytes)
    let bench = try bench()
    try bench.start()
    #expect(bench.wait { bench.arrivals.reduce(0) { $0 + $1.bytes.count } == bytes.count })
    #expect(bench.counter(InputCounterNames.longLinesSplit) == 1)
    #expect(bench.arrivals.flatMap(\.bytes) == bytes)
    bench.stop()
  }

  @Test("skip_long_lines leaves long lines out, counts them, and their bytes are covered")
  func skipsLong() throws {
    let long = String(repeating: "z", count: 50_000)
    let text = "a\n" + long + "\nb\nc\n" + long + "\n" + long + "\nd\n"
    folder.write("a.log", text)
    let bench = try bench([("skip_long_lines", "on")])
    try bench.start()
    #expect(bench.wait { bench.all == "a\nb\nc\nd\n" })
    #expect(bench.counter(InputCounterNames.longLinesSkipped) == 3)
    #expect(bench.counters.dropped(.longLine) == 3)
    let last = bench.arrivals.last
    #expect(last.map { $0.position + $0.covered } == UInt64(text.utf8.count))
    bench.stop()
  }

  @Test("truncate_long_lines cuts at a character, and goes on behind the line")
  func truncatesLong() throws {
    let long = String(repeating: "é", count: 30_000)
    folder.write("a.log", "a\n" + long + "\nb\n" + String(repeating: "w", count: 400_000) + "\nc\n")
    let bench = try bench([("truncate_long_lines", "on")])
    try bench.start()
    #expect(bench.wait { bench.all.hasSuffix("c\n") })
    let cut = String(repeating: "é", count: 16_383)
    #expect(bench.all == "a\n" + cut + "b\n" + String(repeating: "w", count: 32_767) + "c\n")
    #expect(bench.counter(InputCounterNames.longLinesTruncated) == 2)
    bench.stop()
  }

  @Test("NULs before a line, as a truncation under a writer leaves them, are passed over")
  func holes() throws {
    let descriptor = open(folder.file("a.log"), O_WRONLY | O_CREAT, 0o644)
    lseek(descriptor, 2 << 20, SEEK_SET)
    folder.put(descriptor, Array("after\n".utf8))
    close(descriptor)
    let bench = try bench()
    try bench.start()
    #expect(bench.wait { bench.all == "after\n" })
    bench.stop()
  }

  @Test("a full ring and a closed gate stop reading, and both resume")
  func backpressure() throws {
    folder.write("a.log", String(repeating: lines(0, 100), count: 4_000))
    let bench = try bench()
    try bench.start()
    usleep(200_000)
    #expect(bench.ring.occupancy.used == bench.ring.slotCount)
    let size = 4_000 * lines(0, 100).utf8.count
    #expect(bench.wait { bench.arrivals.reduce(0) { $0 + $1.bytes.count } == size })
    bench.stop()
  }

  @Test("exit_on_eof asks for the stop once everything is read")
  func exitsOnEOF() throws {
    folder.write("a.log", lines(0, 1_000))
    folder.write("b.log", "unfinished")
    let bench = try bench([("exit_on_eof", "on")])
    try bench.start()
    #expect(bench.wait { bench.stopReason.value != nil })
    bench.drain()
    #expect(bench.all == lines(0, 1_000))
    // What a decoder holds open gets no further part: it is told to leave before the stop.
    #expect(bench.arrivals.last?.flags == .flushOpen)
    #expect(bench.arrivals.last?.position == UInt64(lines(0, 1_000).utf8.count))
    bench.stop()
  }

  @Test("a stop lets open records leave only where nothing would read them again")
  func opensAtStop() throws {
    // Without `db` positions go to the state directory, where a machine has it.
    let hasState = access("/var/lib/weir", F_OK) == 0
    for isStored in hasState ? [true] : [false, true] {
      folder.write("a.log", lines(0, 10))
      let options = [("path", folder.file("*.log")), ("read_from_head", "on")]
      let stored = isStored ? [("db", folder.file("positions.sqlite"))] : []
      let bench = try TailBench(folder, options + stored)
      try bench.start()
      #expect(bench.wait { bench.all == lines(0, 10) })
      bench.stop()
      #expect((bench.arrivals.last?.flags == .flushOpen) == !isStored)
    }
  }

  @Test("polling finds the same without inotify")
  func polls() throws {
    let bench = try bench([("inotify_watcher", "false")])
    try bench.start()
    folder.write("a.log", lines(0, 2))
    #expect(bench.wait { bench.all == lines(0, 2) })
    folder.append("a.log", lines(2, 1))
    #expect(bench.wait { bench.all == lines(0, 3) })
    bench.stop()
  }

  @Test("a compressed file is read as text")
  func compressed() throws {
    writeGzip(folder.file("a.log.gz"), Array(lines(0, 5_000).utf8))
    let bench = try bench(glob: "*.gz")
    try bench.start()
    #expect(bench.wait { bench.all == lines(0, 5_000) })
    bench.stop()
  }

  @Test("UTF-16 and other encodings become UTF-8")
  func encodings() throws {
    var utf16: [UInt8] = [0xff, 0xfe]
    for unit in "grün\nЖ\n".utf16 { utf16 += [UInt8(unit & 0xff), UInt8(unit >> 8)] }
    folder.write("a.log", utf16)
    let bench = try bench([("unicode.encoding", "auto")])
    try bench.start()
    #expect(bench.wait { bench.all == "grün\nЖ\n" })
    bench.stop()
    let other = Folder()
    other.write("b.log", [0x83, 0x65, 0x83, 0x58, 0x83, 0x67, 0x0a])
    let japanese = try TailBench(
      other,
      [
        ("path", other.file("*.log")), ("read_from_head", "on"), ("generic.encoding", "ShiftJIS"),
        ("db", other.file("x.sqlite")),
      ])
    try japanese.start()
    #expect(japanese.wait { japanese.all == "テスト\n" })
    japanese.stop()
  }
}
