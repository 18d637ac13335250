import Glibc
import Testing
import WeirSystem

@testable import WeirDelivery

@Suite("the spool")
struct SpoolTests {
  let folder = SpoolFolder()

  private func mode(_ path: String) -> UInt32 {
    var facts = stat()
    return stat(path, &facts) == 0 ? facts.st_mode & 0o777 : 0
  }

  @Test("payloads come back as they were appended, in order, and leave nothing behind")
  func roundTrip() throws {
    let spool = try Spool.open(folder.settings(segment: 4_096))
    let sent = (0..<100).map { SpoolPayload.numbered($0) }
    for payload in sent { #expect(spool.store(payload) == .stored) }
    #expect(spool.pending.entries == 100 && spool.pending.bytes > 10_000)
    #expect(folder.segments.count > 3)
    #expect(mode(folder.directory) == 0o700)
    #expect(folder.segments.allSatisfy { mode($0) == 0o600 })
    #expect(spool.drain() == sent)
    #expect(spool.pending == (0, 0) && spool.take() == nil)
    spool.settle()
    #expect(spool.disk == (0, 0))
    #expect(folder.names(".seg").isEmpty && folder.names(".done").isEmpty)
    #expect(spool.counters.delivered.entries == 100 && spool.isBalanced)
    #expect(spool.counters.delivered.items == sent.reduce(0) { $0 + $1.itemEnds.count })
  }

  @Test("what was finished does not come back after a restart, what was only taken does")
  func restart() throws {
    let sent = (0..<20).map { SpoolPayload.numbered($0) }
    do {
      let spool = try folder.open(folder.settings())
      for payload in sent { #expect(spool.store(payload) == .stored) }
      let leases = (0..<10).compactMap { _ in spool.take() }
      for lease in leases where lease.payload.number % 2 == 1 { spool.finish(lease) }
      // No close: the process ends as it stands.
    }
    let spool = try folder.open(folder.settings())
    #expect(spool.pending.entries == 15)
    #expect(spool.counters.recovered.entries == 15)
    // A clean last segment is gone on with.
    #expect(spool.store(.numbered(20)) == .stored)
    #expect(folder.segments.count == 1)
    #expect(spool.drain().map(\.number) == [0, 2, 4, 6, 8] + Array(10...20))
    #expect(spool.isBalanced)
    let mine = "\(folder.directory)/00000000000000000002.seg"
    folder.write(mine, [1])
    spool.waitForSegments(0)
    #expect(spool.store(.numbered(21)) == .stored)
    #expect(folder.read(mine) == [1] && spool.drain().count == 1)
    spool.close()
    #expect(folder.segments == [mine])
  }

  @Test("what is given back is the oldest again, with its attempts")
  func giveBack() throws {
    let spool = try folder.open(folder.settings())
    for number in 0..<6 { #expect(spool.store(.numbered(number)) == .stored) }
    let leases = (0..<4).compactMap { _ in spool.take() }
    spool.giveBack(leases[2], attempts: 7)
    spool.giveBack(leases[0])
    spool.giveBack(leases[2])
    let again = spool.take()
    #expect(again?.payload.number == 0)
    let second = spool.take()
    #expect(second?.payload.number == 2 && second?.payload.attempts == 7)
    #expect(spool.take()?.payload.number == 4)
    #expect(spool.pending.entries == 6)
    spool.finish(leases[1])
    spool.finish(leases[1])
    #expect(spool.pending.entries == 5)
    #expect(spool.counters.delivered.entries == 1 && spool.isBalanced)
  }

  @Test("a lease is replaced by what is left of it, even at the limit")
  func replace() throws {
    let spool = try folder.open(folder.settings(limit: 10_000))
    while spool.store(.numbered(1, bytes: 1_500)) == .stored {}
    let before = spool.pending.entries
    let lease = try #require(spool.take())
    #expect(spool.store(.numbered(2, bytes: 700), replacing: lease) == .stored)
    #expect(spool.pending.entries == before)
    #expect(spool.drain().map(\.number) == Array(repeating: 1, count: before - 1) + [2])
    #expect(
      spool.counters.replaced
        == SpoolAmount(
          entries: 1, items: lease.payload.itemEnds.count, bytes: spool.counters.replaced.bytes))
    #expect(spool.counters.delivered.entries == before)
    #expect(spool.isBalanced)
  }

  @Test("a rest takes the place of its lease as a lease: nobody else takes it, a restart does")
  func rest() throws {
    let settings = folder.settings(limit: 10_000)
    var spool = try folder.open(settings)
    for number in 0..<3 { #expect(spool.store(.numbered(number, bytes: 1_500)) == .stored) }
    let first = try #require(spool.take())
    let part = try #require(spool.storeRest(.numbered(10, bytes: 700), of: first, isAll: false))
    #expect(spool.pending.entries == 4, "the lease goes on while something else is left of it")
    let rest = try #require(spool.storeRest(.numbered(11, bytes: 600), of: first, isAll: true))
    #expect(spool.pending.entries == 4 && spool.counters.replaced.entries == 1)
    #expect(spool.drain().map(\.number) == [1, 2], "what is leased comes to nobody else")
    spool.finish(part)
    spool.giveBack(rest, attempts: 5)
    let again = try #require(spool.take())
    #expect(again.payload.number == 11 && again.payload.attempts == 5 && spool.take() == nil)
    #expect(spool.isBalanced)
    spool.close()
    spool = try folder.open(settings)
    #expect(spool.drain().map(\.number) == [11])
    #expect(spool.isBalanced)
  }

  @Test("at the limit appends are refused until something is finished")
  func block() throws {
    let limit = 64 << 10
    let spool = try folder.open(folder.settings(limit: limit))
    #expect(spool.store(.numbered(0, bytes: limit)) == .full)
    var stored = 0
    while spool.store(.numbered(stored, bytes: 3_000)) == .stored { stored += 1 }
    #expect(stored >= 19 && stored <= 21)
    #expect(spool.disk.bytes <= limit)
    #expect(spool.counters.refused == 2)
    // A segment holds two of these: the first finished one may not be enough.
    for _ in 0..<2 { spool.take().map(spool.finish) }
    #expect(spool.store(.numbered(stored, bytes: 3_000)) == .stored)
    #expect(spool.drain().map(\.number) == Array(2...stored))
    #expect(spool.isBalanced)
  }

  @Test("a spool that sheds drops the oldest that nobody has taken, and counts it")
  func shed() throws {
    let limit = 64 << 10
    let spool = try folder.open(folder.settings(limit: limit, policy: .dropOldest))
    #expect(spool.store(.numbered(0, bytes: limit)) == .full)
    for number in 0..<15 { #expect(spool.store(.numbered(number, bytes: 4_096)) == .stored) }
    let taken = try #require(spool.take())
    for number in 15..<100 { #expect(spool.store(.numbered(number, bytes: 4_096)) == .stored) }
    #expect(spool.disk.bytes <= limit)
    let dropped = spool.counters.dropped
    #expect(dropped.entries == 85 && dropped.bytes > 85 * 4_096 && dropped.items >= 85)
    spool.giveBack(taken)
    #expect(spool.drain().map(\.number) == [0] + Array(86..<100))
    #expect(spool.isBalanced)
  }

  @Test("a day of outage costs no more memory, and taking stays as it was")
  func outage() throws {
    let limit = 1 << 20
    let spool = try folder.open(folder.settings(limit: limit, policy: .dropOldest))
    for number in 0..<8_640 {
      #expect(spool.store(.numbered(number, bytes: 2_000)) == .stored)
      #expect(spool.disk.bytes <= limit)
      #expect(spool.disk.segments <= 17)
    }
    let left = spool.drain().map(\.number)
    #expect(left == Array((8_640 - left.count)..<8_640))
    #expect(spool.counters.dropped.entries == 8_640 - left.count)
    #expect(left.count > 400 && spool.isBalanced)
  }

  @Test("appends of many threads all arrive, in the order of each")
  func threads() throws {
    let spool = try folder.open(folder.settings(segment: 64 << 10))
    let stored = Holder(Locked(0))
    let workers = (0..<4).map { worker in
      Worker {
        for number in 0..<200 {
          spool.append(.numbered(worker * 1_000 + number)) { result in
            if result == .stored { stored.value.withLock { $0 += 1 } }
          }
        }
      }
    }
    let seen = Holder(Locked<[Int]>([]))
    let takers = (0..<2).map { _ in
      Worker {
        while seen.value.withLock({ $0.count }) < 800 {
          guard let lease = spool.take() else {
            usleep(200)
            continue
          }
          if lease.payload.number % 17 == 0 && lease.payload.attempts < 9 {
            spool.giveBack(lease, attempts: 9)
            continue
          }
          #expect(lease.payload.body == SpoolPayload.numbered(lease.payload.number).body)
          seen.value.withLock { $0.append(lease.payload.number) }
          spool.finish(lease)
        }
      }
    }
    for worker in workers + takers { worker.join() }
    let all = (0..<4).flatMap { worker in (0..<200).map { worker * 1_000 + $0 } }
    #expect(seen.value.withLock { $0.sorted() } == all)
    spool.close()
    #expect(stored.value.withLock { $0 } == 800)
    #expect(spool.isBalanced)
  }

  @Test("a directory belongs to one spool at a time")
  func lock() throws {
    let spool = try Spool.open(folder.settings())
    let error = #expect(throws: SpoolError.self) { try Spool.open(folder.settings()) }
    #expect(error?.description.contains(folder.directory) == true)
    #expect(error?.description.contains("process \(getpid())") == true)
    #expect(SpoolLock.owner(of: folder.directory) == "\(getpid())")
    spool.close()
    #expect(SpoolLock.owner(of: folder.directory) == nil)
    try Spool.open(folder.settings()).close()
    let file = folder.path + "/file"
    folder.write(file, [1])
    #expect(throws: SpoolError.self) { try Spool.open(SpoolSettings(directory: file)) }
    #expect(throws: SpoolError.self) { try Spool.open(SpoolSettings(directory: file + "/x")) }
  }

  @Test("a closed spool answers every append, and keeps what is pending")
  func close() throws {
    let spool = try Spool.open(folder.settings())
    let answers = Holder(Locked<[SpoolAppendResult]>([]))
    for number in 0..<50 {
      spool.append(.numbered(number)) { result in answers.value.withLock { $0.append(result) } }
    }
    spool.close()
    #expect(answers.value.withLock { $0 } == Array(repeating: .stored, count: 50))
    guard case .failed(let why) = spool.store(.numbered(0)) else { fatalError("it was stored") }
    #expect(why.contains("closed"))
    #expect(spool.take() == nil)
    #expect(try folder.open(folder.settings()).pending.entries == 50)
  }

  @Test("a body that somebody else holds is not copied and kept until the answer")
  func borrowed() throws {
    let spool = try Spool.open(folder.settings())
    let owner = Owner(5_000_000)
    let results = Holder(Locked<[SpoolAppendResult]>([]))
    spool.append(
      body: owner.bytes, keeping: owner, encoding: 1, itemEnds: [5_000_000], attempts: 3,
      note: [1, 2], time: 42
    ) { result in results.value.withLock { $0.append(result) } }
    spool.waitForAppends()
    #expect(results.value.withLock { $0 } == [.stored])
    let payload = try #require(spool.take()?.payload)
    #expect(payload.body.count == 5_000_000 && payload.body.elementsEqual(owner.bytes))
    #expect(payload.note == [1, 2] && payload.attempts == 3 && payload.time == 42)
    #expect(payload.encoding == 1 && payload.itemEnds == [5_000_000])
  }

  @Test("names of outputs make one safe directory each")
  func names() {
    #expect(SpoolLayout.spool(root: "/r", output: "es.0") == "/r/spool/es.0")
    #expect(SpoolLayout.deadLetters(root: "/r", output: "es.0") == "/r/dead-letters/es.0")
    let long = String(repeating: "n", count: 999)
    let odd = ["", ".", "..", "a/b", "a_b", "../x", ".hidden", "\u{e9}", long]
    let made = odd.map(SpoolLayout.component)
    #expect(Set(made).count == odd.count)
    for name in made {
      #expect(!name.contains("/") && !name.hasPrefix("."))
      #expect(!name.isEmpty && name.utf8.count < 255)
    }
  }
}

/// Holds a body outside of any array.
private final class Owner: @unchecked Sendable {
  private let memory: UnsafeMutableRawBufferPointer
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(memory) }
  init(_ count: Int) {
    memory = .allocate(byteCount: count, alignment: 16)
    for index in 0..<count { memory[index] = UInt8(truncatingIfNeeded: index &* 31) }
  }
  deinit { memory.deallocate() }
}

/// A thread of its own.
final class Worker: @unchecked Sendable {
  private var thread = pthread_t()

  init(_ body: @escaping @Sendable () -> Void) {
    // SAFETY: retained here, released by the thread once it has run.
    let box = Unmanaged.passRetained(Box(body))
    pthread_create(
      &thread, nil,
      { argument in
        if let argument {
          // SAFETY: what was retained above.
          Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
        }
        return nil
      }, box.toOpaque())
  }

  func join() { pthread_join(thread, nil) }

  private final class Box {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}
