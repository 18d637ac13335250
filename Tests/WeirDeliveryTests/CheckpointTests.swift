import CSQLite
import Glibc
import Testing

@testable import WeirDelivery

@Suite("checkpoints")
struct CheckpointTests {
  let path: String

  init() {
    var template = Array("/tmp/weir-checkpoints-XXXXXX".utf8CString)
    path = String(cString: mkdtemp(&template)) + "/positions.sqlite"
  }

  func row(_ name: String, position: UInt64 = 0, order: Int64 = 0) -> CheckpointRow {
    CheckpointRow(
      id: .random(), stream: Array(name.utf8), path: Array((name + ".1").utf8), device: 7,
      inode: UInt64.max - 1, fingerprintLength: 100, fingerprint: UInt64.max, position: position,
      order: order, isRotated: true)
  }

  @Test("rows come back as they were put, in their order, per input")
  func roundTrip() throws {
    let rows = [row("/b", position: 5, order: 1), row("/a\u{ff}", position: 1 << 63, order: 2)]
    do {
      let database = try CheckpointDatabase(path: path)
      let store = CheckpointStore(input: "tail.0", database: database)
      for row in rows.reversed() { store.put(row) }
      CheckpointStore(input: "tail.1", database: database).put(row("/c"))
      store.flush()
    }
    let database = try CheckpointDatabase(path: path)
    let contents = try CheckpointStore(input: "tail.0", database: database).load()
    #expect(contents.rows == rows)
    #expect(contents.aliveSeconds != nil)
    #expect(try CheckpointStore(input: "tail.1", database: database).load().rows.count == 1)
    #expect(try CheckpointStore(input: "tail.2", database: database).load().rows.isEmpty)
  }

  @Test("an input with a new name takes over what nobody else has, once")
  func renamed() throws {
    let mine = row("/logs/a", position: 5)
    let others = row("/other/b", position: 6)
    let theirs = row("/logs/c", position: 7)
    let database = try CheckpointDatabase(path: path)
    for (name, row) in [("tail.0", mine), ("tail.0", others), ("tail.1", theirs)] {
      CheckpointStore(input: name, database: database).put(row)
    }
    database.flush()
    let store = CheckpointStore(input: "pods", database: database)
    func adopt() throws -> Int {
      try store.adopt(without: ["pods", "tail.1"]) { $0.starts(with: Array("/logs/".utf8)) }.rows
    }
    #expect(try adopt() == 1)
    #expect(try adopt() == 0)
    let contents = try store.load()
    #expect(contents.rows == [mine])
    #expect(contents.aliveSeconds != nil)
    #expect(try CheckpointStore(input: "tail.0", database: database).load().rows == [others])
    #expect(try CheckpointStore(input: "tail.1", database: database).load().rows == [theirs])
  }

  @Test("positions follow the ledger by themselves and never go back")
  func positions() throws {
    let database = try CheckpointDatabase(path: path)
    let store = CheckpointStore(input: "tail.0", database: database)
    let row = row("/a")
    store.put(row)
    let generation = Generation(id: row.id, committed: 0, dirtyList: store.dirty)
    let ledger = Ledger()
    ledger.release(ledger.begin(generation, end: 123))
    var position: UInt64 = 0
    for _ in 0..<200 where position == 0 {
      usleep(20_000)
      position = try store.load().rows.first?.position ?? 0
    }
    #expect(position == 123)
    var older = row
    older.position = 7
    store.put(older)
    store.flush()
    #expect(try store.load().rows.map(\.position) == [123])
    store.remove(row.id)
    store.flush()
    #expect(try store.load().rows.isEmpty)
  }

  @Test("a database that forgets everything still answers who waits")
  func memory() throws {
    let database = try CheckpointDatabase(path: nil)
    let store = CheckpointStore(input: "tail.0", database: database)
    store.put(row("/a"))
    let done = DispatchSignal()
    store.sync { done.signal() }
    #expect(done.wait())
    #expect(try store.load().rows.isEmpty)
    #expect(!store.isPersistent)
  }

  @Test("a file that is no database is refused with its name")
  func noDatabase() throws {
    let descriptor = open(path, O_WRONLY | O_CREAT, 0o644)
    _ = "this is not a database, and long enough to be none: ....".withCString {
      write(descriptor, $0, strlen($0))
    }
    close(descriptor)
    let error = #expect(throws: CheckpointError.self) { _ = try CheckpointDatabase(path: path) }
    #expect(error?.description.contains(path) == true, "\(String(describing: error))")
  }

  @Test("Fluent Bit's table is read in its old and its new form, once")
  func foreign() throws {
    var handle: OpaquePointer?
    sqlite3_open(path, &handle)
    sqlite3_exec(
      handle,
      """
      CREATE TABLE in_tail_files(id INTEGER PRIMARY KEY, name TEXT NOT NULL, offset INTEGER,
        inode INTEGER, created INTEGER, rotated INTEGER DEFAULT 0);
      INSERT INTO in_tail_files VALUES(1, '/var/log/a.log', 42, 99, 1, 0);
      """, nil, nil, nil)
    sqlite3_close(handle)
    let database = try CheckpointDatabase(path: path)
    let store = CheckpointStore(input: "tail.0", database: database)
    let expected = ForeignRow(name: Array("/var/log/a.log".utf8), offset: 42, inode: 99)
    #expect(try store.load().foreign == [expected])
    store.markImported()
    store.flush()
    #expect(try store.load().foreign.isEmpty)
  }
}

/// Waits for one signal, with a generous limit.
final class DispatchSignal: @unchecked Sendable {
  private var flag = false
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  init() { pthread_mutex_init(mutex, nil) }

  func signal() {
    pthread_mutex_lock(mutex)
    flag = true
    pthread_mutex_unlock(mutex)
  }

  func wait() -> Bool {
    for _ in 0..<1_000 {
      pthread_mutex_lock(mutex)
      let isSet = flag
      pthread_mutex_unlock(mutex)
      if isSet { return true }
      usleep(5_000)
    }
    return false
  }
}
