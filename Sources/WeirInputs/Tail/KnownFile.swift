import CXXHash
import Glibc
import WeirDelivery

/// A file generation that this input has read, is reading, or knows from its checkpoints.
///
/// It outlives the open file: as long as the file exists under any name, it must be recognised.
final class KnownFile {
  var row: CheckpointRow
  /// Set once the generation is read in this process.
  var generation: Generation?
  /// How far it was read in this process, when it is closed.
  var end: UInt64?
  var isOpen = false
  /// It was read to its end after its name had moved on: nothing more will come of it.
  var isDrained = false
  /// Bytes that it was seen to have since it was closed; 0 while it is open, and after a start.
  var sizeSeen: UInt64 = 0

  init(_ row: CheckpointRow) { self.row = row }

  var key: FileKey { FileKey(device: row.device, inode: row.inode) }
  /// Where reading begins: behind what this process has read, else behind what is stored.
  var resumePosition: UInt64 { end ?? generation?.committed ?? row.position }
  /// Bytes that it has, or had, and that were not read, as far as that is known.
  var unread: Int { sizeSeen > resumePosition ? Int(sizeSeen - resumePosition) : 0 }
  /// True when every output has finished with all that was read.
  var isDone: Bool {
    guard let end else { return true }
    return (generation?.committed ?? 0) >= end
  }
  /// True when it was empty as long as anybody looked.
  var isBlank: Bool { row.fingerprintLength == 0 && resumePosition == 0 }
  /// True when nothing is lost if it is forgotten, should its file be gone: everything of it was
  /// read and is done, or it was gone before this process could find it.
  var isForgettable: Bool { generation == nil || (isDrained && isDone) }
}

/// The fingerprint of a file's first bytes: XXH3 over a prefix that grows with a short file.
enum Fingerprint {
  /// Bytes that it covers at most.
  static let lengthMax = 1_024
  /// Below it equal bytes prove nothing about files with different inodes.
  static let lengthOfProof = 16

  static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    XXH3_64bits(bytes.baseAddress, bytes.count)
  }

  /// The first bytes of a plain file, at most `lengthMax`.
  static func prefix(of descriptor: Int32, _ length: Int = lengthMax) -> [UInt8] {
    let count = min(length, lengthMax)
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
      used = max(0, pread(descriptor, buffer.baseAddress, count, 0))
    }
  }

  /// True when a file beginning with `prefix` may be the one that the row describes.
  static func matches(_ row: CheckpointRow, _ prefix: [UInt8]) -> Bool {
    // A file that was empty when it was stored: only its inode speaks for it.
    if row.fingerprintLength == 0 { return row.position == 0 }
    guard row.fingerprintLength <= prefix.count else { return false }
    return prefix.withUnsafeBytes {
      hash(UnsafeRawBufferPointer(rebasing: $0[..<row.fingerprintLength])) == row.fingerprint
    }
  }
}
