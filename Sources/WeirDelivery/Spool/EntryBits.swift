/// A set of places in a segment, one bit each; at most `SpoolFormat.entriesMax`.
struct EntryBits {
  private var words: [UInt64] = []
  /// Members.
  private(set) var count = 0

  /// Whether a place is in the set.
  func contains(_ index: UInt32) -> Bool {
    let word = Int(index >> 6)
    return word < words.count && words[word] & (1 << UInt64(index & 63)) != 0
  }

  /// Adds a place; false when it was there, or can be none.
  @discardableResult
  mutating func insert(_ index: UInt32) -> Bool {
    guard index < SpoolFormat.entriesMax, !contains(index) else { return false }
    let word = Int(index >> 6)
    if word >= words.count {
      words.append(contentsOf: repeatElement(0, count: word + 1 - words.count))
    }
    words[word] |= 1 << UInt64(index & 63)
    count += 1
    return true
  }

  /// Whether there is a member at or above a place.
  func hasMember(from index: UInt32) -> Bool {
    let word = Int(index >> 6)
    guard word < words.count else { return false }
    if words[word] >> UInt64(index & 63) != 0 { return true }
    return words[(word + 1)...].contains { $0 != 0 }
  }
}
