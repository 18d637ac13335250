/// The SQL of the checkpoint tables. Used on the database's queue only.
final class CheckpointStatements {
  static let schema = """
    CREATE TABLE IF NOT EXISTS weir_files(
      input TEXT NOT NULL, id BLOB NOT NULL, stream TEXT NOT NULL, path TEXT NOT NULL,
      device INTEGER NOT NULL, inode INTEGER NOT NULL, fingerprint_length INTEGER NOT NULL,
      fingerprint INTEGER NOT NULL, position INTEGER NOT NULL, begun INTEGER NOT NULL,
      rotated INTEGER NOT NULL, PRIMARY KEY(input, id)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS weir_notes(
      input TEXT NOT NULL, key TEXT NOT NULL, value INTEGER NOT NULL,
      PRIMARY KEY(input, key)) WITHOUT ROWID;
    """

  private let putFile: SQLiteStatement
  private let moveFile: SQLiteStatement
  private let removeFile: SQLiteStatement
  private let putNote: SQLiteStatement
  private let connection: SQLiteConnection

  init(_ connection: SQLiteConnection) throws(CheckpointError) {
    self.connection = connection
    putFile = try connection.prepare(
      """
      INSERT INTO weir_files VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)
      ON CONFLICT(input, id) DO UPDATE SET stream=?3, path=?4, device=?5, inode=?6,
        fingerprint_length=?7, fingerprint=?8, position=max(position, ?9), rotated=?11
      """)
    moveFile = try connection.prepare(
      "UPDATE weir_files SET position=max(position, ?3) WHERE input=?1 AND id=?2")
    removeFile = try connection.prepare("DELETE FROM weir_files WHERE input=?1 AND id=?2")
    putNote = try connection.prepare("INSERT OR REPLACE INTO weir_notes VALUES(?1,?2,?3)")
  }

  func put(_ input: String, _ row: CheckpointRow) throws(CheckpointError) {
    putFile.bind(1, text: Array(input.utf8))
    putFile.bind(2, row.id)
    putFile.bind(3, text: row.stream)
    putFile.bind(4, text: row.path)
    putFile.bind(5, bits: row.device)
    putFile.bind(6, bits: row.inode)
    putFile.bind(7, Int64(row.fingerprintLength))
    putFile.bind(8, bits: row.fingerprint)
    putFile.bind(9, bits: row.position)
    putFile.bind(10, row.order)
    putFile.bind(11, row.isRotated ? 1 : 0)
    try putFile.run()
  }

  func move(_ input: String, _ id: GenerationID, _ position: UInt64) throws(CheckpointError) {
    moveFile.bind(1, text: Array(input.utf8))
    moveFile.bind(2, id)
    moveFile.bind(3, bits: position)
    try moveFile.run()
  }

  func remove(_ input: String, _ id: GenerationID) throws(CheckpointError) {
    removeFile.bind(1, text: Array(input.utf8))
    removeFile.bind(2, id)
    try removeFile.run()
  }

  func note(_ input: String, _ key: String, _ value: Int64) throws(CheckpointError) {
    putNote.bind(1, text: Array(input.utf8))
    putNote.bind(2, text: Array(key.utf8))
    putNote.bind(3, value)
    try putNote.run()
  }

  func note(_ input: String, _ key: String) throws(CheckpointError) -> Int64? {
    let query = try connection.prepare("SELECT value FROM weir_notes WHERE input=?1 AND key=?2")
    query.bind(1, text: Array(input.utf8))
    query.bind(2, text: Array(key.utf8))
    return try query.next() ? query.int(0) : nil
  }

  /// Names under which files are stored.
  func inputs() throws(CheckpointError) -> [String] {
    let query = try connection.prepare("SELECT DISTINCT input FROM weir_files ORDER BY input")
    var names: [String] = []
    while try query.next() { names.append(String(decoding: query.bytes(0), as: UTF8.self)) }
    return names
  }

  func files(_ input: String) throws(CheckpointError) -> [CheckpointRow] {
    let query = try connection.prepare(
      """
      SELECT id, stream, path, device, inode, fingerprint_length, fingerprint, position, begun,
        rotated FROM weir_files WHERE input=?1 ORDER BY begun
      """)
    query.bind(1, text: Array(input.utf8))
    var rows: [CheckpointRow] = []
    while try query.next() {
      guard let id = query.id(0) else { continue }
      rows.append(
        CheckpointRow(
          id: id, stream: query.bytes(1), path: query.bytes(2),
          device: UInt64(bitPattern: query.int(3)), inode: UInt64(bitPattern: query.int(4)),
          fingerprintLength: Int(query.int(5)), fingerprint: UInt64(bitPattern: query.int(6)),
          position: UInt64(bitPattern: query.int(7)), order: query.int(8),
          isRotated: query.int(9) != 0))
    }
    return rows
  }

  /// Rows of Fluent Bit's own table, if the file has one; versions before 5 keep no marker.
  func foreignFiles() throws(CheckpointError) -> [ForeignRow] {
    let table = try connection.prepare("SELECT name FROM pragma_table_info('in_tail_files')")
    var columns: [[UInt8]] = []
    while try table.next() { columns.append(table.bytes(0)) }
    guard !columns.isEmpty else { return [] }
    let hasMarker = columns.contains(Array("offset_marker_size".utf8))
    let query = try connection.prepare(
      "SELECT name, offset, inode\(hasMarker ? ", offset_marker, offset_marker_size" : "") "
        + "FROM in_tail_files ORDER BY id")
    var rows: [ForeignRow] = []
    while try query.next() {
      rows.append(
        ForeignRow(
          name: query.bytes(0), offset: UInt64(max(0, query.int(1))),
          inode: UInt64(bitPattern: query.int(2)),
          marker: hasMarker ? UInt64(bitPattern: query.int(3)) : 0,
          markerSize: hasMarker ? Int(clamping: query.int(4)) : 0))
    }
    return rows
  }
}
