import Glibc

/// Copies of damaged bytes, for whoever wants to know what happened; bounded, the oldest go.
struct Quarantine {
  /// Files at most.
  static let filesMax = 1_000
  /// Name of its directory within a spool's.
  static let name = "quarantine"

  private struct Held {
    var name: String
    var bytes: Int
  }

  let directory: String
  private let files: any SpoolFiles
  private let bytesMax: Int
  private var held: [Held]?
  private var heldBytes = 0

  init(_ files: any SpoolFiles, spool: String, bytesMax: Int) {
    self.files = files
    self.bytesMax = bytesMax
    directory = "\(spool)/\(Self.name)"
  }

  /// Files and bytes in a quarantine.
  static func inventory(_ files: any SpoolFiles, spool: String) -> (files: Int, bytes: Int) {
    let directory = "\(spool)/\(name)"
    var bytes = 0
    let names = files.list(directory) ?? []
    for name in names { bytes += size(files, "\(directory)/\(name)") }
    return (names.count, bytes)
  }

  private static func size(_ files: any SpoolFiles, _ path: String) -> Int {
    let descriptor = files.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    if descriptor < 0 { return 0 }
    defer { files.close(descriptor) }
    return max(0, files.size(descriptor))
  }

  /// Copies a stretch of a segment.
  /// - Returns: bytes that were kept; fewer when there is no room or the disk does not do it.
  mutating func keep(_ descriptor: Int32, _ range: Range<Int>, segment: UInt64) -> Int {
    guard files.makeDirectory(directory) == 0 else { return 0 }
    load()
    let name = "\(SegmentName.digits(segment))-\(range.lowerBound).bad"
    if let old = held?.first(where: { $0.name == name }) { return min(old.bytes, range.count) }
    let wanted = min(range.count, bytesMax)
    makeRoom(wanted)
    let copy = files.open("\(directory)/\(name)", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
    if copy < 0 { return 0 }
    defer { files.close(copy) }
    var kept = 0
    var offset = range.lowerBound
    while kept < wanted {
      let length = min(wanted - kept, SegmentWalker.windowBytes)
      if let bytes = files.bytes(descriptor, count: length, at: offset) {
        guard bytes.withUnsafeBytes({ files.writeAll(copy, $0, at: kept) }) == 0 else { break }
        kept += length
      }
      offset += length
      if offset >= range.upperBound { break }
    }
    _ = files.syncData(copy)
    held?.append(Held(name: name, bytes: kept))
    heldBytes += kept
    return kept
  }

  private mutating func load() {
    if held != nil { return }
    let names = (files.list(directory) ?? []).filter { $0.hasSuffix(".bad") }.sorted()
    let found = names.map { Held(name: $0, bytes: Self.size(files, "\(directory)/\($0)")) }
    heldBytes = found.reduce(0) { $0 + $1.bytes }
    held = found
  }

  private mutating func makeRoom(_ bytes: Int) {
    var list = held ?? []
    while !list.isEmpty, heldBytes + bytes > bytesMax || list.count >= Self.filesMax {
      let oldest = list.removeFirst()
      _ = files.remove("\(directory)/\(oldest.name)")
      heldBytes -= oldest.bytes
    }
    held = list
  }
}
