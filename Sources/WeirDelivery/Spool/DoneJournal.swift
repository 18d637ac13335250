import Glibc

/// The file beside a segment that says which of its entries are finished.
///
/// Marks are written without a sync: they survive the process, but not always the machine; an
/// entry whose mark is lost comes again. Each mark has a check of its own, so that damage costs
/// that mark only.
struct DoneJournal {
  /// Marks from here on are offsets of damage that was dealt with, less this.
  static let damageFlag: UInt32 = 0x8000_0000
  /// Bytes of a journal that are read.
  static let bytesMax =
    SpoolFormat.journalHeaderBytes + 2 * Int(SpoolFormat.entriesMax) * SpoolFormat.journalMarkBytes

  /// What a journal says.
  struct Contents {
    var done = EntryBits()
    var damage: Set<Int> = []
    /// Marks that did not pass their check.
    var damagedMarks = 0
    /// Where the next mark goes.
    var end = 0
  }

  private static func check(_ value: UInt32, _ salt: UInt64) -> UInt32 {
    withUnsafeBytes(of: value.littleEndian) {
      UInt32(truncatingIfNeeded: SpoolFormat.hash($0, seed: salt))
    }
  }

  /// Reads a journal; one that is missing or cannot be read says nothing.
  static func read(_ files: any SpoolFiles, _ path: String, salt: UInt64) -> Contents {
    var contents = Contents()
    let descriptor = files.open(path, O_RDONLY | O_NOFOLLOW)
    if descriptor < 0 { return contents }
    defer { files.close(descriptor) }
    let size = min(files.size(descriptor), bytesMax)
    guard size > 0, let bytes = files.bytes(descriptor, count: size, at: 0) else { return contents }
    bytes.withUnsafeBytes { bytes in
      var offset = SpoolFormat.journalHeaderBytes
      while offset + SpoolFormat.journalMarkBytes <= bytes.count {
        let value = SpoolFormat.load(bytes, offset, as: UInt32.self)
        if SpoolFormat.load(bytes, offset + 4, as: UInt32.self) != check(value, salt) {
          contents.damagedMarks += 1
        } else if value >= damageFlag {
          contents.damage.insert(Int(value - damageFlag))
        } else {
          contents.done.insert(value)
        }
        offset += SpoolFormat.journalMarkBytes
      }
      contents.end = bytes.count >= SpoolFormat.journalHeaderBytes ? offset : 0
    }
    return contents
  }

  // MARK: Writing

  private let files: any SpoolFiles
  private var segment: UInt64?
  private var descriptor: Int32 = -1
  private var end = 0

  init(_ files: any SpoolFiles) { self.files = files }

  /// Adds marks to the journal of a segment; false when they could not be written.
  mutating func add(_ values: [UInt32], _ segment: UInt64, salt: UInt64, _ path: String) -> Bool {
    if self.segment != segment { open(segment, salt, path) }
    guard descriptor >= 0 else {
      self.segment = nil
      return false
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * SpoolFormat.journalMarkBytes)
    for value in values {
      SpoolFormat.append(value, to: &bytes)
      SpoolFormat.append(Self.check(value, salt), to: &bytes)
    }
    let status = bytes.withUnsafeBytes { files.writeAll(descriptor, $0, at: end) }
    if status == 0 { end += bytes.count }
    return status == 0
  }

  private mutating func open(_ segment: UInt64, _ salt: UInt64, _ path: String) {
    close()
    self.segment = segment
    descriptor = files.open(path, O_WRONLY | O_CREAT | O_NOFOLLOW)
    if descriptor < 0 { return }
    end = max(0, files.size(descriptor))
    let header = SpoolFormat.journalHeaderBytes
    if end >= header {
      end -= (end - header) % SpoolFormat.journalMarkBytes
      return
    }
    var bytes: [UInt8] = []
    SpoolFormat.append(SpoolFormat.journalMagic, to: &bytes)
    SpoolFormat.append(salt, to: &bytes)
    if bytes.withUnsafeBytes({ files.writeAll(descriptor, $0, at: 0) }) == 0 {
      end = header
    } else {
      close()
    }
  }

  /// Closes the journal that is open, if it is this segment's or none is named.
  mutating func close(_ segment: UInt64? = nil) {
    if let segment, segment != self.segment { return }
    if descriptor >= 0 { files.close(descriptor) }
    descriptor = -1
    self.segment = nil
  }
}
