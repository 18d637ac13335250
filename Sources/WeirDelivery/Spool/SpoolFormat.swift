import CXXHash

/// The bytes of a segment: see docs/spool.md. All numbers are little-endian.
///
/// XXH3 is of Yann Collet's xxHash; varints are LEB128, as in DWARF and protocol buffers.
enum SpoolFormat {
  static let version: UInt32 = 1
  /// 0x8A, "WSPOOL", line feed: no text begins so.
  static let segmentMagic: UInt64 = 0x0A4C_4F4F_5053_578A
  /// 0xF5, which is in no UTF-8 text, then "WRE".
  static let recordMagic: UInt32 = 0x4552_57F5
  /// 0x8A, "WSDONE", line feed.
  static let journalMagic: UInt64 = 0x0A45_4E4F_4453_578A
  static let segmentHeaderBytes = 48
  static let recordHeaderBytes = 56
  static let journalHeaderBytes = 16
  static let journalMarkBytes = 8
  /// Entries of a segment at most: bounds its bitmap to 8 KiB.
  static let entriesMax: UInt32 = 65_536

  static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
    XXH3_64bits_withSeed(bytes.baseAddress, bytes.count, seed)
  }

  static func hash(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
    bytes.withUnsafeBytes { hash($0, seed: seed) }
  }

  /// Checksum of what follows a record's header.
  static func contentHash(fields: [UInt8], body: UnsafeRawBufferPointer) -> UInt64 {
    hash(body, seed: hash(fields))
  }

  @inline(__always)
  static func load<T: FixedWidthInteger>(
    _ bytes: UnsafeRawBufferPointer, _ offset: Int, as type: T.Type
  ) -> T {
    T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
  }

  static func append<T: FixedWidthInteger>(_ value: T, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }
}

/// The first bytes of a segment.
struct SegmentHeader: Equatable {
  var id: UInt64
  /// Random; repeated in each record, so that no text inside a record can pass for one.
  var salt: UInt64
  /// Nanoseconds since 1970.
  var created: Int64

  enum Reading: Equatable {
    case intact(SegmentHeader)
    /// Of a later version of the format: to be left alone.
    case later(UInt32)
    case damaged
  }

  var bytes: [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(SpoolFormat.segmentHeaderBytes)
    SpoolFormat.append(SpoolFormat.segmentMagic, to: &out)
    SpoolFormat.append(SpoolFormat.version, to: &out)
    SpoolFormat.append(UInt32(SpoolFormat.segmentHeaderBytes), to: &out)
    SpoolFormat.append(id, to: &out)
    SpoolFormat.append(salt, to: &out)
    SpoolFormat.append(created, to: &out)
    SpoolFormat.append(SpoolFormat.hash(out), to: &out)
    return out
  }

  /// Reads the header at the beginning of `bytes`.
  static func read(_ bytes: UnsafeRawBufferPointer) -> Reading {
    let length = SpoolFormat.segmentHeaderBytes
    guard bytes.count >= length,
      SpoolFormat.load(bytes, 0, as: UInt64.self) == SpoolFormat.segmentMagic,
      SpoolFormat.load(bytes, 40, as: UInt64.self)
        == SpoolFormat.hash(UnsafeRawBufferPointer(rebasing: bytes[..<40]))
    else { return .damaged }
    let version = SpoolFormat.load(bytes, 8, as: UInt32.self)
    if version != SpoolFormat.version { return .later(version) }
    return .intact(
      SegmentHeader(
        id: SpoolFormat.load(bytes, 16, as: UInt64.self),
        salt: SpoolFormat.load(bytes, 24, as: UInt64.self),
        created: SpoolFormat.load(bytes, 32, as: Int64.self)))
  }
}

/// What stands before each entry.
struct RecordHeader: Equatable {
  /// The only kind so far.
  static let payloadKind: UInt8 = 1

  var kind = RecordHeader.payloadKind
  var encoding: UInt8
  var salt: UInt64
  var index: UInt32
  var fieldsLength: UInt32
  var bodyLength: UInt32
  var itemCount: UInt32
  /// Nanoseconds since 1970.
  var time: Int64
  var contentHash: UInt64

