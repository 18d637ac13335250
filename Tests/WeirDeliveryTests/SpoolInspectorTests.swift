import Glibc
import Testing

@testable import WeirDelivery

@Suite("looking at spools")
struct SpoolInspectorTests {
  let folder = SpoolFolder()
  let inspector = SpoolInspector()

  private func verify() -> (findings: [SpoolFinding], entries: Int) {
    var findings: [SpoolFinding] = []
    let checked = inspector.verify(folder.directory) { findings.append($0) }
    return (findings, checked.amount.entries)
  }

  @Test("a summary says what waits, also while the spool is open")
  func summary() throws {
    let spool = try folder.open(folder.settings(segment: 4_096))
    for number in 1...30 { #expect(spool.store(.numbered(number)) == .stored) }
    for _ in 0..<3 { spool.take().map(spool.finish) }
    let summary = inspector.summary(folder.directory)
    #expect(summary.name == "spool" && summary.owner == "\(getpid())")
    #expect(summary.live.entries == 27 && summary.live.bytes == spool.pending.bytes)
    #expect(summary.segments == spool.disk.segments && summary.diskBytes == spool.disk.bytes)
    #expect(summary.times == 4...30 && summary.damaged == 0)
    var numbers: [Int] = []
    inspector.entries(folder.directory) { _, payload, _ in
      #expect(payload == .numbered(payload.number))
      numbers.append(payload.number)
      return numbers.count < 20
    }
    #expect(numbers == Array(4..<24))
    #expect(spool.pending.entries == 27)
    spool.close()
    #expect(inspector.summary(folder.directory).owner == nil)
  }

  @Test("verify finds each flipped bit with file and offset, and changes nothing")
  func flips() throws {
    let spool = try folder.open()
    var begins: [Int] = []
    for number in 0..<6 {
      begins.append(SpoolFormat.segmentHeaderBytes + spool.pending.bytes)
      #expect(spool.store(.numbered(number)) == .stored)
    }
    spool.close()
    let path = try #require(folder.segments.first)
    let bytes = folder.read(path)
    #expect(verify().findings.isEmpty && verify().entries == 6)
    for place in bytes.indices {
      var damaged = bytes
      damaged[place] ^= 1 << UInt8(place % 8)
      folder.write(path, damaged)
      let (findings, entries) = verify()
      #expect(findings.count == 1 && findings[0].isDamage, "place \(place)")
      #expect(findings.first?.path == path)
      #expect(findings.first?.offset == begins.last { $0 <= place } ?? 0, "place \(place)")
      #expect(entries == (place < SpoolFormat.segmentHeaderBytes ? 6 : 5), "place \(place)")
    }
    #expect(folder.read(path).count == bytes.count)
  }

  @Test("half an entry at the end of a spool in use is being written")
  func beingWritten() throws {
    let spool = try folder.open()
    for number in 0..<3 { #expect(spool.store(.numbered(number)) == .stored) }
    let path = try #require(folder.segments.first)
    folder.write(path, folder.read(path) + Array(repeating: 7, count: 30))
    let found = verify().findings
    #expect(found.count == 1 && found.first?.isDamage == false)
    #expect(inspector.summary(folder.directory).damaged == 0)
    spool.close()
    #expect(verify().findings.first?.isDamage == true)
    #expect(inspector.summary(folder.directory).damaged == 1)
  }

  @Test("spools are found below a storage root, or where one is")
  func directories() throws {
    #expect(try inspector.directories(folder.path, .spool) == [])
    let first = SpoolLayout.spool(root: folder.path, output: "b")
    let second = SpoolLayout.spool(root: folder.path, output: "a/1")
    for path in [first, second] { try Spool.open(SpoolSettings(directory: path)).close() }
    let found = try inspector.directories(folder.path, .spool)
    #expect(found == [second, first] && found[0].hasPrefix("\(folder.path)/spool/a_1-"))
    #expect(try inspector.directories(first, .spool) == [first])
    #expect(try inspector.directories(folder.path, .deadLetters) == [])
    #expect(throws: SpoolError.self) { try inspector.directories("/nonexistent", .spool) }
  }
}
