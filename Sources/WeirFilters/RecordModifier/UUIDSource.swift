import Glibc

/// Random UUIDs (version 4) as text, from blocks of random bytes. One per lane.
final class UUIDSource {
  /// Length of the text, in bytes.
  static let textBytes = 36
  private static let blockBytes = 256

  private let random: @Sendable (UnsafeMutableRawBufferPointer) -> Void
  private let block: UnsafeMutableRawBufferPointer
  private var used = blockBytes

  init(_ random: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void) {
    self.random = random
    block = .allocate(byteCount: UUIDSource.blockBytes, alignment: 16)
  }

  deinit { block.deallocate() }

  /// Writes the 36 bytes of a new one.
  func write(_ target: UnsafeMutablePointer<UInt8>) {
    if used == UUIDSource.blockBytes {
      random(block)
      used = 0
    }
    var at = 0
    for index in 0..<16 {
      if index == 4 || index == 6 || index == 8 || index == 10 {
        target[at] = UInt8(ascii: "-")
        at &+= 1
      }
      var byte = block[used &+ index]
      if index == 6 { byte = byte & 0x0f | 0x40 }
      if index == 8 { byte = byte & 0x3f | 0x80 }
      target[at] = UUIDSource.digit(byte >> 4)
      target[at &+ 1] = UUIDSource.digit(byte & 15)
      at &+= 2
    }
    used &+= 16
  }

  private static func digit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? 0x30 &+ nibble : 0x57 &+ nibble
  }

  /// The kernel's random numbers.
  static let system: @Sendable (UnsafeMutableRawBufferPointer) -> Void = { bytes in
    guard let base = bytes.baseAddress else { return }
    var filled = 0
    while filled < bytes.count {
      // getentropy gives at most 256 bytes at once and fails only where there is no such call.
      let part = min(256, bytes.count - filled)
      guard getentropy(base + filled, part) == 0 else {
        preconditionFailure("the kernel gives no random numbers")
      }
      filled += part
    }
  }
}
