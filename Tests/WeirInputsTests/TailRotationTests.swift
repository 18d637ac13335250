import CSQLite
import Glibc
import Testing
import WeirRing
import WeirTelemetry

@testable import WeirInputs

@Suite("tail survives rotation and restarts")
struct TailRotationTests {
  let folder = Folder()

  func bench(_ more: [(String, String)] = [], glob: String = "*.log") throws -> TailBench {
    try TailBench(
      folder,
      [
        ("path", folder.file(glob)), ("db", folder.file("positions.sqlite")),
        ("read_from_head", "on"),
      ] + more)
  }

  @Test("a renamed file is read on, its successor after it, late writes included")
  func rename() throws {
    folder.write("0.log", lines(0, 10))
    let bench = try bench()
    try bench.start()
    #expect(bench.wait { bench.all == lines(0, 10) })
    let writer = open(folder.file("0.log"), O_WRONLY | O_APPEND)
    folder.rename("0.log", "0.log.20261122-101500")
    folder.put(writer, Array(lines(10, 2).utf8))
    folder.write("0.log", lines(13, 2))
    folder.put(writer, Array(lines(12, 1).utf8))
    close(writer)
    #expect(bench.wait { bench.all.utf8.count >= lines(0, 15).utf8.count })
    #expect(bench.all == lines(0, 15))
    #expect(bench.arrivals.allSatisfy { $0.path == folder.file("0.log") })
    #expect(Set(bench.arrivals.compactMap(\.generation)).count == 2)
    bench.stop()
  }

  @Test("many quick rotations with inodes that come back lose and repeat nothing")
  func quickRotations() throws {
    let bench = try bench()
    try bench.start()
    var expected = ""
    for round in 0..<12 {
      let text = lines(round * 100, 100)
      folder.append("0.log", text)
      expected += text
      usleep(40_000)
      bench.drain()
      if round % 2 == 1 { folder.remove("0.log.2026112\(round / 2)-101500") }
      folder.rename("0.log", "0.log.2026112\((round + 1) / 2)-101500")
      usleep(UInt32(500 + 700 * round))
    }
    folder.append("0.log", "last\n")
    #expect(bench.wait { bench.all.hasSuffix("last\n") })
    #expect(bench.all == expected + "last\n")
    bench.stop()
  }

  @Test("copy and truncate begins a new generation and reads the rest from the copy")
  func copyTruncate() throws {
    folder.write("a.log", lines(0, 20))
    let bench = try bench()
    try bench.start()
    #expect(bench.wait { bench.all == lines(0, 20) })
    // Unseen by the input until the truncation: both happen while the lane is busy.
    bench.queue.sync {
      folder.append("a.log", lines(20, 3))
      folder.write("a.log.1", lines(0, 23))
      truncate(folder.file("a.log"), 0)
      folder.append("a.log", lines(23, 40))
    }
    #expect(bench.wait { bench.all.utf8.count >= lines(0, 63).utf8.count })
    #expect(bench.all == lines(0, 63))
    #expect(bench.counter(InputCounterNames.filesTruncated) == 1)
    bench.stop()
  }

  @Test("a deleted file is read to its end; its unfinished line and the stream's end come last")
  func deletion() throws {
    folder.write("a.log", lines(0, 5) + "unfinished")
    let bench = try bench()
    try bench.start()
    #expect(bench.wait { bench.all == lines(0, 5) })
    folder.remove("a.log")
    #expect(bench.wait { bench.arrivals.last?.flags.contains(.streamEnd) == true })
    #expect(bench.all == lines(0, 5) + "unfinished")
    #expect(bench.arrivals.contains { $0.flags.contains(.unfinished) })
    bench.stop()
  }

  @Test("the log deleted before its link, with bytes that nobody had read yet")
  func deletionBeforeLink() throws {
    folder.makeDirectory("pod")
    folder.write("pod/0.log", lines(0, 5))
    folder.link("c.log", to: "pod/0.log")
    let bench = try bench()
    try bench.start()
    #expect(bench.wait { bench.all == lines(0, 5) })
    bench.queue.sync {
      folder.append("pod/0.log", lines(5, 5))
      folder.remove("pod/0.log")
    }
    usleep(20_000)
    folder.remove("c.log")
    #expect(bench.wait { bench.arrivals.last?.flags.contains(.streamEnd) == true })
    #expect(bench.all == lines(0, 10))
    bench.stop()
  }

  @Test("a graceful stop and a start go on where it was; nothing twice")
  func restart() throws {
    folder.write("a.log", lines(0, 10) + "part")
    let first = try bench()
    try first.start()
    #expect(first.wait { first.all == lines(0, 10) })
    first.stop()
    folder.append("a.log", "ial\n" + lines(10, 5))
    let second = try bench()
    try second.start()
    #expect(second.wait { second.all == "partial\n" + lines(10, 5) })
    #expect(first.arrivals.last?.generation == second.arrivals.first?.generation)
    second.stop()
  }

  @Test("what was not acknowledged is read again after a crash")
  func crash() throws {
    folder.write("a.log", lines(0, 10))
    let first = try bench()
    try first.start()
    #expect(first.wait { first.all == lines(0, 10) })
    first.acknowledges = false
    folder.append("a.log", lines(10, 10))
    #expect(first.wait { first.all == lines(0, 20) })
    usleep(500_000)
    first.crash()
    let second = try bench()
    try second.start()
    #expect(second.wait { second.all == lines(10, 10) })
    second.stop()
  }

