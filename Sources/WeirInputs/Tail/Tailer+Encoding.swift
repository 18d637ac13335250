import Glibc
import WeirRing
import WeirStage
import WeirTelemetry

/// Files in another encoding than UTF-8: read aside, converted into the ring line by line.
extension Tailer {
  enum EncodedTurn { case more, end, full }

  /// Raw bytes that are converted at a time.
  static let encodedSliceBytes = 64 << 10

  /// One turn of such a file.
  func encodedLines(_ file: TailFile, _ encoding: TextEncoding) -> EncodedTurn {
    let kind = encoding.effective(file.mark())
    var want = max(Self.encodedSliceBytes, 2 * file.scanned)
    want = min(want, Self.jumboBytesMax / 4)
    let raw = UnsafeMutableRawPointer.allocate(byteCount: want, alignment: 16)
    defer { raw.deallocate() }
    var n = 0
    switch file.read(into: raw, want) {
    case .bytes(let count): n = count
    case .replaced:
      restart(file)
      return .end
    case .failed(let code):
      tell(file.path, "it cannot be read at byte \(file.offset): \(errorText(code))")
      return .end
    case .damaged(let why):
      tell(file.path, "it cannot be read at byte \(file.offset): \(why)")
      return .end
    }
    if n == 0 { return .end }
    file.grownAt = Clock.monotonic()
    let bytes = UnsafePointer(raw.assumingMemoryBound(to: UInt8.self))
    var lines = encoding.wholeLines(bytes, n, kind)
    var flags: ChunkFlags = []
    if lines == 0 {
      file.scanned = n
      if n < want || want < Self.jumboBytesMax / 4 { return n < want ? .end : .more }
      count(InputCounterNames.longLinesSplit)
      lines = n & ~1
      flags = .truncated
    }
    guard convert(file, encoding, bytes, lines, kind, flags) else { return .full }
    file.scanned = n - lines
    return n < want ? .end : .more
  }

  /// Converts bytes into the ring as one chunk; one per line where offsets are shown.
  func convert(
    _ file: TailFile, _ encoding: TextEncoding, _ bytes: UnsafePointer<UInt8>, _ length: Int,
    _ kind: TextEncoding.Kind?, _ flags: ChunkFlags
  ) -> Bool {
    // The byte order mark is no text.
    let mark = file.offset == 0 && isMark(bytes, length, kind) ? 2 : 0
    guard let room = reserve(file, TextEncoding.room(length)) else { return false }
    let (made, errors) = encoding.convert(bytes + mark, length - mark, kind, into: room)
    if errors > 0 { count(InputCounterNames.encodingErrors, errors) }
    file.keepMarker(bytes + length, length)
    commit(file, made, length, flags)
    file.advance(UInt64(length))
    return true
  }

  private func isMark(
    _ bytes: UnsafePointer<UInt8>, _ length: Int, _ kind: TextEncoding.Kind?
  ) -> Bool {
    guard length >= 2 else { return false }
    switch kind {
    case .utf16LittleEndian: return bytes[0] == 0xff && bytes[1] == 0xfe
    case .utf16BigEndian: return bytes[0] == 0xfe && bytes[1] == 0xff
    default: return false
    }
  }

  /// The same for an unfinished last line of `length` bytes.
  func takeUnfinished(_ file: TailFile, _ encoding: TextEncoding, _ length: Int) -> Bool {
    let raw = UnsafeMutableRawPointer.allocate(byteCount: length, alignment: 16)
    defer { raw.deallocate() }
    guard case .bytes(let n) = file.read(into: raw, length), n > 0 else { return true }
    let bytes = UnsafePointer(raw.assumingMemoryBound(to: UInt8.self))
    return convert(file, encoding, bytes, n, encoding.effective(file.mark()), .unfinished)
  }
}
