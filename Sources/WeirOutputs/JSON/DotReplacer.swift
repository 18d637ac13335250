import Glibc

/// Turns the dots of keys into underscores in rendered JSON, and keeps of the members that become
/// equal by it the last, as for any key that comes twice.
///
/// One pass over the text. Where a map had a dotted key its members are compared when it ends, by a
/// hash that nobody outside can foresee, so that no record makes it slow; what stays moves to the
/// left in place. Owned by one lane; its memory grows to the largest map and is kept.
final class DotReplacer {
  /// Where a member stands, in bytes from the beginning of the item.
  private struct Member {
    var start: Int
    var end: Int
    /// The key without its quotes; a length below 0 marks a member that a later one hides.
    var key: Int
    var length: Int
  }

  /// A map or an array that is open.
  private struct Frame {
    var first: Int
    var isChanged = false
  }

  private var members: [Member] = []
  private var frames: [Frame] = []
  /// Places of members by the hash of their keys, 0 for none.
  private var table: [Int] = []

  /// Works on members, each with a comma behind it, from `begin` to `end`; keys before `replaced`
  /// stay as they are, but a later member hides them.
  /// - Returns: the new end.
  func run(
    _ begin: UnsafeMutablePointer<UInt8>, from replaced: UnsafeMutablePointer<UInt8>,
    to end: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    members.removeAll(keepingCapacity: true)
    frames.removeAll(keepingCapacity: true)
    frames.append(Frame(first: 0))
    var at = begin
    var out = begin
    while at < end {
      switch at[0] {
      case UInt8(ascii: "\""):
        let close = DotReplacer.stringEnd(at, end)
        let count = close - at
        if out != at { memmove(out, at, count) }
        if close < end, close[0] == UInt8(ascii: ":") {
          takeKey(begin, out, count, isReplaced: at >= replaced)
        }
        out += count
        at = close
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): frames.append(Frame(first: members.count))
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        endMember(out - begin)
        out = endFrame(begin, out)
      case UInt8(ascii: ","): endMember(out - begin + 1)
      default: break
      }
      out[0] = at[0]
      out += 1
      at += 1
    }
    return endFrame(begin, out)
  }

  /// Behind the closing quote of the string that begins at `start`.
  private static func stringEnd(
    _ start: UnsafeMutablePointer<UInt8>, _ end: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    var at = start + 1
    while at < end, at[0] != UInt8(ascii: "\"") { at += at[0] == UInt8(ascii: "\\") ? 2 : 1 }
    return at < end ? at + 1 : end
  }

  private func takeKey(
    _ begin: UnsafeMutablePointer<UInt8>, _ quote: UnsafeMutablePointer<UInt8>, _ count: Int,
    isReplaced: Bool
  ) {
    var hasDot = false
    if isReplaced {
      for i in 1..<count - 1 where quote[i] == UInt8(ascii: ".") {
        quote[i] = UInt8(ascii: "_")
        hasDot = true
      }
    }
    if hasDot, !frames.isEmpty { frames[frames.count - 1].isChanged = true }
    members.append(
      Member(start: quote - begin, end: 0, key: quote - begin + 1, length: count - 2))
  }

  /// Ends the last member of the map that is open.
  private func endMember(_ end: Int) {
    guard let frame = frames.last, members.count > frame.first else { return }
    members[members.count - 1].end = end
  }

  /// Ends a map or an array; returns the end of what is left of it.
  private func endFrame(
    _ begin: UnsafeMutablePointer<UInt8>, _ out: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    guard let frame = frames.popLast() else { return out }
    defer { members.removeLast(members.count - frame.first) }
    guard frame.isChanged, hideRepeated(begin, frame.first) else { return out }
    var end = members[frame.first].start
    for member in members[frame.first...] where member.length >= 0 {
      // The last of equal members stays, so that no comma is left over at the end.
      memmove(begin + end, begin + member.start, member.end - member.start)
      end += member.end - member.start
    }
    return begin + end
  }

  /// Marks the members from `first` on whose key comes again later; false when there are none.
  private func hideRepeated(_ begin: UnsafeMutablePointer<UInt8>, _ first: Int) -> Bool {
    let count = members.count - first
    guard count > 1 else { return false }
    var slots = 16
    while slots < count * 2 { slots *= 2 }
    if table.count < slots { table = [Int](repeating: 0, count: slots) }
    for slot in 0..<slots { table[slot] = 0 }
    var isAny = false
    for place in stride(from: members.count - 1, through: first, by: -1) {
      let member = members[place]
      let key = UnsafeRawBufferPointer(start: begin + member.key, count: member.length)
      var hasher = Hasher()
      hasher.combine(bytes: key)
      var slot = hasher.finalize() & (slots - 1)
      while table[slot] != 0, !isEqual(members[table[slot] - 1], key, begin) {
        slot = (slot + 1) & (slots - 1)
      }
      if table[slot] == 0 {
        table[slot] = place + 1
      } else {
        members[place].length = -1
        isAny = true
      }
    }
    return isAny
  }

  private func isEqual(
    _ member: Member, _ key: UnsafeRawBufferPointer, _ begin: UnsafeMutablePointer<UInt8>
  ) -> Bool {
    guard member.length == key.count, let bytes = key.baseAddress else {
      return member.length == key.count
    }
    return memcmp(begin + member.key, bytes, key.count) == 0
  }
}
