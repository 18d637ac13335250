import WeirBatch
public import WeirConfig

/// A `[PARSER]`, compiled: turns text into fields and a time.
///
/// Immutable and shared; each lane parses through a `ParserLane` of its own.
public final class Parser: @unchecked Sendable {
  // SAFETY: unchecked because of the table pointers, which are filled in init and freed in deinit.

  /// A named group of the regex format.
  struct Capture {
    var key: KeyID
    var group: Int
    var type: ParserDefinition.FieldType?
    var isTime: Bool
    /// The entry before it has the same name.
    var repeatsName: Bool
  }

  /// A cast of the ltsv and logfmt formats.
  struct Cast {
    var key: KeyID
    var type: ParserDefinition.FieldType
  }

  /// The decoders of one field, in order.
  struct FieldDecoder {
    var key: KeyID
    var rules: [ParserDefinition.Decoder]
  }

  public let name: String
  public let definition: ParserDefinition
  let format: ParserDefinition.Format
  let regex: Regex?
  let captures: UnsafeMutableBufferPointer<Capture>
  let casts: UnsafeMutableBufferPointer<Cast>
  let decoders: [FieldDecoder]
  let timeFormat: TimeFormat?
  let timeKey: KeyID
  let keepsTime: Bool
  let skipsEmptyValues: Bool
  let refusesBareKeys: Bool
  let notices: ParserNotices

  /// Compiles a definition and interns the keys it names.
  ///
  /// - Parameter tell: takes the first of its failures; nil writes them to the log.
  /// - Throws: `ParserError` for an expression, time format or zone that cannot be used, and for
  ///   options that contradict each other.
  public init(
    _ definition: ParserDefinition, tell: (@Sendable (ConfigProblem) -> Void)? = nil
  ) throws(ParserError) {
    self.definition = definition
    notices = ParserNotices(definition, tell)
    name = definition.name
    format = definition.format
    let keys = KeyTable.shared
    timeKey = keys.intern(definition.timeKey)
    keepsTime = definition.timeKeep
    skipsEmptyValues = definition.skipEmptyValues
    refusesBareKeys = definition.logfmtNoBareKeys
    timeFormat = try Self.timeFormat(definition)
    regex = try Self.regex(definition)
    decoders = Self.decoders(definition)
    let castList = definition.types.map { Cast(key: keys.intern($0.key), type: $0.type) }
    casts = .allocate(capacity: castList.count)
    _ = casts.initialize(from: castList)
    var captureList: [Capture] = []
    for capture in regex?.captures ?? [] {
      let key = keys.intern(capture.name)
      captureList.append(
        Capture(
          key: key, group: capture.group, type: castList.first { $0.key == key }?.type,
          isTime: key == timeKey && timeFormat != nil,
          repeatsName: captureList.last?.key == key))
    }
    captures = .allocate(capacity: captureList.count)
    _ = captures.initialize(from: captureList)
  }

  deinit {
    captures.deallocate()
    casts.deallocate()
  }

  /// What one lane needs; `matcher` may be shared by all parsers of the lane.
  public func openLane(_ matcher: RegexMatcher = RegexMatcher()) -> ParserLane {
    ParserLane(self, matcher)
  }

  private static func regex(_ definition: ParserDefinition) throws(ParserError) -> Regex? {
    guard definition.format == .regex else { return nil }
    guard let pattern = definition.regex, !pattern.isEmpty else {
      throw .definition(parser: definition.name, reason: "the regex format needs 'regex'")
    }
    return try Regex(pattern)
  }

  private static func timeFormat(
    _ definition: ParserDefinition
  ) throws(ParserError) -> TimeFormat? {
    let hasOther = definition.timeSystemTimezone || definition.timeOffsetSeconds != nil
    guard definition.timeZone == nil || !hasOther else {
      throw .definition(
        parser: definition.name,
        reason: "'time_zone' excludes 'time_offset' and 'time_system_timezone'")
    }
    guard let format = definition.timeFormat else {
      if definition.timeZone == nil { return nil }
      throw .definition(parser: definition.name, reason: "'time_zone' needs 'time_format'")
    }
    let zone: TimeFormat.Zone
    if let name = definition.timeZone {
      zone = .rules(try TimeZoneRules(named: name))
    } else if definition.timeSystemTimezone {
      zone = .rules(try TimeZoneRules.system())
    } else {
      zone = definition.timeOffsetSeconds.map { .offset($0) } ?? .utc
    }
    return try TimeFormat(format, zone: zone, isStrict: definition.timeStrict)
  }

  private static func decoders(_ definition: ParserDefinition) -> [FieldDecoder] {
    var result: [FieldDecoder] = []
    for rule in definition.decoders {
      let key = KeyTable.shared.intern(rule.field)
      if let index = result.firstIndex(where: { $0.key == key }) {
        result[index].rules.append(rule)
      } else {
        result.append(FieldDecoder(key: key, rules: [rule]))
      }
    }
    return result
  }

  /// The cast of a key, nil when it stays text.
  @inline(__always)
  func cast(of key: KeyID) -> ParserDefinition.FieldType? {
    for cast in casts where cast.key == key { return cast.type }
    return nil
  }
}