  /// Header, fields and body.
  var recordBytes: Int {
    SpoolFormat.recordHeaderBytes + Int(fieldsLength) + Int(bodyLength)
  }
  var amount: SpoolAmount { SpoolAmount(entries: 1, items: Int(itemCount), bytes: recordBytes) }

  var bytes: [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(SpoolFormat.recordHeaderBytes + Int(fieldsLength))
    SpoolFormat.append(SpoolFormat.recordMagic, to: &out)
    out += [kind, encoding, 0, 0]
    SpoolFormat.append(salt, to: &out)
    SpoolFormat.append(index, to: &out)
    SpoolFormat.append(fieldsLength, to: &out)
    SpoolFormat.append(bodyLength, to: &out)
    SpoolFormat.append(itemCount, to: &out)
    SpoolFormat.append(time, to: &out)
    SpoolFormat.append(contentHash, to: &out)
    SpoolFormat.append(SpoolFormat.hash(out), to: &out)
    return out
  }

  /// Reads an intact header at the beginning of `bytes`; nil when there is none, or not one of
  /// this segment. A nil `salt` takes any.
  static func read(_ bytes: UnsafeRawBufferPointer, salt: UInt64?) -> RecordHeader? {
    guard bytes.count >= SpoolFormat.recordHeaderBytes,
      SpoolFormat.load(bytes, 0, as: UInt32.self) == SpoolFormat.recordMagic
    else { return nil }
    let found = SpoolFormat.load(bytes, 8, as: UInt64.self)
    if let salt, salt != found { return nil }
    let sum = SpoolFormat.hash(UnsafeRawBufferPointer(rebasing: bytes[..<48]))
    guard SpoolFormat.load(bytes, 48, as: UInt64.self) == sum else { return nil }
    let header = RecordHeader(
      kind: bytes[4], encoding: bytes[5], salt: found,
      index: SpoolFormat.load(bytes, 16, as: UInt32.self),
      fieldsLength: SpoolFormat.load(bytes, 20, as: UInt32.self),
      bodyLength: SpoolFormat.load(bytes, 24, as: UInt32.self),
      itemCount: SpoolFormat.load(bytes, 28, as: UInt32.self),
      time: SpoolFormat.load(bytes, 32, as: Int64.self),
      contentHash: SpoolFormat.load(bytes, 40, as: UInt64.self))
    return header.kind == payloadKind && header.index < SpoolFormat.entriesMax ? header : nil
  }
}

/// What stands between a record's header and its body: varints, and the note.
enum RecordFields {
  /// Attempts, length of the note, number of items, the note, the length of each item.
  static func encode(attempts: UInt32, note: [UInt8], itemEnds: [UInt32]) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(12 + note.count + itemEnds.count * 2)
    append(attempts, to: &out)
    append(UInt32(truncatingIfNeeded: note.count), to: &out)
    append(UInt32(truncatingIfNeeded: itemEnds.count), to: &out)
    out += note
    var before: UInt32 = 0
    for end in itemEnds {
      append(end &- before, to: &out)
      before = end
    }
    return out
  }

  /// Fills a payload; false when the bytes are no fields.
  static func decode(_ bytes: [UInt8], into payload: inout SpoolPayload) -> Bool {
    var rest = bytes[...]
    guard let attempts = varint(&rest), let noteLength = varint(&rest), let items = varint(&rest),
      Int(noteLength) <= rest.count
    else { return false }
    payload.attempts = attempts
    payload.note = Array(rest.prefix(Int(noteLength)))
    rest = rest.dropFirst(Int(noteLength))
    // Each item takes a byte at least: the count cannot ask for more memory than was read.
    guard Int(items) <= rest.count else { return false }
    payload.itemEnds.reserveCapacity(Int(items))
    var end: UInt32 = 0
    for _ in 0..<items {
      guard let length = varint(&rest) else { return false }
      end &+= length
      payload.itemEnds.append(end)
    }
    return rest.isEmpty
  }

  private static func append(_ value: UInt32, to bytes: inout [UInt8]) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  private static func varint(_ bytes: inout ArraySlice<UInt8>) -> UInt32? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 35, by: 7) {
      guard let byte = bytes.popFirst() else { return nil }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return UInt32(exactly: value) }
    }
    return nil
  }
}
