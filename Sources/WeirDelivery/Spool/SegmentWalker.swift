import Glibc

/// Walks over the records of one segment by their headers, and finds the way past damage.
///
/// A header with a wrong checksum says nothing about where the next record begins; then every
/// place is tried where the record mark and the segment's salt stand. Reads 64 KiB at a time.
/// Owned by one thread.
final class SegmentWalker {
  static let windowBytes = 65_536

  /// What comes next in the file.
  enum Step: Equatable {
    /// An intact header whose record ends within the file; its contents are not looked at.
    case record(RecordHeader, offset: Int)
    /// Bytes that are no record.
    case damage(Range<Int>)
    case end
  }

  private let files: any SpoolFiles
  private let descriptor: Int32
  private let size: Int
  private let window = UnsafeMutableRawBufferPointer.allocate(
    byteCount: SegmentWalker.windowBytes, alignment: 16)
  private var windowOffset = 0
  private var windowCount = 0
  private var indexMin: UInt32
  /// Something could not be read, which may be different the next time.
  private(set) var hasReadErrors = false
  /// Of the segment; nil until the first record tells it.
  private(set) var salt: UInt64?
  /// Where the next step begins.
  private(set) var offset: Int

  /// Walks from `offset` to `size`. A record whose place is below `indexMin` is none.
  init(
    _ files: any SpoolFiles, _ descriptor: Int32, size: Int, salt: UInt64?,
    offset: Int = SpoolFormat.segmentHeaderBytes, indexMin: UInt32 = 0
  ) {
    self.files = files
    self.descriptor = descriptor
    self.size = size
    self.salt = salt
    self.offset = offset
    self.indexMin = indexMin
  }

  deinit { window.deallocate() }

  /// The next record or damage.
  func next() -> Step {
    if offset >= size { return .end }
    if let header = header(at: offset) { return take(header) }
    let begin = offset
    offset = nextRecord(after: begin)
    return .damage(begin..<offset)
  }

  private func take(_ header: RecordHeader) -> Step {
    defer {
      offset += header.recordBytes
      indexMin = header.index + 1
      salt = header.salt
    }
    return .record(header, offset: offset)
  }

  private func header(at offset: Int) -> RecordHeader? {
    guard fill(offset, SpoolFormat.recordHeaderBytes) else { return nil }
    let bytes = UnsafeRawBufferPointer(rebasing: window[(offset - windowOffset)..<windowCount])
    guard let header = RecordHeader.read(bytes, salt: salt), header.index >= indexMin,
      header.recordBytes <= size - offset
    else { return nil }
    return header
  }

  /// Where the next intact header is, or the end.
  private func nextRecord(after begin: Int) -> Int {
    var place = begin + 1
    let mark = Int32(SpoolFormat.recordMagic & 0xff)
    while size - place >= SpoolFormat.recordHeaderBytes {
      guard fill(place, SpoolFormat.recordHeaderBytes) else {
        // A part of the disk that cannot be read: on to the next page.
        place = (place / 4_096 + 1) * 4_096
        continue
      }
      let left = windowOffset + windowCount - place
      guard let base = window.baseAddress?.advanced(by: place - windowOffset) else { return size }
      guard let found = memchr(base, mark, left - 3) else {
        place += left - 3
        continue
      }
      place += UnsafeRawPointer(found) - UnsafeRawPointer(base)
      if header(at: place) != nil { return place }
      place += 1
    }
    return size
  }

  /// Makes the window hold so many bytes from `offset`; false when they cannot be read.
  private func fill(_ offset: Int, _ count: Int) -> Bool {
    if offset >= windowOffset, offset + count <= windowOffset + windowCount { return true }
    if count > size - offset { return false }
    let wanted = min(window.count, size - offset)
    let read = files.readAll(
      descriptor, UnsafeMutableRawBufferPointer(rebasing: window[..<wanted]), at: offset)
    windowOffset = offset
    windowCount = max(0, read)
    if read < 0 { hasReadErrors = true }
    return windowCount >= count
  }
}
