import Glibc
import WeirSystem

/// The checkpoints of one input. Any thread.
///
/// A row is put before the first record of its generation leaves; its position then follows the
/// ledger by itself. It is removed only when its file is gone and everything of it is done.
public final class CheckpointStore: @unchecked Sendable {
  static let aliveKey = "alive"
  static let importedKey = "imported"

  /// What the previous process left.
  public struct Contents: Sendable {
    public var rows: [CheckpointRow] = []
    /// Fluent Bit's rows, unless they were imported before.
    public var foreign: [ForeignRow] = []
    /// Seconds since 1970 of the last transaction; nil when there was none ever.
    public var aliveSeconds: Int64?
    public init() {}
  }

  /// Name of the input: the rows of several share a database.
  public let input: String
  /// Where generations tell that they moved.
  public let dirty: DirtyList
  private let database: CheckpointDatabase

  public init(input: String, database: CheckpointDatabase) {
    self.input = input
    self.database = database
    dirty = DirtyList { [unowned database] in
      database.schedule(milliseconds: CheckpointDatabase.intervalMs)
    }
    database.attach(self)
  }

  /// True when positions outlive the process.
  public var isPersistent: Bool { database.path != nil }

  /// Reads what is stored. Waits for the database.
  public func load() throws -> Contents {
    try database.read { statements in
      var contents = Contents()
      contents.rows = try statements.files(input)
      contents.aliveSeconds = try statements.note(input, Self.aliveKey)
      if try statements.note(input, Self.importedKey) == nil {
        contents.foreign = try statements.foreignFiles()
      }
      return contents
    } ?? Contents()
  }

  /// Notes that Fluent Bit's rows have been taken over.
  public func markImported() {
    database.add(.note(input: input, key: Self.importedKey, value: Int64(time(nil))))
  }

  /// Adds a row, or brings everything but the position up to date; a position only grows.
  public func put(_ row: CheckpointRow) { database.add(.put(input: input, row)) }

  /// Forgets a generation whose file is gone and read to its end.
  public func remove(_ id: GenerationID) { database.add(.remove(input: input, id)) }

  /// Calls `done`, on a queue of the database, once everything put before is stored (or storing
  /// has failed, which is told and tried again).
  public func sync(_ done: @escaping @Sendable () -> Void) { database.sync(done) }

  /// Stores everything, and waits for it.
  public func flush() { database.flush() }
}
