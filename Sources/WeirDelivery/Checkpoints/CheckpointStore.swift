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

  /// Takes over rows of inputs that are not there any more, for files that `wants` names: an input
  /// that was given another name goes on where it was. Waits for the database.
  ///
  /// Does nothing once this input has stored anything itself.
  /// - Parameter names: the inputs that there are now; theirs are left alone.
  /// - Returns: how many rows, and the names that they were stored under.
  public func adopt(
    without names: Set<String>, where wants: ([UInt8]) -> Bool
  ) throws -> (rows: Int, from: [String]) {
    let taken = try database.read { statements -> (rows: [CheckpointRow], from: [String]) in
      guard try statements.note(input, Self.aliveKey) == nil else { return ([], []) }
      var rows: [CheckpointRow] = []
      var from: [String] = []
      for name in try statements.inputs() where name != input && !names.contains(name) {
        let found = try statements.files(name).filter { wants($0.stream) }
        if found.isEmpty { continue }
        from.append(name)
        rows += found
        for key in [Self.aliveKey, Self.importedKey] {
          guard let value = try statements.note(name, key) else { continue }
          database.add(.note(input: input, key: key, value: value))
        }
        for row in found { database.add(.remove(input: name, row.id)) }
      }
      return (rows, from)
    }
    guard let taken, !taken.rows.isEmpty else { return (0, []) }
    for row in taken.rows { put(row) }
    flush()
    return (taken.rows.count, taken.from)
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
