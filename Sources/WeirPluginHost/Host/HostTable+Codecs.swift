import CWeirPlugin
import WeirStage

/// How plugins come by codecs: the same way as the host's own stages.
public typealias CodecSource = @Sendable (_ name: String) throws(CodecError) -> any CodecFactory

/// A codec that a plugin has open.
final class CodecStream {
  let codec: any Codec
  init(_ codec: any Codec) { self.codec = codec }
}

extension HostTable {
  static func addCodecs(_ host: inout weir_host) {
    host.codec_open = { context, data, length, place, error in
      guard let context = HostContext.of(context), let place,
        let name = HostTable.text(data, length, bytesMax: 64)
      else { return WEIR_E_ARGUMENT }
      do throws(CodecError) {
        let codec = try context.codecs(name).open(options: [])
        // SAFETY: released by codec_close, once.
        place.pointee = OpaquePointer(Unmanaged.passRetained(CodecStream(codec)).toOpaque())
        return WEIR_OK
      } catch let problem {
        return ErrorStruct.fill(error, WEIR_E_UNSUPPORTED, problem.description)
      }
    }
    host.codec_bound = { pointer, bytes in
      UInt64(HostTable.stream(pointer)?.codec.bound(Int(clamping: bytes)) ?? 0)
    }
    host.codec_begin = { pointer, direction, error in
      guard let stream = HostTable.stream(pointer) else { return WEIR_E_ARGUMENT }
      do throws(CodecError) {
        try stream.codec.begin(direction == UInt32(WEIR_DEFLATE) ? .deflate : .inflate)
        return WEIR_OK
      } catch let problem {
        return ErrorStruct.fill(error, WEIR_E_UNSUPPORTED, problem.description)
      }
    }
    host.codec_write = { pointer, input, length, consumed, out, capacity, produced, error in
      guard let stream = HostTable.stream(pointer) else { return WEIR_E_ARGUMENT }
      let step = stream.codec.write(
        UnsafeRawBufferPointer(start: input, count: Int(length)),
        into: UnsafeMutableRawBufferPointer(start: out, count: Int(capacity)))
      consumed?.pointee = UInt64(step.consumed)
      produced?.pointee = UInt64(step.produced)
      return HostTable.result(step, error)
    }
    host.codec_finish = { pointer, out, capacity, produced, error in
      guard let stream = HostTable.stream(pointer) else { return WEIR_E_ARGUMENT }
      let step = stream.codec.finish(
        into: UnsafeMutableRawBufferPointer(start: out, count: Int(capacity)))
      produced?.pointee = UInt64(step.produced)
      return HostTable.result(step, error)
    }
    host.codec_close = { pointer in
      guard let pointer else { return }
      // SAFETY: retained by codec_open; a plugin closes a codec once.
      Unmanaged<CodecStream>.fromOpaque(UnsafeRawPointer(pointer)).release()
    }
  }

  private static func stream(_ pointer: OpaquePointer?) -> CodecStream? {
    guard let pointer else { return nil }
    // SAFETY: made by codec_open and not closed yet, by contract.
    return Unmanaged<CodecStream>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
  }

  private static func result(
    _ step: CodecProgress, _ error: UnsafeMutablePointer<weir_error>?
  ) -> Int32 {
    switch step.status {
    case .done: WEIR_OK
    case .noSpace: WEIR_NO_SPACE
    case .memberEnd: WEIR_END
    case .failed(let why): ErrorStruct.fill(error, WEIR_E_DATA, why)
    }
  }
}
