import CPCRE2

/// What the caller knows about the bytes of a subject, so that nothing is checked twice.
public enum SubjectText: Sendable {
  /// Every byte is below 80 (hex).
  case ascii
  /// Valid UTF-8.
  case utf8
  /// Anything; validity is found out here.
  case unknown
}

/// What a match needs of a `Regex`, and valid as long as that is.
///
/// It counts no references: lanes that match the same expression would change the same count with
/// every record.
struct RegexProgram {
  let utf: OpaquePointer
  /// Absent when the pattern cannot be written over bytes; such lines then never match.
  let bytes: OpaquePointer?
  /// Bytes that every match contains, to be looked for first; empty when that is not worth it.
  let literal: UnsafeBufferPointer<UInt8>
  let captureCount: UInt32
}

/// A Ruby regular expression compiled for matching on many lanes at once.
///
/// Immutable after `init`, so it is shared; all scratch memory is in the lane's `RegexMatcher`.
/// Two programs are held: one for UTF-8 text and a twin over bytes, which also serves ASCII
/// subjects because there both mean the same and the twin checks nothing.
public final class Regex: @unchecked Sendable {
  // SAFETY: unchecked because of the two pointers; PCRE2 programs are read-only once compiled and
  // are freed in deinit only.

  /// One named capture: where its text is found after a match.
  public struct Capture: Sendable, Equatable {
    public var name: String
    /// Index to pass to `RegexMatcher.range(_:)`.
    public var group: Int
  }

  /// The pattern as the user wrote it.
  public let source: String
  /// The named captures in the order of Ruby's name table: first appearance of each name.
  public let captures: [Capture]
  /// Highest capture index.
  public let captureCount: Int

  let program: RegexProgram

  /// Distinct capture names, in table order.
  public var captureNames: [String] {
    var names: [String] = []
    for capture in captures where !names.contains(capture.name) { names.append(capture.name) }
    return names
  }

  /// Shortest required literal worth a search of its own before the expression runs.
  static let literalBytesMin = 3

  /// Compiles `pattern`, bare or wrapped as `/.../imxo`.
  ///
  /// - Throws: `ParserError.regex` for what neither dialect knows or the translation refuses.
  public init(_ pattern: String) throws(ParserError) {
    let ruby = try RubyPattern(pattern)
    source = pattern
    captureCount = ruby.captureCount
    captures = ruby.names.flatMap { group in
      group.groups.map { Capture(name: group.name, group: $0) }
    }
    let utf = try Self.compile(ruby.utf, pattern, UInt32(PCRE2_UTF))
    let bytes = try? Self.compile(ruby.bytes, pattern, 0)
    let isSearched = !ruby.startsAtAnchor && ruby.literal.count >= Self.literalBytesMin
    let literal = UnsafeMutableBufferPointer<UInt8>.allocate(
      capacity: isSearched ? ruby.literal.count : 0)
    _ = literal.initialize(from: ruby.literal.prefix(literal.count))
    program = RegexProgram(
      utf: utf, bytes: bytes, literal: UnsafeBufferPointer(literal),
      captureCount: UInt32(ruby.captureCount))
  }

  deinit {
    pcre2_code_free_8(program.utf)
    if let bytes = program.bytes { pcre2_code_free_8(bytes) }
    program.literal.deallocate()
  }

  private static func compile(
    _ text: [UInt8], _ pattern: String, _ mode: UInt32
  ) throws(ParserError) -> OpaquePointer {
    let context = pcre2_compile_context_create_8(nil)
    defer { pcre2_compile_context_free_8(context) }
    // Lines end with LF only, whatever the library was built for.
    pcre2_set_newline_8(context, UInt32(PCRE2_NEWLINE_LF))
    pcre2_set_bsr_8(context, UInt32(PCRE2_BSR_UNICODE))
    var code: Int32 = 0
    var offset = 0
    let options = mode | UInt32(PCRE2_MULTILINE) | UInt32(PCRE2_DUPNAMES)
    let program = text.withUnsafeBufferPointer {
      pcre2_compile_8($0.baseAddress, $0.count, options, &code, &offset, context)
    }
    guard let program else {
      throw .regex(pattern: pattern, offset: 0, reason: message(code))
    }
    // Without a JIT the interpreter runs: slower, the same result.
    _ = pcre2_jit_compile_8(program, UInt32(PCRE2_JIT_COMPLETE))
    return program
  }

  private static func message(_ code: Int32) -> String {
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = pcre2_get_error_message_8(code, &buffer, buffer.count)
    return String(decoding: buffer.prefix(count > 0 ? Int(count) : 0), as: UTF8.self)
  }
}
