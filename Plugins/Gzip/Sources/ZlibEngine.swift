import CWeirPlugin
import CZlib
import WeirSDK

/// `windowBits` of zlib for a window of 32 KiB with a gzip header and trailer.
private let gzipWindowBits: Int32 = 15 + 16

/// Makes members with zlib, at any level.
final class ZlibDeflater: GzipEngine {
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

  init(level: Int) throws(PluginError) {
    stream.initialize(to: z_stream())
    let result = deflateInit2_(
      stream, Int32(level), Z_DEFLATED, gzipWindowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    guard result == Z_OK else {
      stream.deallocate()
      throw PluginError(WEIR_E_MEMORY, "zlib cannot begin to deflate (status \(result))")
    }
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  func begin() throws(PluginError) { deflateReset(stream) }

  func step(
    _ input: UnsafeRawBufferPointer, _ consumed: inout UInt64,
    into room: UnsafeMutableRawBufferPointer, _ produced: inout UInt64, isLast: Bool
  ) throws(PluginError) -> Step {
    let result = pump(stream, input, &consumed, room, &produced) {
      deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
    }
    switch result {
    case Z_STREAM_END: return .end
    // Z_BUF_ERROR only says that nothing could be done with this input and room.
    case Z_OK, Z_BUF_ERROR: return .more
    default: throw PluginError(WEIR_E_INTERNAL, "zlib deflates no more (status \(result))")
    }
  }
}

/// Reads members with zlib.
final class ZlibInflater: GzipEngine {
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

  init() throws(PluginError) {
    stream.initialize(to: z_stream())
    let result = inflateInit2_(
      stream, gzipWindowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard result == Z_OK else {
      stream.deallocate()
      throw PluginError(WEIR_E_MEMORY, "zlib cannot begin to inflate (status \(result))")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  func begin() throws(PluginError) { inflateReset(stream) }

  func step(
    _ input: UnsafeRawBufferPointer, _ consumed: inout UInt64,
    into room: UnsafeMutableRawBufferPointer, _ produced: inout UInt64, isLast: Bool
  ) throws(PluginError) -> Step {
    let result = pump(stream, input, &consumed, room, &produced) { inflate(stream, Z_NO_FLUSH) }
    switch result {
    case Z_STREAM_END: return .end
    case Z_OK, Z_BUF_ERROR: return .more
    default:
      let why = stream.pointee.msg.map { String(cString: $0) } ?? "status \(result)"
      throw PluginError(WEIR_E_DATA, "no gzip member, or a damaged one: \(why)")
    }
  }
}

/// Points a stream at input and room, runs `work`, and counts what it took and made.
private func pump(
  _ stream: UnsafeMutablePointer<z_stream>, _ input: UnsafeRawBufferPointer,
  _ consumed: inout UInt64, _ room: UnsafeMutableRawBufferPointer, _ produced: inout UInt64,
  _ work: () -> Int32
) -> Int32 {
  // zlib refuses a null pointer even where it may read or write nothing.
  var empty: UInt8 = 0
  return withUnsafeMutableBytes(of: &empty) { spare in
    let from = input.baseAddress ?? UnsafeRawPointer(spare.baseAddress)
    // SAFETY: zlib reads its input only; the pointer type of its struct is not const.
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: from?.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = UInt32(input.count)
    stream.pointee.next_out = (room.baseAddress ?? spare.baseAddress)?
      .assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(room.count)
    let result = work()
    consumed = UInt64(input.count) - UInt64(stream.pointee.avail_in)
    produced = UInt64(room.count) - UInt64(stream.pointee.avail_out)
    return result
  }
}
