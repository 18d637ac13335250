import CWeirPlugin
import WeirBatch

extension ParserLane {
  /// The named captures as fields; an expression without names never matches.
  func parseRegex(_ subject: ParseSubject, _ sink: inout FieldSink, _ now: Int64) -> Bool {
    guard let program, !parser.captures.isEmpty,
      matcher.search(program, subject.base, subject.count)
    else { return false }
    for capture in parser.captures {
      let (start, count) = matcher.range(capture.group) ?? (0, 0)
      if count == 0, parser.skipsEmptyValues { continue }
      if capture.isTime {
        switch readTime(subject.base + start, count, &sink, now) {
        case .time: if !parser.keepsTime { continue }
        // A time that cannot be read takes its field with it, as in the reference.
        case .unreadable: continue
        case .outOfRange: break
        }
      }
      let field = typed(capture.type, capture.key, subject, start, count)
      if capture.repeatsName, sink.count > 0, sink.base[sink.count - 1].key == capture.key {
        // Of groups with the same name the last one that holds something counts.
        if count > 0 { sink.base[sink.count - 1] = field }
      } else if !sink.append(field) {
        return outOfRoom() ?? false
      }
    }
    return true
  }
}
