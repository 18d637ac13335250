import CWeirPlugin

/// The error struct of the ABI, from both ends.
enum ErrorStruct {
  /// An empty one for a call.
  static func make() -> weir_error {
    var error = weir_error()
    error.struct_size = UInt32(MemoryLayout<weir_error>.size)
    return error
  }

  /// Fills the caller's struct and returns the code.
  static func fill(
    _ error: UnsafeMutablePointer<weir_error>?, _ code: Int32, _ message: String
  ) -> Int32 {
    guard let error else { return code }
    error.pointee.code = code
    withUnsafeMutableBytes(of: &error.pointee.message) { room in
      let bytes = Array(message.utf8.prefix(room.count))
      room.copyBytes(from: bytes)
      error.pointee.message_length = UInt32(bytes.count)
    }
    return code
  }

  /// The sentence of a filled struct, with what the code means where there is none.
  static func message(_ error: weir_error, _ result: Int32) -> String {
    let text = withUnsafeBytes(of: error.message) {
      String(decoding: $0.prefix(Int(error.message_length)), as: UTF8.self)
    }
    return text.isEmpty ? meaning(result) : text.replacingLineEnds
  }

  /// The path into the options; empty when no option is to blame.
  static func path(_ error: weir_error) -> String {
    withUnsafeBytes(of: error.path) {
      String(decoding: $0.prefix(Int(error.path_length)), as: UTF8.self)
    }
  }

  /// What a code means, for plugins that give no message.
  static func meaning(_ code: Int32) -> String {
    switch code {
    case WEIR_E_CONFIG: "an option is not accepted"
    case WEIR_E_ARGUMENT: "an argument is not accepted"
    case WEIR_E_MEMORY: "there is no memory"
    case WEIR_E_IO: "reading or writing failed"
    case WEIR_E_DATA: "the data are damaged"
    case WEIR_E_LIMIT: "a bound was reached"
    case WEIR_E_UNSUPPORTED: "it cannot do that"
    case WEIR_E_STATE: "it was called out of order"
    case WEIR_E_INTERNAL: "it found a defect of its own"
    case WEIR_RETRY: "it asks to try again later"
    default: "it answered \(code)"
    }
  }
}
