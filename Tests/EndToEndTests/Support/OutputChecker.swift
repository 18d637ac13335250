import CWeirSystem
import Glibc

/// Reads what the engine has written and says whether every numbered line of every writer is there
/// once, whole and in order.
///
/// It reads JSON lines (format plain, json_lines) and the default layout of the file output, by
/// looking for the member `log`. Files are given in the order in which the engine wrote them.
struct OutputChecker {
  /// What was seen of one writer.
  struct Stream {
    /// The number that was seen last, and the highest one seen.
    var last = 0
    var highest = 0
    var records = 0
    /// Records whose number had been seen before, and their bytes; and how often the numbers went
    /// back to where they had been.
    var repeated = 0
    var repeatedBytes = 0
    var stepsBack = 0
  }

  private(set) var streams: [String: Stream] = [:]
  /// Records that hold no numbered text, and the first of them.
  private(set) var otherCount = 0
  private(set) var others: [String] = []
  private(set) var problems: [String] = []
  private(set) var problemCount = 0
  /// Whether numbers may go back: after kill -9.
  let allowsRepeats: Bool

  private static let keptMax = 20
  private static let member = Array("\"log\":\"".utf8)

  init(allowsRepeats: Bool = false) { self.allowsRepeats = allowsRepeats }

  /// Takes one output file. A last line without end counts only when `isKilled` is false: a killed
  /// process may leave half a line.
  mutating func read(_ path: String, isKilled: Bool = false) {
    let descriptor = weir_open(path, O_RDONLY | O_CLOEXEC, 0)
    guard descriptor >= 0 else { return note("\(path) cannot be read") }
    defer { close(descriptor) }
    let count = Files.size(path) ?? 0
    guard count > 0 else { return }
    guard let map = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), map != MAP_FAILED
    else { return note("\(path) cannot be mapped") }
    defer { munmap(map, count) }
    take(
      UnsafeBufferPointer(start: map.assumingMemoryBound(to: UInt8.self), count: count),
      isKilled: isKilled)
  }

  /// Takes the bytes of an output.
  mutating func take(_ bytes: UnsafeBufferPointer<UInt8>, isKilled: Bool = false) {
    guard let base = bytes.baseAddress else { return }
    var start = 0
    while start < bytes.count {
      guard let feed = memchr(base + start, 10, bytes.count - start) else {
        if !isKilled { note("the last line has no end") }
        return
      }
      let end = UnsafeRawPointer(feed) - UnsafeRawPointer(base)
      takeLine(base + start, end - start)
      start = end + 1
    }
  }

  private mutating func takeLine(_ line: UnsafePointer<UInt8>, _ count: Int) {
    guard let start = textStart(line, count) else { return noteOther(line, count) }
    guard let quote = memchr(line + start, 34, count - start) else {
      return note("a record without an end: \(excerpt(line, count))")
    }
    let length = UnsafeRawPointer(quote) - UnsafeRawPointer(line + start)
    switch NumberedText.read(UnsafeBufferPointer(start: line + start, count: length)) {
    case .other: noteOther(line, count)
    case .broken(let key, let number): note("\(key): line \(number) is not whole")
    case .whole(let key, let number): takeNumber(key, number, length)
    }
  }

  /// Where the text of the member `log` begins; nil where there is no such member.
  private func textStart(_ line: UnsafePointer<UInt8>, _ count: Int) -> Int? {
    var start = 0
    while let quote = memchr(line + start, 34, count - start) {
      let at = UnsafeRawPointer(quote) - UnsafeRawPointer(line)
      let isMember = Self.member.withUnsafeBufferPointer { member in
        member.baseAddress.map { memcmp(line + at, $0, min(member.count, count - at)) == 0 }
      }
      if isMember == true, count - at > Self.member.count { return at + Self.member.count }
      start = at + 1
    }
    return nil
  }

  private mutating func takeNumber(_ key: String, _ number: Int, _ length: Int) {
    var stream = streams[key] ?? Stream()
    stream.records += 1
    if number > stream.last + 1 {
      note("\(key): lines \(stream.last + 1)...\(number - 1) are missing before \(number)")
    } else if number <= stream.last {
      stream.stepsBack += 1
      if !allowsRepeats { note("\(key): line \(number) came after line \(stream.last)") }
    }
    if number <= stream.highest {
      stream.repeated += 1
      stream.repeatedBytes += length
    }
    stream.last = number
    stream.highest = max(stream.highest, number)
    streams[key] = stream
  }

  /// The problems, after comparing with how many lines each writer has written; empty when all is
  /// well. At most 21 are told.
  func verdict(expecting counts: [String: Int]) -> [String] {
    var all = problems
    if problemCount > problems.count { all.append("and \(problemCount - problems.count) more") }
    for (key, count) in counts.sorted(by: { $0.key < $1.key }) {
      let seen = streams[key]?.highest ?? 0
      if seen != count { all.append("\(key): \(seen) of \(count) lines arrived") }
    }
    for key in streams.keys where counts[key] == nil { all.append("\(key): nobody wrote this") }
    return all
  }

  /// Whether all lines have arrived, in whatever state.
  func isComplete(_ counts: [String: Int]) -> Bool {
    counts.allSatisfy { (streams[$0.key]?.highest ?? 0) >= $0.value }
  }

  private mutating func note(_ problem: String) {
    problemCount += 1
    if problems.count < Self.keptMax { problems.append(problem) }
  }

  private mutating func noteOther(_ line: UnsafePointer<UInt8>, _ count: Int) {
    otherCount += 1
    if others.count < Self.keptMax { others.append(excerpt(line, count)) }
  }

  private func excerpt(_ line: UnsafePointer<UInt8>, _ count: Int) -> String {
    String(decoding: UnsafeBufferPointer(start: line, count: min(count, 240)), as: UTF8.self)
  }
}
