import CZlib
import Glibc
import WeirStage

/// A gzip codec over zlib, in place of the plugin's.
final class TestGzip: CodecFactory {
  let name = "gzip"
  func open(options: [(key: String, value: String)]) throws(CodecError) -> any Codec {
    TestGzipCodec()
  }

  static let once: Void = { _ = CodecRegistry.shared.register(TestGzip()) }()
}

final class TestGzipCodec: Codec {
  private var stream = z_stream()
  private var isOpen = false

  deinit { if isOpen { inflateEnd(&stream) } }

  func bound(_ bytes: Int) -> Int { bytes + 1_024 }

  func begin(_ direction: CodecDirection) throws(CodecError) {
    if isOpen { inflateEnd(&stream) }
    stream = z_stream()
    inflateInit2_(&stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    isOpen = true
  }

  func write(
    _ input: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer
  ) -> CodecProgress {
    stream.next_in = UnsafeMutablePointer(
      mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.avail_in = UInt32(input.count)
    stream.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.avail_out = UInt32(room.count)
    let code = inflate(&stream, Z_NO_FLUSH)
    let consumed = input.count - Int(stream.avail_in)
    let produced = room.count - Int(stream.avail_out)
    let status: CodecStatus =
      switch code {
      case Z_STREAM_END: .memberEnd
      case Z_OK, Z_BUF_ERROR: stream.avail_out == 0 ? .noSpace : .done
      default: .failed("inflate \(code)")
      }
    return CodecProgress(status, consumed: consumed, produced: produced)
  }

  func finish(into room: UnsafeMutableRawBufferPointer) -> CodecProgress { CodecProgress(.done) }
}

/// Writes a gzip file with the given content.
func writeGzip(_ path: String, _ content: [UInt8]) {
  let file = gzopen(path, "wb")
  _ = content.withUnsafeBytes { gzwrite(file, $0.baseAddress, UInt32($0.count)) }
  gzclose(file)
}
