import CSQLite

/// One connection to a SQLite file, used by one queue at a time.
final class SQLiteConnection {
  private var handle: OpaquePointer?
  private let path: String

  init(path: String) throws(CheckpointError) {
    self.path = path
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
    guard sqlite3_open_v2(path, &handle, flags, nil) == SQLITE_OK else {
      let why = handle.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
      sqlite3_close_v2(handle)
      handle = nil
      throw CheckpointError("\(path) cannot be opened: \(why)")
    }
    sqlite3_busy_timeout(handle, 2_000)
  }

  deinit { sqlite3_close_v2(handle) }

  /// What went wrong last, and in which file.
  var failure: CheckpointError {
    CheckpointError("\(path): \(String(cString: sqlite3_errmsg(handle)))")
  }
  /// Rows that the last statement changed.
  var changes: Int { Int(sqlite3_changes(handle)) }

  func execute(_ sql: String) throws(CheckpointError) {
    guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else {
      throw failure
    }
  }

  func prepare(_ sql: String) throws(CheckpointError) -> SQLiteStatement {
    var statement: OpaquePointer?
    guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK, let statement else {
      throw failure
    }
    return SQLiteStatement(statement, self)
  }
}

/// A prepared statement; bind, then `run` or `next`.
final class SQLiteStatement {
  private let statement: OpaquePointer
  // The connection outlives its statements: a statement is finalised before it closes.
  private let connection: SQLiteConnection

  init(_ statement: OpaquePointer, _ connection: SQLiteConnection) {
    self.statement = statement
    self.connection = connection
  }

  deinit { sqlite3_finalize(statement) }

  /// SQLite copies what is bound with it.
  // SAFETY: -1 is the documented SQLITE_TRANSIENT, which its header casts just so.
  private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

  func bind(_ index: Int32, _ value: Int64) { sqlite3_bind_int64(statement, index, value) }

  /// Binds an unsigned number by its bits.
  func bind(_ index: Int32, bits value: UInt64) {
    sqlite3_bind_int64(statement, index, Int64(bitPattern: value))
  }

  /// Binds bytes as text, whatever they are: paths need not be UTF-8.
  func bind(_ index: Int32, text bytes: [UInt8]) {
    bytes.withUnsafeBytes {
      let base = $0.baseAddress?.assumingMemoryBound(to: CChar.self)
      _ = sqlite3_bind_text(statement, index, base, Int32($0.count), Self.copied)
    }
  }

  func bind(_ index: Int32, _ id: GenerationID) {
    withUnsafeBytes(of: (id.high.bigEndian, id.low.bigEndian)) {
      _ = sqlite3_bind_blob(statement, index, $0.baseAddress, Int32($0.count), Self.copied)
    }
  }

  /// Runs a statement that returns nothing, and makes it ready for the next values.
  func run() throws(CheckpointError) {
    let result = sqlite3_step(statement)
    sqlite3_reset(statement)
    guard result == SQLITE_DONE || result == SQLITE_ROW else {
      throw connection.failure
    }
  }

  /// Goes to the next row; false after the last one.
  func next() throws(CheckpointError) -> Bool {
    switch sqlite3_step(statement) {
    case SQLITE_ROW: return true
    case SQLITE_DONE:
      sqlite3_reset(statement)
      return false
    default: throw connection.failure
    }
  }

  func int(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }

  func bytes(_ column: Int32) -> [UInt8] {
    guard let base = sqlite3_column_blob(statement, column) else { return [] }
    let count = Int(sqlite3_column_bytes(statement, column))
    return Array(UnsafeRawBufferPointer(start: base, count: count))
  }

  func id(_ column: Int32) -> GenerationID? {
    let value = bytes(column)
    guard value.count == 16 else { return nil }
    func word(_ from: Int) -> UInt64 {
      value[from..<from + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }
    return GenerationID(high: word(0), low: word(8))
  }
}
