import CWeirKernels
import CWeirPlugin
import WeirBatch

// A JSON line stays where it is: strings and nested values become slices of the line where they
// are in the writer's own form already, and are rendered anew into scratch where they are not.

extension ParserLane {
  /// One object; trailing text that is no further JSON value is ignored. `types` don't apply.
  func parseJSON(_ subject: ParseSubject, _ sink: inout FieldSink, _ now: Int64) -> Bool {
    var result = weir_json_result()
    let error = weir_json_object(
      subject.base, subject.count, 0, members, UInt32(Self.fieldsMax), &result)
    guard error == Int32(WEIR_JSON_OK) else {
      if error == Int32(WEIR_JSON_ERROR_MEMBERS) { _ = outOfRoom() as Bool? }
      return false
    }
    forgetKeys()
    return appendMembers(
      Int(result.count), subject, &sink, readsTime: parser.timeFormat != nil, now)
  }

  /// Appends the first `count` entries of `members`, which are of `subject`.
  func appendMembers(
    _ count: Int, _ subject: ParseSubject, _ sink: inout FieldSink, readsTime: Bool, _ now: Int64
  ) -> Bool {
    var hasTime = false
    for index in 0..<count {
      let member = members[index]
      guard let key = memberKey(member, subject) else { return false }
      if readsTime, !hasTime, key == parser.timeKey, member.type == UInt8(WEIR_JSON_STRING),
        readMemberTime(member, subject, &sink, now)
      {
        hasTime = true
        if !parser.keepsTime { continue }
      }
      if sawKey(key) { sink.hasDuplicates = true }
      guard let field = field(key, member, subject), sink.append(field) else { return false }
    }
    return true
  }

  private func readMemberTime(
    _ member: weir_json_member, _ subject: ParseSubject, _ sink: inout FieldSink, _ now: Int64
  ) -> Bool {
    let base = subject.base + Int(member.val_off)
    if member.flags & UInt8(WEIR_JSON_PLAIN) != 0 {
      return isRead(readTime(base, Int(member.val_len), &sink, now))
    }
    // Not committed: the unescaped form is needed for a moment only.
    guard let room = subject.batch.reserveScratch(Int(member.val_len) + 16) else {
      return outOfRoom() ?? false
    }
    let length = weir_json_unescape(room, base, Int(member.val_len))
    return isRead(readTime(room, length, &sink, now))
  }

  private func isRead(_ reading: TimeReading) -> Bool {
    if case .time = reading { true } else { false }
  }

  private func memberKey(_ member: weir_json_member, _ subject: ParseSubject) -> KeyID? {
    let base = subject.base + Int(member.key_off)
    if member.key_flags & UInt8(WEIR_JSON_PLAIN) != 0 {
      return key(subject.batch, base, Int(member.key_len))
    }
    guard let room = subject.batch.reserveScratch(Int(member.key_len) + 16) else {
      return outOfRoom()
    }
    let length = weir_json_unescape(room, base, Int(member.key_len))
    _ = subject.batch.commitScratch(length)
    return key(subject.batch, room, length)
  }

  private func field(
    _ key: KeyID, _ member: weir_json_member, _ subject: ParseSubject
  ) -> weir_field? {
    switch Int(member.type) {
    case Int(WEIR_JSON_NULL): return .null(key)
    case Int(WEIR_JSON_BOOL): return .bool(key, member.num.u64 != 0)
    case Int(WEIR_JSON_I64): return .int(key, member.num.i64)
    case Int(WEIR_JSON_U64): return .unsigned(key, member.num.u64)
    case Int(WEIR_JSON_DOUBLE):
      guard member.num.f64.isInfinite else { return .double(key, member.num.f64) }
      // No double can hold it and no JSON say so: it stays the text that it is.
      return subject.text(
        key, Int(member.val_off), Int(member.val_len),
        flags: UInt8(WEIR_FIELD_ASCII | WEIR_FIELD_CLEAN))
    case Int(WEIR_JSON_STRING): return stringField(key, member, subject)
    default: return containerField(key, member, subject)
    }
  }

  private func stringField(
    _ key: KeyID, _ member: weir_json_member, _ subject: ParseSubject
  ) -> weir_field? {
    let isASCII = member.flags & UInt8(WEIR_JSON_ASCII) != 0
    let length = Int(member.val_len)
    if member.flags & UInt8(WEIR_JSON_PLAIN) != 0 {
      let flags = isASCII ? UInt8(WEIR_FIELD_ASCII | WEIR_FIELD_CLEAN) : 0
      return subject.text(key, Int(member.val_off), length, flags: flags)
    }
    if member.flags & UInt8(WEIR_JSON_CANONICAL) != 0 {
      return .slice(
        key, UInt32(WEIR_JSON_TEXT), segment: subject.segment,
        offset: subject.offset &+ member.val_off, length: member.val_len,
        flags: isASCII ? UInt8(WEIR_FIELD_ASCII) : 0)
    }
    guard let room = subject.batch.reserveScratch(length * 6 + 16) else { return outOfRoom() }
    let count = weir_json_normalise_string(room, subject.base + Int(member.val_off), length)
    return rendered(key, UInt32(WEIR_JSON_TEXT), room, count, subject.batch)
  }

  private func containerField(
    _ key: KeyID, _ member: weir_json_member, _ subject: ParseSubject
  ) -> weir_field? {
    if member.flags & UInt8(WEIR_JSON_CANONICAL) != 0 {
      let isASCII = member.flags & UInt8(WEIR_JSON_ASCII) != 0
      return .slice(
        key, UInt32(WEIR_JSON), segment: subject.segment,
        offset: subject.offset &+ member.val_off, length: member.val_len,
        flags: isASCII ? UInt8(WEIR_FIELD_ASCII) : 0)
    }
    let length = Int(member.val_len)
    let capacity = length * 6 + 32
    guard let room = subject.batch.reserveScratch(capacity) else { return outOfRoom() }
    let count = weir_json_normalise(
      room, capacity, subject.base + Int(member.val_off), length)
    guard count >= 0 else { return nil }
    return rendered(key, UInt32(WEIR_JSON), room, count, subject.batch)
  }

  /// A slice over bytes just written at the end of scratch.
  func rendered(
    _ key: KeyID, _ type: UInt32, _ room: UnsafeMutablePointer<UInt8>, _ count: Int,
    _ batch: Batch
  ) -> weir_field {
    let isASCII = weir_is_ascii(room, count) != 0
    let offset = batch.commitScratch(count)
    return .slice(
      key, type, segment: UInt32(WEIR_SEGMENT_SCRATCH), offset: offset,
      length: UInt32(truncatingIfNeeded: count), flags: isASCII ? UInt8(WEIR_FIELD_ASCII) : 0)
  }
}
