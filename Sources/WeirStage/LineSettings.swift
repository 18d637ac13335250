public import WeirBatch

/// What an input's line options ask of every record that a decoder makes of its lines.
public struct LineSettings: Sendable {
  /// `key`: the field that holds a line which no parser took (`log`).
  public var key: KeyID
  /// `path_key`: the field for the stream's path, or nil.
  public var pathKey: KeyID?
  /// `offset_key`: the field for the byte position at which the line begins, or nil.
  public var offsetKey: KeyID?
  /// `skip_empty_lines`: empty lines (and lines of only a CR) make no record, and are counted.
  public var skipsEmptyLines: Bool

  /// Interns the keys. Called while the pipeline is built.
  public init(
    key: String = "log", pathKey: String? = nil, offsetKey: String? = nil,
    skipsEmptyLines: Bool = false
  ) {
    self.key = KeyTable.shared.intern(key)
    self.pathKey = pathKey.map { KeyTable.shared.intern($0) }
    self.offsetKey = offsetKey.map { KeyTable.shared.intern($0) }
    self.skipsEmptyLines = skipsEmptyLines
  }

  /// Fields that `path_key` and `offset_key` add to each record.
  public var extraFields: Int { (pathKey == nil ? 0 : 1) + (offsetKey == nil ? 0 : 1) }
}
