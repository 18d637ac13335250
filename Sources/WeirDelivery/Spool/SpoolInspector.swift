import Glibc

/// What a spool holds, as told without opening it.
public struct SpoolSummary: Sendable {
  /// Name of its directory: the output's, made safe for a path.
  public var name = ""
  /// Its directory.
  public var directory = ""
  /// Number of the process that has it; nil when nobody does.
  public var owner: String?
  /// Segment files.
  public var segments = 0
  /// Bytes of the segment files.
  public var diskBytes = 0
  /// Entries that are not finished.
  public var live = SpoolAmount()
  /// Wall clock of the oldest and the newest of them, nanoseconds since 1970.
  public var times: ClosedRange<Int64>?
  /// Files and bytes in quarantine.
  public var quarantine: (files: Int, bytes: Int) = (0, 0)
  /// Places that are no intact entry, without what is being written.
  public var damaged = 0
}

/// Something that is not as it should be.
public struct SpoolFinding: Sendable {
  /// The file.
  public var path: String
  /// Where in the file, bytes.
  public var offset: Int
  /// What it is.
  public var text: String
  /// False for what is only worth knowing: a file of somebody else, an entry that is being written.
  public var isDamage = true

  /// One line for users.
  public var description: String { "\(path): byte \(offset): \(text)" }
}

/// Looks at spools that may be in use, and changes nothing.
public struct SpoolInspector: Sendable {
  private let files: any SpoolFiles

  /// Looks at the file system as it is.
  public init() { files = SystemFiles() }

  // MARK: Finding spools

  /// Which of the two kinds of a storage root is meant.
  public enum Kind: String, Sendable {
    case spool
    case deadLetters = "dead-letters"
  }

  /// The directories of spools at a path: those of a storage root, or the one that it is itself.
  /// - Parameter letters: the folder of dead letters, as `SpoolLayout.deadLetters` takes it.
  /// - Throws: when there is nothing like it; the text says where it was looked for.
  public func directories(
    _ path: String, _ kind: Kind, letters: String? = nil
  ) throws(SpoolError) -> [String] {
    let below =
      kind == .spool
      ? "\(path)/\(kind.rawValue)" : SpoolLayout.deadLetters(root: path, folder: letters)
    if let found = files.list(below) {
      return found.sorted().map { "\(below)/\($0)" }.filter { files.list($0) != nil }
    }
    guard let names = files.list(path) else {
      throw .unusable("cannot list \(path): \(String(cString: strerror(errno)))")
    }
    if names.contains(SpoolLock.name) || names.contains(where: { segmentID($0) != nil }) {
      return [path]
    }
    // A storage root where nothing was ever spooled has no such folder.
    return []
  }

  private func segmentID(_ name: String) -> UInt64? {
    SegmentName.id(name, SegmentName.segmentSuffix)
  }

  // MARK: Looking

  /// Entries, sizes, times. Reads the headers of all entries.
  public func summary(_ directory: String) -> SpoolSummary {
    var summary = SpoolSummary()
    summary.directory = directory
    summary.name = directory.split(separator: "/").last.map(String.init) ?? directory
    summary.owner = SpoolLock.owner(of: directory)
    summary.quarantine = Quarantine.inventory(files, spool: directory)
    eachSegment(directory) { segment in
      let scan = segment.scan { _, _, _ in true }
      if case .foreign = scan.kind { return true }
      summary.segments += 1
      summary.diskBytes += scan.fileBytes
      summary.live += scan.live
      summary.damaged += scan.damage.count { !segment.isBeingWritten($0) && !$0.isKnown }
      if let times = scan.times {
        let old = summary.times ?? times
        summary.times =
          min(old.lowerBound, times.lowerBound)...max(old.upperBound, times.upperBound)
      }
      return true
    }
    return summary
  }

