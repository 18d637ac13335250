import CWeirPlugin
import Glibc
import WeirBatch

extension Batch {
  /// Whether a key is that of a name.
  @inline(__always)
  func isKey(_ key: KeyID, _ name: FieldName) -> Bool {
    self.key(key, is: name.key, name.bytes, name.count)
  }

  /// Opens a record's body, changes it, and closes it.
  /// - Returns: false when there was no room for `extra` more fields; nothing is changed then.
  @inline(__always)
  func edit(
    _ record: UnsafeMutablePointer<weir_record>, extra: Int = 0, _ body: (inout FieldList) -> Void
  ) -> Bool {
    guard var list = openBody(record, extra: extra) else { return false }
    body(&list)
    closeBody(list, record)
    return true
  }
}

extension FieldList {
  /// Gives fields of one name another, at their place. The soft form does nothing when the other
  /// name is taken; the hard form takes those fields out.
  @inline(__always)
  mutating func rename(_ from: FieldName, _ to: FieldName, _ isHard: Bool, _ batch: Batch) {
    guard from.key != to.key, lastIndex(of: from, batch) != nil else { return }
    if lastIndex(of: to, batch) != nil {
      if !isHard { return }
      removeAll(to, batch)
    }
    for index in 0..<count where isField(index, from, batch) { fields[index].key = to.key }
  }

  /// Puts a copy under another name behind the field. Does nothing when the field occurs twice;
  /// the soft form nothing when the other name is taken, the hard form when it is taken twice.
  @inline(__always)
  mutating func copy(_ from: FieldName, _ to: FieldName, _ isHard: Bool, _ batch: Batch) {
    guard from.key != to.key, occurrences(of: from, batch) == 1 else { return }
    let taken = occurrences(of: to, batch)
    guard taken == 0 || (isHard && taken == 1) else { return }
    if taken == 1 { removeAll(to, batch) }
    guard let index = lastIndex(of: from, batch) else { return }
    var twin = fields[index]
    twin.key = to.key
    insert(twin, at: index &+ 1)
  }

  /// Moves the fields whose names match to one end; their order and that of the others stay.
  mutating func move(_ matcher: KeyMatcher, _ toStart: Bool, _ batch: Batch) {
    let stride = MemoryLayout<weir_field>.stride
    if toStart {
      var target = 0
      for index in 0..<count where isBody(index) && matcher.matches(fields[index].key, batch) {
        let field = fields[index]
        memmove(fields + (target &+ 1), fields + target, (index &- target) &* stride)
        fields[target] = field
        target &+= 1
      }
      return
    }
    var target = count
    var index = count
    while index > 0 {
      index &-= 1
      guard isBody(index), matcher.matches(fields[index].key, batch) else { continue }
      target &-= 1
      let field = fields[index]
      memmove(fields + index, fields + (index &+ 1), (target &- index) &* stride)
      fields[target] = field
    }
  }
}
