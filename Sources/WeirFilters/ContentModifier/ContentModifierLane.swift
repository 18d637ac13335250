import CWeirFilters
import CWeirPlugin
import Glibc
import WeirBatch
import WeirParsers
import WeirStage
import WeirTelemetry

/// A content_modifier on one lane.
final class ContentModifierLane: FilterLane {
  /// What became of one record.
  private enum Outcome {
    case changed
    /// The key is missing, or the expression did not match.
    case untouched
    /// The value cannot be hashed or converted.
    case failed
    /// The batch is full.
    case full
  }

  private let filter: ContentModifier
  private let tools: LaneTools
  private var converter = ValueConverter()

  init(_ filter: ContentModifier) {
    self.filter = filter
    tools = LaneTools(filter.pool)
  }

  func process(_ batch: Batch, _ selection: Selection, _ counters: StageCounters) {
    tools.begin(batch, selection)
    let action = filter.action
    let extra = extraFields(action)
    var failed = 0
    for index in selection {
      let record = batch.records + Int(index)
      let outcome =
        filter.isMetadata
        ? changeMetadata(action, extra, batch, record) : changeBody(action, extra, batch, record)
      if outcome == .failed || outcome == .full { failed += 1 }
    }
    if failed > 0 { counters.errors.add(failed) }
    tools.end(counters)
  }

  private func extraFields(_ action: ContentAction) -> Int {
    switch action {
    case .insert, .upsert: 1
    case .extract(_, _, let captures): captures.count
    case .delete, .rename, .hash, .convert: 0
    }
  }

  private func changeBody(
    _ action: ContentAction, _ extra: Int, _ batch: Batch,
    _ record: UnsafeMutablePointer<weir_record>
  ) -> Outcome {
    let isSpread = tools.resources.spread(batch, record) { key in touches(action, key, batch) }
    guard isSpread, var list = batch.openBody(record, extra: extra) else { return .full }
    let outcome = apply(action, &list, batch)
    if outcome == .changed { batch.closeBody(list, record) }
    return outcome
  }

  private func changeMetadata(
    _ action: ContentAction, _ extra: Int, _ batch: Batch,
    _ record: UnsafeMutablePointer<weir_record>
  ) -> Outcome {
    guard var list = batch.openMetadata(record, extra: extra) else { return .full }
    let outcome = apply(action, &list, batch)
    if outcome == .changed, !batch.closeMetadata(list, record) { return .full }
    return outcome
  }

  /// Whether the action is about a key, asked of the keys of resources.
  private func touches(_ action: ContentAction, _ key: KeyID, _ batch: Batch) -> Bool {
    switch action {
    case .insert(let name, _), .upsert(let name, _), .delete(let name), .hash(let name),
      .convert(let name, _):
      batch.isKey(key, name)
    case .rename(let from, let to): batch.isKey(key, from) || batch.isKey(key, to)
    case .extract(let name, _, let captures):
      batch.isKey(key, name) || captures.contains { batch.isKey(key, $0.name) }
    }
  }

  private func apply(
    _ action: ContentAction, _ list: inout FieldList, _ batch: Batch
  ) -> Outcome {
    switch action {
    case .insert(let name, let text):
      if list.lastIndex(of: name, batch) != nil { return .untouched }
      return append(name, text, &list, batch)
    case .upsert(let name, let text):
      list.removeAll(name, batch)
      return append(name, text, &list, batch)
    case .delete(let name): return list.removeAll(name, batch) > 0 ? .changed : .untouched
    case .rename(let from, let to): return rename(from, to, &list, batch)
    case .hash(let name): return hash(name, &list, batch)
    case .extract(let name, let regex, let captures):
      return extract(name, regex, captures, &list, batch)
    case .convert(let name, let type): return convert(name, type, &list, batch)
    }
  }

  private func append(
    _ name: FieldName, _ text: ConstantText, _ list: inout FieldList, _ batch: Batch
  ) -> Outcome {
    guard let field = tools.constants.field(name.key, text, batch) else { return .full }
    list.append(field)
    return .changed
  }

