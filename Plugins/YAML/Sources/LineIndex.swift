import CYAML

/// Where lines begin: libyaml counts columns in characters, the host in bytes.
struct LineIndex {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var starts: [Int] = [0]
  /// The last place that was asked for: events come in order, so the walk goes on from there.
  private var last = (line: 0, characters: 0, offset: 0)

  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
    for index in bytes.indices where endsLine(index) { starts.append(index + 1) }
    starts[0] = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    last.offset = starts[0]
  }

  /// The line breaks of libyaml: LF, CR LF, CR, and the three of Unicode.
  private func endsLine(_ index: Int) -> Bool {
    func byte(_ distance: Int) -> UInt8? {
      bytes.indices.contains(index + distance) ? bytes[index + distance] : nil
    }
    switch bytes[index] {
    case 0x0A: return true
    case 0x0D: return byte(1) != 0x0A
    case 0x85: return byte(-1) == 0xC2
    case 0xA8, 0xA9: return byte(-1) == 0x80 && byte(-2) == 0xE2
    default: return false
    }
  }

  /// Line and byte column of a mark, both from 1. Linear over a whole file of marks in order.
  mutating func place(_ mark: yaml_mark_t) -> (line: Int, column: Int) {
    let line = Int(mark.line)
    guard line < starts.count else { return (line + 1, Int(mark.column) + 1) }
    if line != last.line || mark.column < last.characters { last = (line, 0, starts[line]) }
    while last.characters < mark.column && last.offset < bytes.count {
      last.offset += 1
      while last.offset < bytes.count && bytes[last.offset] & 0xC0 == 0x80 { last.offset += 1 }
      last.characters += 1
    }
    return (line + 1, last.offset - starts[line] + 1)
  }

  /// Line and byte column of an offset, both from 1.
  func place(byteOffset: Int) -> (line: Int, column: Int) {
    var low = 0
    var high = starts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= byteOffset { low = middle } else { high = middle }
    }
    return (low + 1, max(0, byteOffset - starts[low]) + 1)
  }
}
