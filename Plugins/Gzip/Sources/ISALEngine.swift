import CGzipISAL
import CWeirPlugin
import WeirSDK

/// Makes members with ISA-L, at levels 1 to 3.
final class ISALDeflater: GzipEngine {
  private let state: OpaquePointer

  init(level: Int) throws(PluginError) {
    guard let state = weir_isal_deflate_open(UInt32(level)) else {
      throw PluginError(WEIR_E_MEMORY, "ISA-L cannot begin to deflate")
    }
    self.state = state
  }

  deinit { weir_isal_deflate_close(state) }

  func begin() throws(PluginError) { weir_isal_deflate_begin(state) }

  func step(
    _ input: UnsafeRawBufferPointer, _ consumed: inout UInt64,
    into room: UnsafeMutableRawBufferPointer, _ produced: inout UInt64, isLast: Bool
  ) throws(PluginError) -> Step {
    var taken: UInt32 = 0
    var made: UInt32 = 0
    let result = weir_isal_deflate_step(
      state, input.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(input.count), &taken,
      room.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(room.count), &made,
      isLast ? 1 : 0)
    consumed = UInt64(taken)
    produced = UInt64(made)
    if result == WEIR_ISAL_DAMAGED {
      throw PluginError(WEIR_E_INTERNAL, "ISA-L deflates no more")
    }
    return result == WEIR_ISAL_END ? .end : .more
  }
}

/// Reads members with ISA-L.
final class ISALInflater: GzipEngine {
  private let state: OpaquePointer

  init() throws(PluginError) {
    guard let state = weir_isal_inflate_open() else {
      throw PluginError(WEIR_E_MEMORY, "ISA-L cannot begin to inflate")
    }
    self.state = state
  }

  deinit { weir_isal_inflate_close(state) }

  func begin() throws(PluginError) { weir_isal_inflate_begin(state) }

  func step(
    _ input: UnsafeRawBufferPointer, _ consumed: inout UInt64,
    into room: UnsafeMutableRawBufferPointer, _ produced: inout UInt64, isLast: Bool
  ) throws(PluginError) -> Step {
    var taken: UInt32 = 0
    var made: UInt32 = 0
    let result = weir_isal_inflate_step(
      state, input.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(input.count), &taken,
      room.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(room.count), &made)
    consumed = UInt64(taken)
    produced = UInt64(made)
    if result == WEIR_ISAL_DAMAGED {
      throw PluginError(WEIR_E_DATA, "no gzip member, or a damaged one")
    }
    return result == WEIR_ISAL_END ? .end : .more
  }
}
