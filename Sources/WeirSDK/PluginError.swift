public import CWeirPlugin

/// Why a plugin could not do something: a code of the ABI, a sentence, and the option to blame.
public struct PluginError: Error, Sendable {
  /// `WEIR_E_...`, or `WEIR_RETRY` where that is allowed.
  public var code: Int32
  /// What is wrong and what to do, in one sentence.
  public var message: String
  /// Path into the options, such as `rules[2].key`; empty when no option is to blame.
  public var path: String

  /// Makes an error.
  public init(_ code: Int32, _ message: String, path: String = "") {
    self.code = code
    self.message = message
    self.path = path
  }

  /// An option's value is not accepted.
  public static func option(_ path: String, _ message: String) -> PluginError {
    PluginError(WEIR_E_CONFIG, message, path: path)
  }

  /// Fills the caller's error struct, as far as it is there, and returns the code.
  public func fill(_ error: UnsafeMutablePointer<weir_error>?) -> Int32 {
    guard let error else { return code }
    error.pointee.code = code
    withUnsafeMutableBytes(of: &error.pointee.message) { room in
      error.pointee.message_length = copyText(message, to: room)
    }
    withUnsafeMutableBytes(of: &error.pointee.path) { room in
      error.pointee.path_length = copyText(path, to: room)
    }
    return code
  }
}

/// Copies text into a fixed room, cut at its end but never inside a character.
/// - Returns: bytes that were copied.
func copyText(_ text: String, to room: UnsafeMutableRawBufferPointer) -> UInt32 {
  var text = text
  return text.withUTF8 { bytes in
    var count = min(bytes.count, room.count)
    if count < bytes.count { while count > 0 && bytes[count] & 0xc0 == 0x80 { count -= 1 } }
    room.copyMemory(
      from: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[..<count]))
    return UInt32(count)
  }
}

/// Runs `body` at the edge of the ABI: an error becomes its code and fills the caller's struct.
func guarded(
  _ error: UnsafeMutablePointer<weir_error>?, _ body: () throws(PluginError) -> Int32
) -> Int32 {
  do { return try body() } catch let failure { return failure.fill(error) }
}
