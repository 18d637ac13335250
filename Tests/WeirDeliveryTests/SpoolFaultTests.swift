import Glibc
import Testing
import WeirSystem

@testable import WeirDelivery

@Suite("a spool on a disk that fails")
struct SpoolFaultTests {
  let folder = SpoolFolder()

  private func isFailed(_ result: SpoolAppendResult, _ words: String) -> Bool {
    if case .failed(let text) = result { return text.contains(words) }
    return false
  }

  @Test("a full disk refuses an append whole, and takes the next one when there is room")
  func noSpace() throws {
    let files = FaultyFiles()
    let spool = try folder.open(files: files)
    #expect(spool.store(.numbered(0)) == .stored)
    files.plan.withLock { $0.leaves = 30 }
    files.fail { operation, _ in operation == .write ? ENOSPC : 0 }
    let before = spool.pending
    #expect(isFailed(spool.store(.numbered(1)), "No space left"))
    #expect(isFailed(spool.store(.numbered(2)), "No space left"))
    #expect(spool.pending == before && spool.counters.failed == 2)
    files.mend()
    #expect(spool.store(.numbered(3)) == .stored)
    spool.close()
    let again = try folder.open()
    #expect(again.counters.quarantined == SpoolAmount())
    #expect(again.drain() == [.numbered(0), .numbered(3)])
  }

  @Test("what a failed sync leaves is never counted nor delivered", arguments: [false, true])
  func failedSync(_ truncates: Bool) throws {
    let files = FaultyFiles()
    let spool = try folder.open(files: files)
    #expect(spool.store(.numbered(0)) == .stored)
    files.fail { operation, _ in
      operation == .sync || (!truncates && operation == .truncate) ? EIO : 0
    }
    #expect(isFailed(spool.store(.numbered(1)), "cannot sync"))
    #expect(spool.pending.entries == 1)
    files.mend()
    #expect(spool.store(.numbered(2)) == .stored)
    #expect(folder.segments.count == 2)
    spool.close()
    let again = try folder.open()
    #expect(again.drain() == [.numbered(0), .numbered(2)])
    #expect(again.isBalanced)
  }

  @Test("too many open files make a taker wait, and lose nothing")
  func openFails() throws {
    let files = FaultyFiles()
    let spool = try folder.open(files: files)
    for number in 0..<3 { #expect(spool.store(.numbered(number)) == .stored) }
    files.fail { operation, _ in operation == .open ? EMFILE : 0 }
    #expect(spool.take() == nil && spool.pending.entries == 3)
    files.mend()
    #expect(spool.drain().count == 3)
  }

  @Test("a segment that is deleted under the spool is counted, and the next one is read")
  func deleted() throws {
    let spool = try folder.open(folder.settings(segment: 4_096))
    for number in 0..<4 { #expect(spool.store(.numbered(number, bytes: 5_000)) == .stored) }
    unlink(folder.segments[1])
    #expect(spool.drain().map(\.number) == [0, 2, 3])
    #expect(spool.counters.quarantined.entries == 1)
    #expect(spool.isBalanced && spool.pending == (0, 0))
  }

  @Test("a bad place on the disk costs what is on it")
  func badSector() throws {
    let files = FaultyFiles()
    let spool = try folder.open(files: files)
    for number in 0..<5 { #expect(spool.store(.numbered(number, bytes: 500)) == .stored) }
    let first = try #require(spool.take())
    #expect(first.payload.number == 0)
    // Both tries of the header of the next entry, and of all that looks for a way around it.
    files.fail { operation, count in operation == .read && count < 4 ? EIO : 0 }
    let rest = spool.drain()
    #expect(rest == rest.map { SpoolPayload.numbered($0.number, bytes: 500) })
    #expect(rest.count + spool.counters.quarantined.entries == 4 && rest.count >= 3)
    spool.finish(first)
    #expect(spool.isBalanced && spool.pending == (0, 0))
  }

  @Test("whichever operation fails: what was stored is delivered in order, what failed is not")
  func everyOperation() throws {
    var at = 0
    var isThrough = false
    while !isThrough {
      let folder = SpoolFolder()
      let files = FaultyFiles()
      let failing = at
      files.fail { _, count in count == failing ? (failing % 2 == 0 ? EIO : ENOSPC) : 0 }
      guard let spool = try? folder.open(folder.settings(segment: 4_096), files: files) else {
        #expect(at < 4)
        at += 1
        continue
      }
      var stored: [Int] = []
      for number in 0..<8 where spool.store(.numbered(number, bytes: 1_500)) == .stored {
        stored.append(number)
      }
      #expect(stored.count >= 7, "operation \(at)")
      for _ in 0..<3 { spool.take().map(spool.finish) }
      spool.close()
      var rest: [Int] = []
      // The fault may come now: what could not be read then waits for the next start.
      if let again = try? folder.open(folder.settings(segment: 4_096), files: files) {
        isThrough = files.plan.withLock { $0.count } <= at
        rest += again.drain().map(\.number)
        #expect(again.isBalanced && again.counters.quarantined.entries == 0, "operation \(at)")
        again.close()
      }
      files.mend()
      let last = try folder.open(folder.settings(segment: 4_096), files: files)
      rest += last.drain().map(\.number)
      #expect(last.isBalanced && last.pending == (0, 0), "operation \(at)")
      #expect(last.counters.quarantined.entries == 0, "operation \(at)")
      #expect(Set(rest).isSuperset(of: stored.dropFirst(3)), "operation \(at): \(rest)")
      // A finished one comes again only where its mark failed.
      #expect(rest.count <= stored.count - 3 + spool.counters.unnoted + 1, "operation \(at)")
      #expect(spool.isBalanced && spool.counters.quarantined.entries == 0, "operation \(at)")
      last.close()
      at += 1
    }
    #expect(at > 50)
  }
}