  @Test("three rotations while stopped, one compressed: every line once and in order")
  func rotationsWhileDown() throws {
    folder.write("0.log", lines(0, 100))
    let first = try bench()
    try first.start()
    #expect(first.wait { first.all == lines(0, 100) })
    first.stop()
    folder.append("0.log", lines(100, 50))
    writeGzip(folder.file("0.log.20261122-100000.gz"), Array(lines(0, 150).utf8))
    folder.remove("0.log")
    folder.write("0.log.20261122-100010", lines(150, 30))
    folder.write("0.log.20261122-100020", lines(180, 20))
    folder.write("0.log", lines(200, 10))
    let second = try bench()
    try second.start()
    let expected = lines(100, 110)
    #expect(second.wait { second.all.utf8.count >= expected.utf8.count })
    #expect(second.all == expected)
    second.stop()
    let third = try bench()
    try third.start()
    folder.append("0.log", lines(210, 1))
    #expect(third.wait { third.all == lines(210, 1) })
    third.stop()
  }

  @Test("a rename while stopped: the plain rotated file first, then the new one")
  func renamedWhileDown() throws {
    folder.makeDirectory("pod")
    folder.write("pod/0.log", lines(0, 10))
    folder.link("c.log", to: "pod/0.log")
    let first = try bench()
    try first.start()
    #expect(first.wait { first.all == lines(0, 10) })
    first.stop()
    folder.append("pod/0.log", lines(10, 10))
    folder.rename("pod/0.log", "pod/0.log.20261122-100000")
    folder.write("pod/0.log", lines(20, 10))
    let second = try bench()
    try second.start()
    #expect(second.wait { second.all.utf8.count >= lines(10, 20).utf8.count })
    #expect(second.all == lines(10, 20))
    second.stop()
  }

  @Test("a rotated file whose current one is gone is read to its end after a restart")
  func leftovers() throws {
    folder.write("0.log", lines(0, 10))
    let first = try bench()
    try first.start()
    #expect(first.wait { first.all == lines(0, 10) })
    first.stop()
    folder.append("0.log", lines(10, 5))
    folder.rename("0.log", "0.log.20261122-100000")
    let second = try bench()
    try second.start()
    #expect(second.wait { second.all == lines(10, 5) })
    second.stop()
  }

  @Test("an inode that came back while stopped is another file")
  func reusedInode() throws {
    folder.write("a.log", lines(0, 10))
    let first = try bench()
    try first.start()
    #expect(first.wait { first.all == lines(0, 10) })
    first.stop()
    truncate(folder.file("a.log"), 0)
    folder.append("a.log", lines(500, 40))
    let second = try bench()
    try second.start()
    #expect(second.wait { second.all == lines(500, 40) })
    #expect(first.arrivals.last?.generation != second.arrivals.first?.generation)
    second.stop()
  }

  @Test("positions of Fluent Bit are taken over, with and without a marker")
  func importsForeignRows() throws {
    folder.write("a.log", lines(0, 10))
    folder.write("b.log", lines(20, 10))
    folder.write("new.log", lines(40, 2))
    let done = lines(0, 6).utf8.count
    var handle: OpaquePointer?
    sqlite3_open(folder.file("positions.sqlite"), &handle)
    var status = stat()
    stat(folder.file("a.log"), &status)
    let a = status.st_ino
    stat(folder.file("b.log"), &status)
    let marker = Array(lines(0, 6).utf8.suffix(32)).withUnsafeBytes { Fingerprint.hash($0) }
    sqlite3_exec(
      handle,
      """
      CREATE TABLE in_tail_files(id INTEGER PRIMARY KEY, name TEXT NOT NULL, offset INTEGER,
        inode INTEGER, created INTEGER, rotated INTEGER DEFAULT 0, offset_marker INTEGER DEFAULT 0,
        offset_marker_size INTEGER DEFAULT 0);
      INSERT INTO in_tail_files VALUES(1, '\(folder.file("a.log"))', \(done), \(a), 1, 0,
        \(Int64(bitPattern: marker)), 32);
      INSERT INTO in_tail_files VALUES(2, '\(folder.file("b.log"))', \(done), \(status.st_ino), 1,
        0, 1234567, 32);
      """, nil, nil, nil)
    sqlite3_close(handle)
    let bench = try TailBench(
      folder, [("path", folder.file("*.log")), ("db", folder.file("positions.sqlite"))])
    try bench.start()
    #expect(bench.wait { bench.text("a.log") == lines(6, 4) })
    #expect(bench.wait { bench.text("b.log") == lines(20, 10) })
    #expect(bench.wait { bench.text("new.log") == lines(40, 2) })
    bench.stop()
  }

  @Test("a rotated file is closed after rotate_wait, and its unfinished line leaves then")
  func rotateWait() throws {
    folder.write("a.log", lines(0, 2) + "cut")
    let bench = try bench([("rotate_wait", "1")])
    try bench.start()
    #expect(bench.wait { bench.all == lines(0, 2) })
    folder.rename("a.log", "a.log.1")
    #expect(bench.wait { bench.counter(InputCounterNames.filesClosed) == 1 })
    bench.drain()
    #expect(bench.all == lines(0, 2) + "cut")
    bench.stop()
  }
}
