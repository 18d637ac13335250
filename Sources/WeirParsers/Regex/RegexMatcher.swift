import CPCRE2

/// One lane's scratch memory for matching: captures, a JIT stack, limits and counters.
///
/// Used by one thread at a time. A match overwrites the captures of the one before it.
public final class RegexMatcher {
  /// Work that ended without an answer, and detours; totals since the lane began.
  public struct Counters: Sendable, Equatable {
    /// Matches repeated without the JIT because its stack was too small.
    public var jitRetries: UInt64 = 0
    /// Matches given up at the match, depth or heap limit: counted as no match.
    public var limitHits: UInt64 = 0
    /// Subjects that were not valid UTF-8 and went to the byte-mode twin.
    public var invalidSubjects: UInt64 = 0
  }

  /// Stack for JIT code; the library's own 32 KiB fails at 2,000 bytes of some subjects.
  static let jitStackBytesMax = 1 << 20
  /// Backtracking steps before a match is given up.
  static let matchStepsMax: UInt32 = 2_000_000
  /// Nesting of backtracking points before a match is given up.
  static let depthMax: UInt32 = 20_000
  /// Heap for the interpreter, in KiB.
  static let heapKiBMax: UInt32 = 16_384
  /// Capture pairs held at first; it grows when an expression has more.
  static let pairsAtFirst: UInt32 = 32

  // Read with every record, never held while anything else runs: nothing to check at run time.
  @exclusivity(unchecked) public private(set) var counters = Counters()
  @exclusivity(unchecked) private var data: OpaquePointer
  @exclusivity(unchecked) private var offsets: UnsafeMutablePointer<Int>
  @exclusivity(unchecked) private var pairCount: UInt32
  private let context: OpaquePointer
  private let stack: OpaquePointer?

  public init() {
    guard let data = pcre2_match_data_create_8(Self.pairsAtFirst, nil),
      let context = pcre2_match_context_create_8(nil),
      let offsets = pcre2_get_ovector_pointer_8(data)
    else { fatalError("out of memory for a regular-expression matcher") }
    self.data = data
    self.offsets = offsets
    self.context = context
    pairCount = Self.pairsAtFirst
    stack = pcre2_jit_stack_create_8(32_768, Self.jitStackBytesMax, nil)
    pcre2_set_match_limit_8(context, Self.matchStepsMax)
    pcre2_set_depth_limit_8(context, Self.depthMax)
    pcre2_set_heap_limit_8(context, Self.heapKiBMax)
    pcre2_jit_stack_assign_8(context, nil, stack.map { UnsafeMutableRawPointer($0) })
  }

  deinit {
    pcre2_match_data_free_8(data)
    pcre2_match_context_free_8(context)
    pcre2_jit_stack_free_8(stack)
  }

  /// Looks for `regex` anywhere in `count` bytes at `subject`.
  ///
  /// - Returns: whether it was found; the captures are then readable until the next call.
  public func search(
    _ regex: Regex, _ subject: UnsafePointer<UInt8>, _ count: Int, _ text: SubjectText = .unknown
  ) -> Bool {
    search(regex.program, subject, count, text)
  }

  func search(
    _ program: RegexProgram, _ subject: UnsafePointer<UInt8>, _ count: Int,
    _ text: SubjectText = .unknown
  ) -> Bool {
    let literal = program.literal
    if !literal.isEmpty, memmem(subject, count, literal.baseAddress, literal.count) == nil {
      return false
    }
    return run(program, subject, count, text, 0)
  }

  /// Matches at the very start of the text; it may end anywhere, but an empty match doesn't count.
  public func matchAtStart(
    _ regex: Regex, _ subject: UnsafePointer<UInt8>, _ count: Int, _ text: SubjectText = .unknown
  ) -> Bool {
    run(regex.program, subject, count, text, UInt32(PCRE2_ANCHORED)) && offsets[1] > offsets[0]
  }

  /// Where a capture of the last successful match lies: index 0 is the whole match.
  ///
  /// - Returns: nil for a group that took no part. Offsets and counts are bytes.
  @inline(__always)
  public func range(_ group: Int) -> (offset: Int, count: Int)? {
    let start = offsets[2 * group]
    // PCRE2_UNSET is all ones: -1 as a signed number.
    guard start >= 0 else { return nil }
    return (start, offsets[2 * group + 1] &- start)
  }

  // MARK: Running

  private func run(
    _ program: RegexProgram, _ subject: UnsafePointer<UInt8>, _ count: Int, _ text: SubjectText,
    _ options: UInt32
  ) -> Bool {
    if program.captureCount >= pairCount { grow(to: program.captureCount + 1) }
    let isASCII = text == .ascii || (text == .unknown && Self.isASCII(subject, count))
    if isASCII, let bytes = program.bytes {
      return matched(execute(bytes, subject, count, options))
    }
    let checked = text == .unknown && !isASCII
    let flags = checked ? options : options | UInt32(PCRE2_NO_UTF_CHECK)
    let result = execute(program.utf, subject, count, flags)
    // Errors between -22 and -3 are the kinds of invalid UTF-8.
    guard checked, result <= PCRE2_ERROR_UTF8_ERR1, result >= PCRE2_ERROR_UTF8_ERR21 else {
      return matched(result)
    }
    counters.invalidSubjects &+= 1
    guard let bytes = program.bytes else { return false }
    return matched(execute(bytes, subject, count, options))
  }

  private func execute(
    _ program: OpaquePointer, _ subject: UnsafePointer<UInt8>, _ count: Int, _ options: UInt32
  ) -> Int32 {
    let result = pcre2_match_8(program, subject, count, 0, options, data, context)
    guard result == PCRE2_ERROR_JIT_STACKLIMIT else { return result }
    counters.jitRetries &+= 1
    return pcre2_match_8(
      program, subject, count, 0, options | UInt32(PCRE2_NO_JIT), data, context)
  }

  private func matched(_ result: Int32) -> Bool {
    if result > 0 { return true }
    if result != PCRE2_ERROR_NOMATCH { counters.limitHits &+= 1 }
    return false
  }

  private func grow(to pairs: UInt32) {
    guard let wider = pcre2_match_data_create_8(pairs, nil),
      let start = pcre2_get_ovector_pointer_8(wider)
    else { fatalError("out of memory for a regular-expression matcher") }
    pcre2_match_data_free_8(data)
    (data, offsets, pairCount) = (wider, start, pairs)
  }

  private static func isASCII(_ subject: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    let raw = UnsafeRawPointer(subject)
    var index = 0
    var bits: UInt64 = 0
    while index &+ 8 <= count {
      // SAFETY: eight bytes from `index` lie inside `count`.
      bits |= raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      index &+= 8
    }
    while index < count {
      bits |= UInt64(subject[index])
      index &+= 1
    }
    return bits & 0x8080_8080_8080_8080 == 0
  }
}
