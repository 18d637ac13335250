import Glibc

/// Names of the files of a segment.
enum SegmentName {
  static let segmentSuffix = ".seg"
  static let journalSuffix = ".done"

  /// Twenty digits, so that names sort as numbers.
  static func digits(_ id: UInt64) -> String {
    let text = "\(id)"
    return String(repeating: "0", count: 20 - text.utf8.count) + text
  }

  static func segment(_ id: UInt64) -> String { digits(id) + segmentSuffix }
  static func journal(_ id: UInt64) -> String { digits(id) + journalSuffix }

  /// The number in a name with a suffix; nil when it is not such a name.
  static func id(_ name: String, _ suffix: String) -> UInt64? {
    guard name.utf8.count == 20 + suffix.utf8.count, name.hasSuffix(suffix) else { return nil }
    let digits = name.utf8.prefix(20)
    guard digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
    // Half of all numbers is for segments yet to come: the next number always exists.
    return UInt64(String(decoding: digits, as: UTF8.self)).flatMap { $0 < 1 << 63 ? $0 : nil }
  }
}

/// What a look through one segment found. Changes nothing.
struct SegmentScan {
  /// A stretch that is no intact entry.
  struct Damage: Equatable {
    var range: Range<Int>
    /// Unfinished entries that were in it, as far as can be told: at least 1 behind the last
    /// intact entry, whose number nobody knows.
    var lost: SpoolAmount
    /// Nothing intact follows.
    var isTail = false
    /// The record's header is intact, its contents are not.
    var isContents = false
    /// It was dealt with when the segment was opened before.
    var isKnown = false
  }

  enum Kind: Equatable {
    case segment
    /// Not one byte in it.
    case empty
    /// No entry of it can be found.
    case ruined
    /// Not to be touched; the text says why.
    case foreign(String)
  }

  typealias Visit = (RecordHeader, _ offset: Int, _ isDone: Bool) -> Bool

  var kind = Kind.segment
  var salt: UInt64 = 0
  var created: Int64 = 0
  var isHeaderDamaged = false
  var fileBytes = 0
  /// Where the last intact record ends.
  var intactBytes = 0
  /// One more than the place of the last intact record.
  var count: UInt32 = 0
  /// Finished, or lost.
  var done = EntryBits()
  /// Intact and not finished.
  var live = SpoolAmount()
  /// Wall clock of the oldest and the newest unfinished entry, nanoseconds.
  var times: ClosedRange<Int64>?
  var damage: [Damage] = []
  var damagedMarks = 0
  /// A part of it could not be read, which may be different the next time.
  var hasReadErrors = false
  /// The journal speaks of entries that the segment does not have.
  var hasStrayMarks = false

  /// Looks at each record of a segment.
  /// - Parameter visit: called with each record that has an intact header, and whether it is
  ///   finished; answers whether its contents are intact, as far as it matters.
  static func scan(
    _ files: any SpoolFiles, _ descriptor: Int32, id: UInt64, journal: String,
    visit: Visit = { _, _, _ in true }
  ) -> SegmentScan {
    var scan = SegmentScan()
    scan.fileBytes = max(0, files.size(descriptor))
    if scan.fileBytes == 0 {
      scan.kind = .empty
      return scan
    }
    guard let salt = scan.readHeader(files, descriptor, id) else { return scan }
    scan.salt = salt
    let marks = DoneJournal.read(files, journal, salt: salt)
    scan.done = marks.done
    scan.damagedMarks = marks.damagedMarks
    scan.walk(files, descriptor, marks, visit)
    return scan
  }

  /// The salt of the segment; nil when there is nothing to walk over.
  private mutating func readHeader(
    _ files: any SpoolFiles, _ descriptor: Int32, _ id: UInt64
  ) -> UInt64? {
    let length = min(fileBytes, SpoolFormat.segmentHeaderBytes)
    let bytes = files.bytes(descriptor, count: length, at: 0) ?? []
    switch bytes.withUnsafeBytes({ SegmentHeader.read($0) }) {
    case .intact(let header):
      if header.id != id { kind = .foreign("its header says that it is segment \(header.id)") }
      created = header.created
      return header.id == id ? header.salt : nil
    case .later(let version):
      kind = .foreign("it has version \(version) of the format; this Weir reads 1")
      return nil
    case .damaged:
      isHeaderDamaged = true
    }
    let walker = SegmentWalker(files, descriptor, size: fileBytes, salt: nil)
    while case let step = walker.next(), step != .end {
      if case .record(let header, _) = step { return header.salt }
    }
    kind = .ruined
    let lost = fileBytes > SpoolFormat.segmentHeaderBytes ? 1 : 0
    damage = [
      Damage(
        range: 0..<fileBytes, lost: SpoolAmount(entries: lost, bytes: fileBytes), isTail: true)
    ]
    return nil
  }

  private mutating func walk(
    _ files: any SpoolFiles, _ descriptor: Int32, _ marks: DoneJournal.Contents,
    _ visit: Visit
  ) {
    let walker = SegmentWalker(files, descriptor, size: fileBytes, salt: salt)
    var open: Damage?
    intactBytes = min(fileBytes, SpoolFormat.segmentHeaderBytes)
    while true {
      switch walker.next() {
      case .end:
        if var tail = open {
          tail.isTail = true
          tail.lost.entries = 1
          damage.append(tail)
        }
        hasStrayMarks = done.hasMember(from: count)
        hasReadErrors = walker.hasReadErrors
        return
      case .damage(let range):
        open = Damage(
          range: range, lost: SpoolAmount(bytes: range.count),
          isKnown: marks.damage.contains(range.lowerBound))
      case .record(let header, let offset):
        // Places that no record has were in the damage, or are of an append that was taken back.
        while count < header.index {
          if done.insert(count) { open?.lost.entries += 1 }
          count += 1
        }
        if let open { damage.append(open) }
        open = nil
        add(header, offset, visit)
      }
    }
  }

  private mutating func add(
    _ header: RecordHeader, _ offset: Int, _ visit: Visit
  ) {
    count = header.index + 1
    intactBytes = offset + header.recordBytes
    let isDone = done.contains(header.index)
    let isIntact = visit(header, offset, isDone)
    if isDone { return }
    if !isIntact {
      damage.append(
        Damage(range: offset..<intactBytes, lost: header.amount, isContents: true))
      return
    }
    live += header.amount
    let old = times ?? header.time...header.time
    times = min(old.lowerBound, header.time)...max(old.upperBound, header.time)
  }
}
