import CWeirKernels
import Glibc

/// One line of a chunk; offsets are bytes from the chunk's start.
struct Line {
  /// First byte that counts: NUL bytes in front are left out.
  var start: Int
  /// Bytes of text, without the line feed and one carriage return before it.
  var count: Int
  /// Where the line begins and what follows it.
  var begin: Int
  var end: Int
  /// The text is followed by its line feed, with nothing between.
  var hasPlainEnd: Bool

  /// Empty, or only a carriage return.
  func isEmpty(_ base: UnsafePointer<UInt8>) -> Bool {
    count == 0 || (count == 1 && base[start] == 0x0D)
  }
}

/// Splits a chunk into lines: line feeds are found in blocks, then walked.
struct LineWalker {
  /// Line feeds found at once.
  static let blockMax = 2_048

  private let base: UnsafePointer<UInt8>
  private let length: Int
  private let positions: UnsafeMutablePointer<UInt32>
  private var found = 0
  private var index = 0
  private var searched: Int
  private var position: Int

  /// - Parameter positions: room for `blockMax` numbers.
  init(
    _ base: UnsafePointer<UInt8>, _ length: Int, from offset: Int,
    positions: UnsafeMutablePointer<UInt32>
  ) {
    self.base = base
    self.length = length
    self.positions = positions
    searched = offset
    position = offset
  }

  /// The next line, nil at the end. Bytes behind the last line feed are a line too.
  mutating func next() -> Line? {
    if index == found { refill() }
    guard index < found else {
      guard position < length else { return nil }
      return line(to: length, hasFeed: false)
    }
    let feed = Int(positions[index])
    index &+= 1
    return line(to: feed, hasFeed: true)
  }

  private mutating func refill() {
    index = 0
    found = 0
    guard searched < length else { return }
    var consumed = 0
    found = weir_newlines(
      base + searched, length &- searched, UInt32(truncatingIfNeeded: searched), positions,
      Self.blockMax, &consumed)
    searched &+= consumed
  }

  @inline(__always)
  private mutating func line(to stop: Int, hasFeed: Bool) -> Line {
    let begin = position
    var start = begin
    while start < stop, base[start] == 0 { start &+= 1 }
    var count = stop &- start
    let hasReturn = count >= 2 && base[stop &- 1] == 0x0D
    if hasReturn { count &-= 1 }
    position = hasFeed ? stop &+ 1 : stop
    return Line(
      start: start, count: count, begin: begin, end: position,
      hasPlainEnd: hasFeed && !hasReturn)
  }
}
