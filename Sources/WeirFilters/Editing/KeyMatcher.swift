import CWeirPlugin
import Glibc
import WeirBatch
import WeirParsers

/// What a rule says about the names of top-level keys.
enum KeyPattern: Sendable {
  case exact([UInt8])
  case prefix([UInt8])
  /// Upper and lower case of ASCII letters are the same; given in lower case.
  case exactFolded([UInt8])
  case prefixFolded([UInt8])
  case regex(Regex)
}

/// Whether keys match one of several patterns, answered once per key and remembered. One per lane.
final class KeyMatcher {
  private enum Answer {
    static let unknown: UInt8 = 0
    static let no: UInt8 = 1
    static let yes: UInt8 = 2
  }

  private let patterns: [KeyPattern]
  private let matcher: RegexMatcher
  /// Entries of the process-wide key table never change, so that answers hold for ever.
  private let answers: UnsafeMutablePointer<UInt8>
  private static let capacity = KeyTable.learntMax + KeyTable.configuredMax

  init(_ patterns: [KeyPattern], _ matcher: RegexMatcher) {
    self.patterns = patterns
    self.matcher = matcher
    answers = .allocate(capacity: KeyMatcher.capacity)
    answers.initialize(repeating: Answer.unknown, count: KeyMatcher.capacity)
  }

  deinit { answers.deallocate() }

  /// Whether one of the patterns takes the key.
  @inline(__always)
  func matches(_ key: KeyID, _ batch: Batch) -> Bool {
    if key < UInt32(KeyMatcher.capacity) {
      let answer = answers[Int(key)]
      if answer != Answer.unknown { return answer == Answer.yes }
    }
    return decide(key, batch)
  }

  private func decide(_ key: KeyID, _ batch: Batch) -> Bool {
    if key == UInt32(WEIR_NO_KEY) { return false }
    let name = batch.name(of: key)
    guard let base = name.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return false }
    let taken = patterns.contains { takes($0, base, name.count) }
    if key < UInt32(KeyMatcher.capacity) { answers[Int(key)] = taken ? Answer.yes : Answer.no }
    return taken
  }

  private func takes(_ pattern: KeyPattern, _ p: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    switch pattern {
    case .exact(let bytes): count == bytes.count && memcmp(p, bytes, count) == 0
    case .prefix(let bytes): count >= bytes.count && memcmp(p, bytes, bytes.count) == 0
    case .exactFolded(let bytes): count == bytes.count && equalsFolded(p, bytes)
    case .prefixFolded(let bytes): count >= bytes.count && equalsFolded(p, bytes)
    case .regex(let regex): matcher.search(regex, p, count)
    }
  }

  private func equalsFolded(_ p: UnsafePointer<UInt8>, _ bytes: [UInt8]) -> Bool {
    for index in 0..<bytes.count where lowercased(p[index]) != bytes[index] { return false }
    return true
  }
}

/// The lower case of an ASCII letter; every other byte is itself.
func lowercased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte }
