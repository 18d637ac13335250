import Glibc
import WeirStage

/// The uncompressed content of a `.gz` file, read forward through a window.
///
/// Positions are those of the uncompressed bytes. What lies before the last position asked for may
/// be forgotten; going back further begins the file anew. The codec is a plugin's.
final class GzipSource {
  /// Bytes inflated at a time.
  static let stepBytes = 64 << 10

  private let descriptor: Int32
  private var inflater: MemberInflater
  private var compressedOffset = 0
  private var input: [UInt8] = []
  private var inputBegin = 0
  private var window: [UInt8] = []
  private var windowStart: UInt64 = 0
  private var isAtEnd = false
  /// Why the content cannot be read on; told once by the reader.
  private(set) var failure: String?

  /// - Throws: when no gzip codec is loaded; the text says what to do.
  init(descriptor: Int32) throws(CodecError) {
    self.descriptor = descriptor
    inflater = try Self.makeInflater()
  }

  private static func makeInflater() throws(CodecError) -> MemberInflater {
    MemberInflater(try CodecRegistry.shared.factory("gzip").open(options: []))
  }

  /// Copies up to `count` bytes from `position` on; fewer only at the end of what there is.
  /// - Returns: -1 when the data are damaged there (`failure` says how).
  func read(at position: UInt64, into room: UnsafeMutableRawPointer, count: Int) -> Int {
    if position < windowStart, !restart() { return -1 }
    forget(before: position)
    while windowStart + UInt64(window.count) < position + UInt64(count), inflateStep() {
      forget(before: position)
    }
    let available = Int(clamping: Int64(windowStart) + Int64(window.count) - Int64(position))
    let n = min(count, available)
    guard n > 0 else { return failure == nil ? 0 : -1 }
    window.withUnsafeBytes {
      _ = memcpy(room, $0.baseAddress.unsafelyUnwrapped + Int(position - windowStart), n)
    }
    return n
  }

  /// The first bytes of the content.
  func prefix(_ length: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: length) { buffer, used in
      guard let base = buffer.baseAddress else { return }
      used = max(0, read(at: 0, into: base, count: length))
    }
  }

  private func restart() -> Bool {
    do { inflater = try Self.makeInflater() } catch {
      failure = error.description
      return false
    }
    compressedOffset = 0
    input.removeAll(keepingCapacity: true)
    inputBegin = 0
    window.removeAll(keepingCapacity: true)
    windowStart = 0
    isAtEnd = false
    failure = nil
    return true
  }

  private func forget(before position: UInt64) {
    guard position > windowStart else { return }
    let count = Int(min(position - windowStart, UInt64(window.count)))
    // Moving the rest costs little when it is done for half a window and more.
    guard count >= window.count / 2 else { return }
    window.removeFirst(count)
    windowStart += UInt64(count)
  }

  /// Inflates a step more; false at the end, or when nothing more can be had now.
  private func inflateStep() -> Bool {
    if isAtEnd || failure != nil { return false }
    if inputBegin == input.count, !refill() { return false }
    let had = window.count
    window.reserveCapacity(had + Self.stepBytes)
    var consumed = 0
    var produced = 0
    var status = MemberInflater.Status.needsInput
    let piece = [UInt8](unsafeUninitializedCapacity: Self.stepBytes) { room, used in
      input.withUnsafeBytes { bytes in
        status = inflater.read(
          UnsafeRawBufferPointer(rebasing: bytes[inputBegin...]),
          into: UnsafeMutableRawBufferPointer(room), consumed: &consumed, produced: &produced)
      }
      used = produced
    }
    window += piece
    inputBegin += consumed
    switch status {
    case .needsInput, .noSpace: return consumed > 0 || produced > 0 || refill()
    case .end, .limit: isAtEnd = true
    case .failed(let why): failure = why
    }
    return produced > 0
  }

  /// Reads more of the compressed file; false when there is no more now.
  private func refill() -> Bool {
    let rest = input[inputBegin...]
    var next = Array(rest)
    let chunk = [UInt8](unsafeUninitializedCapacity: Self.stepBytes) { buffer, used in
      used = max(0, pread(descriptor, buffer.baseAddress, buffer.count, off_t(compressedOffset)))
    }
    guard !chunk.isEmpty else { return false }
    compressedOffset += chunk.count
    next += chunk
    input = next
    inputBegin = 0
    return true
  }

  /// The last four bytes of a single-member file: its content's length modulo 2^32.
  static func statedLength(_ descriptor: Int32, fileSize: UInt64) -> UInt32? {
    guard fileSize >= 18 else { return nil }
    var value: UInt32 = 0
    guard pread(descriptor, &value, 4, off_t(fileSize - 4)) == 4 else { return nil }
    return UInt32(littleEndian: value)
  }
}
