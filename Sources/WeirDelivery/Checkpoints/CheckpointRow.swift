/// What is stored of one file generation: who it is, where it was seen last, how far it is done.
public struct CheckpointRow: Sendable, Equatable {
  public var id: GenerationID
  /// The stream that it is part of: the path as the glob found it.
  public var stream: [UInt8]
  /// Where the file was seen last; differs from `stream` after a rename and behind a link.
  public var path: [UInt8]
  public var device: UInt64
  public var inode: UInt64
  /// Bytes at the file's beginning that the fingerprint covers; 0 while it is empty.
  public var fingerprintLength: Int
  public var fingerprint: UInt64
  /// Every output has finished with everything before this byte of the content.
  public var position: UInt64
  /// Counts the files of an input in the order in which they were registered.
  public var order: Int64
  /// The stream has a newer file.
  public var isRotated: Bool

  public init(
    id: GenerationID, stream: [UInt8], path: [UInt8], device: UInt64, inode: UInt64,
    fingerprintLength: Int = 0, fingerprint: UInt64 = 0, position: UInt64 = 0, order: Int64 = 0,
    isRotated: Bool = false
  ) {
    self.id = id
    self.stream = stream
    self.path = path
    self.device = device
    self.inode = inode
    self.fingerprintLength = fingerprintLength
    self.fingerprint = fingerprint
    self.position = position
    self.order = order
    self.isRotated = isRotated
  }
}

/// A position that Fluent Bit's `tail` has stored (table `in_tail_files`).
public struct ForeignRow: Sendable, Equatable {
  public var name: [UInt8]
  public var offset: UInt64
  public var inode: UInt64
  /// XXH3 of the `markerSize` bytes before `offset`; 0 bytes when the version kept none.
  public var marker: UInt64
  public var markerSize: Int

  public init(
    name: [UInt8], offset: UInt64, inode: UInt64, marker: UInt64 = 0, markerSize: Int = 0
  ) {
    self.name = name
    self.offset = offset
    self.inode = inode
    self.marker = marker
    self.markerSize = markerSize
  }
}

/// How the database is written; the words of the `db.*` options.
public struct CheckpointOptions: Sendable {
  /// `extra`, `full`, `normal` or `off`.
  public var sync = "normal"
  /// `delete`, `truncate`, `persist`, `memory`, `wal` or `off`.
  public var journal = "wal"
  /// Lock the file for this process.
  public var isExclusive = false

  public init() {}
}

/// Why positions cannot be stored; the text is for a message.
public struct CheckpointError: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
