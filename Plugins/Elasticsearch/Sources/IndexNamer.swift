import CWeirPlugin
import Glibc
import WeirSDK

/// Finds the index of each record and puts it into the action line; does nothing where it is the
/// same as for the record before. Owned by one lane.
final class IndexNamer {
  private enum Rule {
    case constant([UInt8])
    case dated(TimeText)
    case template([Piece])
    case logstash(prefix: [UInt8], separator: [UInt8], date: TimeText, key: Accessor?)
  }

  /// A piece of an index with accessors.
  private enum Piece {
    case accessor(Accessor)
    case date(TimeText)
  }

  /// Bytes of a value that stands in for the prefix; the rest is cut.
  private static let prefixBytesMax = 128
  /// Bytes of an index that accessors make.
  private static let indexBytesMax = 2048

  private let rule: Rule
  private let writer: JSONWriter
  private let output: BulkOutput
  private let fallback: [UInt8]
  private var made: [UInt8] = []
  private var last: [UInt8] = []
  /// The second that the line was made for.
  private var lastSecond = Int64.min
  private var isSet = false

  init(_ output: BulkOutput, _ writer: JSONWriter) throws(PluginError) {
    self.output = output
    self.writer = writer
    func escaped(_ text: String) -> [UInt8] {
      Array(text.utf8).withUnsafeBytes { Array(writer.escape($0)) }
    }
    fallback = escaped(Settings.defaultIndex)
    switch output.settings.index {
    case .constant(let name): rule = .constant(escaped(name))
    case .dated(let pattern): rule = .dated(TimeText(pattern, writer))
    case .accessor(let text): rule = .template(try IndexNamer.pieces(text, output, writer))
    case .logstash(let prefix, let separator, let format, let key):
      rule = .logstash(
        prefix: escaped(prefix), separator: escaped(separator), date: TimeText(format, writer),
        key: try key.map { text throws(PluginError) in
          try Accessor(output.host, text, option: "logstash_prefix_key")
        })
    }
  }

  /// Splits text into accessors (with the text around them) and conversions of strftime.
  private static func pieces(
    _ text: String, _ output: BulkOutput, _ writer: JSONWriter
  ) throws(PluginError) -> [Piece] {
    var pieces: [Piece] = []
    var plain = ""
    var isQuoted = false
    var rest = text[...]
    while let character = rest.popFirst() {
      if character == "'" { isQuoted.toggle() }
      guard character == "%", !isQuoted, let conversion = conversion(rest) else {
        plain.append(character)
        continue
      }
      rest = rest.dropFirst(conversion.count)
      if !plain.isEmpty {
        pieces.append(.accessor(try Accessor(output.host, plain, option: "index")))
      }
      plain = ""
      pieces.append(.date(TimeText("%\(conversion)", writer)))
    }
    if !plain.isEmpty {
      pieces.append(.accessor(try Accessor(output.host, plain, option: "index")))
    }
    return pieces
  }

  /// What follows a percent sign up to the letter of its conversion: flags, a width, the modifiers
  /// E and O, as in `%-d`; nil when no conversion follows.
  private static func conversion(_ rest: Substring) -> Substring? {
    var letter = rest
    for some in ["_-0^#", "0123456789", "EO"] { letter = letter.drop { some.contains($0) } }
    guard let end = letter.first, end != "$" else { return nil }
    return rest[...letter.startIndex]
  }

  /// True when all records of a batch have one index, which `begin` sets.
  var isOnePerBatch: Bool {
    switch rule {
    case .constant, .dated: true
    case .template, .logstash: false
    }
  }

  /// Before a batch; `now` in nanoseconds.
  func begin(_ now: Int64, _ action: ActionLine) {
    switch rule {
    case .constant(let name):
      if !isSet { set(name, action) }
    case .dated(let pattern):
      let name = Array(pattern.text(second: floorDivide(now, 1_000_000_000)))
      if name != last || !isSet { set(name, action) }
      last = name
    case .template, .logstash: break
    }
    self.now = floorDivide(now, 1_000_000_000)
  }

  private var now: Int64 = 0

  /// Sets the index of a record with this time, in nanoseconds.
  @inline(__always)
  func setIndex(_ record: RecordView, _ time: Int64, _ action: ActionLine) {
    switch rule {
    case .constant, .dated: return
    case .template(let pieces): setTemplate(pieces, record, action)
    case .logstash(let prefix, let separator, let date, let key):
      let second = floorDivide(time, 1_000_000_000)
      if key == nil && second == lastSecond { return }
      setLogstash(prefix, separator, date, key, record, second, action)
    }
  }

  @inline(never)
  private func setLogstash(
    _ prefix: [UInt8], _ separator: [UInt8], _ date: TimeText, _ key: Accessor?,
    _ record: RecordView, _ second: Int64, _ action: ActionLine
  ) {
    lastSecond = second
    made.removeAll(keepingCapacity: true)
    if let key, let value = prefixValue(key, record) {
      made.append(contentsOf: writer.escape(value))
    } else {
      if key != nil { output.replacedIndexes.record(1) }
      made.append(contentsOf: prefix)
    }
    made.append(contentsOf: separator)
    made.append(contentsOf: date.text(second: second))
    if made != last || !isSet { set(made, action) }
    swap(&made, &last)
  }

  /// The value that stands in for the prefix; nil for what cannot be part of a name.
  private func prefixValue(_ key: Accessor, _ record: RecordView) -> UnsafeRawBufferPointer? {
    let (type, text) = key.value(record.batch, record.index)
    switch type {
    case UInt32(WEIR_ACCESSOR_MISSING), UInt32(WEIR_MAP), UInt32(WEIR_ARRAY), UInt32(WEIR_NULL),
      UInt32(WEIR_BINARY):
      return nil
    default:
      guard text.count > 0, BulkLane.isSafe(text) else { return nil }
      return IndexNamer.cut(text, Self.prefixBytesMax)
    }
  }

  @inline(never)
  private func setTemplate(_ pieces: [Piece], _ record: RecordView, _ action: ActionLine) {
    made.removeAll(keepingCapacity: true)
    for piece in pieces {
      switch piece {
      case .accessor(let accessor):
        let text = accessor.renderAny(record.batch, record.index)
        made.append(contentsOf: writer.escape(IndexNamer.cut(text, Self.indexBytesMax)))
      case .date(let date): made.append(contentsOf: date.text(second: now))
      }
    }
    if made.isEmpty || made.count > ActionLine.indexBytesMax {
      output.replacedIndexes.record(1)
      made.removeAll(keepingCapacity: true)
      made.append(contentsOf: fallback)
    }
    if made != last || !isSet { set(made, action) }
    swap(&made, &last)
  }

  /// The first bytes of text, cut between characters.
  private static func cut(_ text: UnsafeRawBufferPointer, _ count: Int) -> UnsafeRawBufferPointer {
    guard text.count > count else { return text }
    var end = count
    while end > 0 && text[end] & 0xc0 == 0x80 { end -= 1 }
    return UnsafeRawBufferPointer(rebasing: text[..<end])
  }

  private func set(_ name: [UInt8], _ action: ActionLine) {
    // A name that long is none that a server takes; cut, it could end inside an escape.
    let name = name.isEmpty || name.count > ActionLine.indexBytesMax ? fallback : name
    name.withUnsafeBytes { action.setIndex($0) }
    isSet = true
  }
}
