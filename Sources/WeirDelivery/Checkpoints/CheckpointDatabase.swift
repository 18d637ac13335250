import Dispatch
import Glibc
import WeirSystem
import WeirTelemetry

/// One file of checkpoints, shared by the inputs that name it. Any thread; the file is touched on
/// a queue of its own, never on an input lane.
///
/// Changes gather and go out in one transaction: 50 ms after the first position moved, at once
/// when somebody waits for a registration, and at the end.
public final class CheckpointDatabase: @unchecked Sendable {
  /// Time between a position that moved and its transaction.
  public static let intervalMs = 50
  /// Pause after a transaction that failed.
  static let retryMs = 1_000

  enum Change {
    case put(input: String, CheckpointRow)
    case remove(input: String, GenerationID)
    case note(input: String, key: String, value: Int64)
  }

  private struct Key: Hashable {
    var input: String
    var id: GenerationID
  }

  private struct Pending {
    var changes: [Change] = []
    var waiting: [@Sendable () -> Void] = []
    var isScheduled = false
  }

  /// Where it is; nil when positions are not stored.
  public let path: String?
  let queue = DispatchQueue(label: "weir.checkpoints")
  private let pending = Locked(Pending())
  private let stores = Locked<[CheckpointStore]>([])
  // Touched on the queue only.
  private var connection: SQLiteConnection?
  private var statements: CheckpointStatements?
  private var unsaved: [Key: UInt64] = [:]
  private var hasFailed = false

  /// Opens or makes the file.
  /// - Parameter path: nil for a database that forgets everything.
  /// - Throws: when the file is no database, or cannot be written.
  public init(path: String?, options: CheckpointOptions = CheckpointOptions())
    throws(CheckpointError)
  {
    self.path = path
    guard let path else { return }
    let connection = try SQLiteConnection(path: path)
    if options.isExclusive { try connection.execute("PRAGMA locking_mode=EXCLUSIVE") }
    try connection.execute("PRAGMA journal_mode=\(options.journal)")
    try connection.execute("PRAGMA synchronous=\(options.sync)")
    try connection.execute(CheckpointStatements.schema)
    statements = try CheckpointStatements(connection)
    self.connection = connection
  }

  func attach(_ store: CheckpointStore) { stores.withLock { $0.append(store) } }

  /// Runs `body` with the statements, or returns nil when nothing is stored.
  func read<T>(_ body: (CheckpointStatements) throws -> T) throws -> T? {
    try queue.sync { try statements.map(body) }
  }

  func add(_ change: Change) {
    guard path != nil else { return }
    pending.withLock { $0.changes.append(change) }
    schedule(milliseconds: Self.intervalMs)
  }

  /// Calls `done` on the database's queue when everything added before is stored. When storing
  /// fails it is called all the same: reading goes on, and the failure is told and retried.
  func sync(_ done: @escaping @Sendable () -> Void) {
    pending.withLock { $0.waiting.append(done) }
    queue.async { self.transact() }
  }

  func schedule(milliseconds: Int) {
    guard path != nil else { return }
    let isFirst = pending.withLock { state in
      defer { state.isScheduled = true }
      return !state.isScheduled
    }
    guard isFirst else { return }
    queue.asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { self.transact() }
  }

  /// Stores everything now, and waits for it.
  public func flush() { queue.sync { transact() } }

  private func transact() {
    let (changes, waiting) = pending.withLock { state in
      let taken = (state.changes, state.waiting)
      state = Pending()
      return taken
    }
    defer { for done in waiting { done() } }
    for store in stores.withLock({ $0 }) {
      for (generation, position) in store.dirty.take() {
        unsaved[Key(input: store.input, id: generation.id)] = position
      }
    }
    guard let statements, let connection, !(changes.isEmpty && unsaved.isEmpty) else { return }
    do {
      try write(changes, statements, connection)
      unsaved.removeAll(keepingCapacity: true)
      if hasFailed { Log.info("\(path ?? ""): positions are stored again") }
      hasFailed = false
    } catch {
      try? connection.execute("ROLLBACK")
      if !hasFailed { Log.error("positions are not stored, trying on: \(error)") }
      hasFailed = true
      pending.withLock { $0.changes = Self.latest(changes + $0.changes) }
      schedule(milliseconds: Self.retryMs)
    }
  }

  private func write(
    _ changes: [Change], _ statements: CheckpointStatements, _ connection: SQLiteConnection
  ) throws(CheckpointError) {
    try connection.execute("BEGIN IMMEDIATE")
    var inputs: Set<String> = []
    for change in changes {
      switch change {
      case .put(let input, let row):
        try statements.put(input, row)
        inputs.insert(input)
      case .remove(let input, let id): try statements.remove(input, id)
      case .note(let input, let key, let value): try statements.note(input, key, value)
      }
    }
    for (key, position) in unsaved {
      try statements.move(key.input, key.id, position)
      inputs.insert(key.input)
    }
    for input in inputs { try statements.note(input, CheckpointStore.aliveKey, wallSeconds()) }
    try connection.execute("COMMIT")
  }

  /// The last change of each row, so that what waits for a full disk stays bounded by the files.
  private static func latest(_ changes: [Change]) -> [Change] {
    var seen: Set<Key> = []
    let kept = changes.reversed().filter { change in
      switch change {
      case .put(let input, let row): seen.insert(Key(input: input, id: row.id)).inserted
      case .remove(let input, let id): seen.insert(Key(input: input, id: id)).inserted
      case .note: true
      }
    }
    return kept.reversed()
  }

  private func wallSeconds() -> Int64 { Int64(time(nil)) }
}