  /// Checks every checksum.
  /// - Returns: what was checked; each finding goes to `report` as it is found.
  public func verify(
    _ directory: String, report: (SpoolFinding) -> Void
  ) -> (segments: Int, amount: SpoolAmount) {
    var checked = (segments: 0, amount: SpoolAmount())
    for name in (files.list(directory) ?? []).sorted() where isForeign(name) {
      report(
        SpoolFinding(
          path: "\(directory)/\(name)", offset: 0, text: "is no file of a spool",
          isDamage: false))
    }
    eachSegment(directory) { segment in
      checked.segments += 1
      let scan = segment.scan { header, offset, isDone in
        let payload = SpoolRecordReader.read(
          files, segment.descriptor, offset: offset, bytes: header.recordBytes,
          salt: header.salt)
        checked.amount += payload == nil ? SpoolAmount() : header.amount
        if payload == nil && isDone {
          report(
            SpoolFinding(
              path: segment.path, offset: offset,
              text: "the contents of a finished entry do not match their checksum"))
        }
        return payload != nil
      }
      for finding in findings(scan, segment) { report(finding) }
      return true
    }
    return checked
  }

  private func isForeign(_ name: String) -> Bool {
    segmentID(name) == nil && SegmentName.id(name, SegmentName.journalSuffix) == nil
      && name != SpoolLock.name && name != Quarantine.name
  }

  private func findings(_ scan: SegmentScan, _ segment: OpenSegment) -> [SpoolFinding] {
    var found: [SpoolFinding] = []
    if case .foreign(let why) = scan.kind {
      found.append(SpoolFinding(path: segment.path, offset: 0, text: why, isDamage: false))
    }
    if scan.isHeaderDamaged {
      found.append(
        SpoolFinding(path: segment.path, offset: 0, text: "the segment's header is damaged"))
    }
    if scan.damagedMarks > 0 {
      let path = segment.journal
      let text = "\(scan.damagedMarks) marks are damaged: their entries will come again"
      found.append(SpoolFinding(path: path, offset: 0, text: text))
    }
    for damage in scan.damage {
      var finding = SpoolFinding(
        path: segment.path, offset: damage.range.lowerBound,
        text: "\(damage.range.count) bytes are no intact entry; \(damage.lost.entries) are lost")
      if damage.isContents { finding.text = "the contents of an entry do not match their checksum" }
      if damage.isKnown { finding.text += " (in quarantine since it was found)" }
      if segment.isBeingWritten(damage) {
        finding.text = "\(damage.range.count) bytes are being written"
        finding.isDamage = false
      }
      found.append(finding)
    }
    return found
  }

  /// Reads the entries that are not finished, the oldest first; `body` says whether to go on.
  public func entries(
    _ directory: String, body: (SpoolEntryID, SpoolPayload, _ bytes: Int) -> Bool
  ) {
    var goesOn = true
    eachSegment(directory) { segment in
      _ = segment.scan { header, offset, isDone in
        guard goesOn, !isDone,
          let payload = SpoolRecordReader.read(
            files, segment.descriptor, offset: offset, bytes: header.recordBytes,
            salt: header.salt)
        else { return true }
        let id = SpoolEntryID(segment: segment.id, index: header.index)
        goesOn = body(id, payload, header.recordBytes)
        return true
      }
      return goesOn
    }
  }

  // MARK: Segments

  private struct OpenSegment {
    let files: any SpoolFiles
    let id: UInt64
    let path: String
    let journal: String
    let descriptor: Int32
    /// The last one of a spool that is in use.
    let isActive: Bool

    func scan(_ visit: SegmentScan.Visit) -> SegmentScan {
      SegmentScan.scan(files, descriptor, id: id, journal: journal, visit: visit)
    }

    func isBeingWritten(_ damage: SegmentScan.Damage) -> Bool {
      isActive && damage.isTail && !damage.isContents
    }
  }

  /// Opens the segments one after the other; those that are gone meanwhile are left out.
  private func eachSegment(_ directory: String, _ body: (OpenSegment) -> Bool) {
    let isInUse = SpoolLock.owner(of: directory) != nil
    let ids = (files.list(directory) ?? []).compactMap { segmentID($0) }.sorted()
    for id in ids {
      let path = "\(directory)/\(SegmentName.segment(id))"
      let descriptor = files.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
      if descriptor < 0 { continue }
      defer { files.close(descriptor) }
      let segment = OpenSegment(
        files: files, id: id, path: path, journal: "\(directory)/\(SegmentName.journal(id))",
        descriptor: descriptor, isActive: isInUse && id == ids.last)
      if !body(segment) { return }
    }
  }
}