  /// Of several fields that end up with the new name the last one stays, as writers would have it.
  private func rename(
    _ from: FieldName, _ to: FieldName, _ list: inout FieldList, _ batch: Batch
  ) -> Outcome {
    guard from.key != to.key, list.lastIndex(of: from, batch) != nil else { return .untouched }
    for index in 0..<list.count where list.isField(index, from, batch) {
      list.fields[index].key = to.key
    }
    var index = list.lastIndex(of: to, batch) ?? 0
    while index > 0 {
      index -= 1
      if list.isField(index, to, batch) { list.remove(at: index) }
    }
    return .changed
  }

  private func hash(_ name: FieldName, _ list: inout FieldList, _ batch: Batch) -> Outcome {
    guard let index = list.lastIndex(of: name, batch) else { return .untouched }
    let value = RecordValue(list.fields[index], in: batch)
    guard let text = converter.text(of: value, using: tools.buffer) else { return .failed }
    if text.isEmpty { return .untouched }
    guard let room = batch.reserveScratch(64) else { return .full }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { digest in
      guard let bytes = digest.baseAddress else { return }
      weir_sha256(text.baseAddress, text.count, bytes)
      for i in 0..<32 {
        room[2 * i] = hexDigit(bytes[i] >> 4)
        room[2 * i + 1] = hexDigit(bytes[i] & 15)
      }
    }
    list.fields[index] = weir_field.slice(
      list.fields[index].key, UInt32(WEIR_TEXT), segment: UInt32(WEIR_SEGMENT_SCRATCH),
      offset: batch.commitScratch(64), length: 64,
      flags: UInt8(WEIR_FIELD_ASCII) | UInt8(WEIR_FIELD_CLEAN))
    return .changed
  }

  private func hexDigit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 0x30 + nibble : 0x57 + nibble }

  private func convert(
    _ name: FieldName, _ type: ContentAction.ConvertedType, _ list: inout FieldList,
    _ batch: Batch
  ) -> Outcome {
    guard let index = list.lastIndex(of: name, batch) else { return .untouched }
    let old = list.fields[index]
    let value = RecordValue(old, in: batch)
    var converted: weir_field?
    if type == .string {
      if value.isText {
        converted = old
      } else if let text = converter.text(of: value, using: tools.buffer) {
        guard
          let field = batch.textField(
            old.key, copying: UnsafeRawBufferPointer(text), flags: fieldFlags(of: text))
        else { return .full }
        converted = field
      }
    } else {
      converted = converter.field(old.key, value, type, using: tools.buffer)
    }
    guard let converted else { return .failed }
    list.removeAll(name, batch)
    list.append(converted)
    return .changed
  }

  // MARK: Extract

  private func extract(
    _ name: FieldName, _ regex: Regex, _ captures: [ContentAction.Capture],
    _ list: inout FieldList, _ batch: Batch
  ) -> Outcome {
    guard let index = list.lastIndex(of: name, batch) else { return .untouched }
    let source = list.fields[index]
    let value = RecordValue(source, in: batch)
    guard tools.matches(regex, value) else { return .untouched }
    for capture in captures {
      guard let range = lastRange(capture.groups) else { continue }
      guard let field = slice(capture.name.key, source, value, range, batch) else { return .full }
      list.removeAll(capture.name, batch)
      list.append(field)
    }
    return .changed
  }

  private func lastRange(_ groups: [Int]) -> (offset: Int, count: Int)? {
    for group in groups.reversed() {
      if let range = tools.matcher.range(group) { return range }
    }
    return nil
  }

  /// A capture as a field: a slice of the source's bytes, or of a copy when they were unescaped.
  private func slice(
    _ key: KeyID, _ source: weir_field, _ value: RecordValue,
    _ range: (offset: Int, count: Int), _ batch: Batch
  ) -> weir_field? {
    let text = value.text(using: tools.buffer)
    if let base = value.base, text.baseAddress == base.assumingMemoryBound(to: UInt8.self) {
      return weir_field.slice(
        key, UInt32(WEIR_TEXT), segment: UInt32(source.segment),
        offset: source.value.slice.offset &+ UInt32(truncatingIfNeeded: range.offset),
        length: UInt32(truncatingIfNeeded: range.count), flags: source.flags)
    }
    let part = UnsafeBufferPointer(rebasing: text[range.offset..<(range.offset + range.count)])
    return batch.textField(
      key, copying: UnsafeRawBufferPointer(part), flags: fieldFlags(of: part))
  }
}
