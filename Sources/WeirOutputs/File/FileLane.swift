import CWeirPlugin
import Glibc
import WeirBatch
import WeirStage
import WeirTelemetry

/// Encodes records for files: one section per run of records with one file.
///
/// In the formats with a header line each section of records has one in front, a section of its
/// own with 0 records; delivery leaves it out unless the file is empty.
final class FileLane: OutputLane {
  private let output: FileOutput
  private let encoder: FileEncoder
  private let hasHeader: Bool
  private let folders: NameTemplate?
  private let file: NameTemplate?
  private let name = TextBuffer(capacity: 512)
  private let lastName = TextBuffer(capacity: 512)
  private var last: FileTarget?
  private var cache: [FileTarget?]
  private var cacheSequence: [UInt64]

  /// Files that a lane remembers; a power of two.
  private static let cacheCount = 1_024

  init(_ output: FileOutput) {
    self.output = output
    encoder = FileEncoder(output.layout, output.style)
    hasHeader = output.layout.hasHeader
    cache = Array(repeating: nil, count: FileLane.cacheCount)
    cacheSequence = Array(repeating: .max, count: FileLane.cacheCount)
    if case .dynamic(let folders, let file) = output.naming.kind {
      let expandsTime = output.naming.expandsTime
      self.folders = folders.map { NameTemplate($0, expandsTime: expandsTime) }
      self.file = file.map { NameTemplate($0, expandsTime: expandsTime) }
    } else {
      folders = nil
      file = nil
    }
  }

  func encode(
    _ batch: Batch, _ selection: Selection, into payload: Payload, _ counters: StageCounters
  ) {
    switch output.naming.kind {
    case .fixed: encodeOneFile(batch, selection, payload)
    case .tag: encodeByTag(batch, selection, payload, counters)
    case .dynamic: encodeByName(batch, selection, payload, counters)
    }
  }

  private func encodeOneFile(_ batch: Batch, _ selection: Selection, _ payload: Payload) {
    guard let first = selection.first else { return }
    let records = batch.records
    var section = begin(0, UnsafePointer(records + Int(first)), batch, payload)
    let encoder = encoder
    var cursor = PayloadCursor(payload)
    for index in selection {
      encoder.append(UnsafePointer(records + Int(index)), batch, to: &cursor)
    }
    cursor.commit()
    section.records = selection.count
    end(section, payload)
  }

  private func encodeByTag(
    _ batch: Batch, _ selection: Selection, _ payload: Payload, _ counters: StageCounters
  ) {
    var section: PayloadSection?
    var tag = UInt32.max
    var cursor = PayloadCursor(payload)
    for index in selection {
      let record = UnsafePointer(batch.records + Int(index))
      if record.pointee.tag != tag {
        tag = record.pointee.tag
        cursor.commit()
        if let section { end(section, payload) }
        section = nil
        name.clear()
        SafeName.appendTag(batch.tag(of: record), to: name)
        if let target = find(batch) { section = begin(target.id, record, batch, payload) }
        cursor.reload()
      }
      guard section != nil else {
        output.refuse(.error, "more than \(FileNaming.hardMax) files", counters)
        continue
      }
      encoder.append(record, batch, to: &cursor)
      section?.records += 1
    }
    cursor.commit()
    if let section { end(section, payload) }
  }

  private func encodeByName(
    _ batch: Batch, _ selection: Selection, _ payload: Payload, _ counters: StageCounters
  ) {
    var section: PayloadSection?
    last = nil
    var cursor = PayloadCursor(payload)
    for index in selection {
      let record = UnsafePointer(batch.records + Int(index))
      guard let target = target(record, batch, counters) else { continue }
      if section?.target != target.id {
        cursor.commit()
        if let section { end(section, payload) }
        section = begin(target.id, record, batch, payload)
        cursor.reload()
      }
      encoder.append(record, batch, to: &cursor)
      section?.records += 1
    }
    cursor.commit()
    if let section { end(section, payload) }
  }

  // MARK: Sections

  private func begin(
    _ target: Int, _ record: UnsafePointer<weir_record>, _ batch: Batch, _ payload: Payload
  ) -> PayloadSection {
    if hasHeader {
      let begin = payload.length
      encoder.appendHeader(record, batch, to: payload)
      if payload.length > begin {
        payload.sections.append(
          PayloadSection(target: target, begin: begin, end: payload.length, records: 0))
      }
    }
    return PayloadSection(target: target, begin: payload.length, end: 0, records: 0)
  }

  private func end(_ section: PayloadSection, _ payload: Payload) {
    var section = section
    section.end = payload.length
    payload.recordCount += section.records
    payload.sections.append(section)
  }

  // MARK: Names

  /// The file of a record; nil when the record is dropped, which is counted.
  private func target(
    _ record: UnsafePointer<weir_record>, _ batch: Batch, _ counters: StageCounters
  ) -> FileTarget? {
    name.clear()
    guard render(record, batch) else {
      return output.refuse(
        output.naming.onMissing, "a record lacks a field of the file name, or it is unsafe",
        counters)
    }
    if let last, name.count == lastName.count, memcmp(name.base, lastName.base, name.count) == 0 {
      return last
    }
    guard let target = find(batch) else {
      return output.refuse(
        output.naming.onLimit, "more files than max_dynamic_files", counters)
    }
    last = target
    lastName.clear()
    lastName.append(name.base, name.count)
    return target
  }

  /// Renders folders and file into `name`; false when a field is missing or a component unsafe.
  private func render(_ record: UnsafePointer<weir_record>, _ batch: Batch) -> Bool {
    if let folders {
      guard folders.append(record, of: batch, to: name), SafeName.areFolders(name.bytes) else {
        return false
      }
      name.append(UInt8(ascii: "/"))
    }
    let begin = name.count
    guard let file else {
      SafeName.appendTag(batch.tag(of: record), to: name)
      return true
    }
    return file.append(record, of: batch, to: name)
      && SafeName.isFile(UnsafeBufferPointer(rebasing: name.bytes[begin...]))
  }

  /// The file named `name`, from the lane's memory or the table; nil when there are too many.
  private func find(_ batch: Batch) -> FileTarget? {
    let hash = tagHash(UnsafeRawBufferPointer(name.bytes))
    let slot = hash & (FileLane.cacheCount - 1)
    let sequence = batch.raw.pointee.sequence
    if let target = cache[slot], isNamed(target, hash) {
      if cacheSequence[slot] == sequence { return target }
      if output.table.touch(target, sequence: sequence) {
        cacheSequence[slot] = sequence
        return target
      }
    }
    let target = output.table.find(name.bytes, hash: hash, sequence: sequence)
    cache[slot] = target
    cacheSequence[slot] = sequence
    return target
  }

  private func isNamed(_ target: FileTarget, _ hash: Int) -> Bool {
    guard target.hash == hash, case .below(let bytes) = target.place else { return false }
    return bytes.count == name.count + 1 && memcmp(bytes, name.base, name.count) == 0
  }
}
