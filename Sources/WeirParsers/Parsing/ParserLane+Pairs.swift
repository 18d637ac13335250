import CWeirPlugin
import WeirBatch

// LTSV and logfmt: lines of key and value. Here a time that cannot be read fails the whole line.

extension ParserLane {
  /// `label:value` parts separated by tabs; a part without a colon fails the line, so that no text
  /// of it is lost.
  func parseLTSV(_ subject: ParseSubject, _ sink: inout FieldSink, _ now: Int64) -> Bool {
    let p = subject.base
    var end = subject.count
    while end > 0, p[end &- 1] == 0x0D || p[end &- 1] == 0x0A { end &-= 1 }
    var index = 0
    forgetKeys()
    while index < end {
      if p[index] == 0x09 {
        index &+= 1
        continue
      }
      let label = index
      while index < end, Self.isLabel(p[index]) { index &+= 1 }
      guard index < end, index > label, p[index] == UInt8(ascii: ":") else { return false }
      let labelCount = index &- label
      index &+= 1
      let value = index
      while index < end, p[index] != 0x09 { index &+= 1 }
      guard
        appendPair(subject, (label, labelCount), subject, (value, index &- value), &sink, now)
      else { return false }
    }
    return sink.count > 0 || sink.time != 0
  }

  @inline(__always)
  private static func isLabel(_ byte: UInt8) -> Bool {
    byte &- 0x30 <= 9 || (byte | 0x20) &- 0x61 <= 25 || byte == UInt8(ascii: "_")
      || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
  }

  /// `key=value`, `key="quoted value"` and bare keys, separated by blanks.
  func parseLogfmt(_ subject: ParseSubject, _ sink: inout FieldSink, _ now: Int64) -> Bool {
    let (p, end) = (subject.base, subject.count)
    var index = 0
    forgetKeys()
    while true {
      while index < end, !Self.isIdentifier(p[index]) { index &+= 1 }
      if index == end { break }
      let start = index
      while index < end, Self.isIdentifier(p[index]) { index &+= 1 }
      let name = (start, index &- start)
      guard index < end, p[index] == UInt8(ascii: "=") else {
        if parser.refusesBareKeys { return false }
        guard appendTrue(subject, name, &sink) else { return false }
        continue
      }
      index &+= 1
      if index < end, p[index] == UInt8(ascii: "\"") {
        guard appendQuoted(subject, name, &index, &sink, now) else { return false }
        continue
      }
      let value = index
      while index < end, Self.isIdentifier(p[index]) { index &+= 1 }
      let isAppended =
        index == value
        ? appendTrue(subject, name, &sink)
        : appendPair(subject, name, subject, (value, index &- value), &sink, now)
      if !isAppended { return false }
    }
    return sink.count > 0 || sink.time != 0
  }

  /// Anything above a blank but `=` and the quotation mark.
  @inline(__always)
  private static func isIdentifier(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte != UInt8(ascii: "=") && byte != UInt8(ascii: "\"")
  }

  /// A value between quotation marks, `index` on the first; a missing second one is forgiven.
  private func appendQuoted(
    _ subject: ParseSubject, _ name: (Int, Int), _ index: inout Int, _ sink: inout FieldSink,
    _ now: Int64
  ) -> Bool {
    let (p, end) = (subject.base, subject.count)
    index &+= 1
    let start = index
    var hasEscapes = false
    while index < end, p[index] != UInt8(ascii: "\"") {
      if p[index] == UInt8(ascii: "\\") {
        hasEscapes = true
        index &+= 1
        if index == end { break }
      }
      index &+= 1
    }
    let count = index &- start
    if index < end { index &+= 1 }
    guard hasEscapes else { return appendPair(subject, name, subject, (start, count), &sink, now) }
    guard let room = subject.batch.reserveScratch(count) else { return outOfRoom() ?? false }
    let length = TextEscapes.unescapeUTF8(p + start, count, room)
    let offset = subject.batch.commitScratch(length)
    let value = ParseSubject(
      batch: subject.batch, base: UnsafePointer(room), count: length,
      segment: UInt32(WEIR_SEGMENT_SCRATCH), offset: offset)
    return appendPair(subject, name, value, (0, length), &sink, now)
  }

  private func appendTrue(
    _ subject: ParseSubject, _ name: (Int, Int), _ sink: inout FieldSink
  ) -> Bool {
    guard let key = key(subject.batch, subject.base + name.0, name.1) else { return false }
    if sawKey(key) { sink.hasDuplicates = true }
    return sink.append(.bool(key, true)) ? true : outOfRoom() ?? false
  }

  /// A field of `name` in `subject` and `range` in `value`, or the time.
  private func appendPair(
    _ subject: ParseSubject, _ name: (Int, Int), _ value: ParseSubject, _ range: (Int, Int),
    _ sink: inout FieldSink, _ now: Int64
  ) -> Bool {
    guard let key = key(subject.batch, subject.base + name.0, name.1) else { return false }
    if key == parser.timeKey, parser.timeFormat != nil {
      switch readTime(value.base + range.0, range.1, &sink, now) {
      case .time: if !parser.keepsTime { return true }
      case .unreadable: return false
      case .outOfRange: break
      }
    }
    if sawKey(key) { sink.hasDuplicates = true }
    let field =
      range.1 == 0
      ? value.text(key, range.0, 0) : typed(parser.cast(of: key), key, value, range.0, range.1)
    return sink.append(field) ? true : outOfRoom() ?? false
  }
}
