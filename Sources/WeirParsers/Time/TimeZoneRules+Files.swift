import Glibc

extension TimeZoneRules {
  /// Reads a zone by its IANA name, such as `Europe/Zurich`.
  ///
  /// - Throws: `ParserError.timeZone` for a name that is not in the database or a file that is no
  ///   zone file.
  public convenience init(named name: String) throws(ParserError) {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    let isClean =
      !name.isEmpty && name.utf8.count <= 128
      && parts.allSatisfy { part in
        !part.isEmpty && part.first != "."
          && part.utf8.allSatisfy { byte in
            (byte | 0x20) &- 0x61 <= 25 || byte &- 0x30 <= 9 || byte == UInt8(ascii: "_")
              || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
          }
      }
    guard isClean else { throw .timeZone(name: name, reason: "not the name of a zone") }
    let folder = Self.environment("TZDIR") ?? "/usr/share/zoneinfo"
    try self.init(file: folder + "/" + name, name: name)
  }

  /// The zone of this machine: `TZ`, else /etc/localtime, else UTC.
  ///
  /// - Throws: `ParserError.timeZone` when `TZ` names something that cannot be read.
  public static func system() throws(ParserError) -> TimeZoneRules {
    guard var name = environment("TZ") else {
      guard access("/etc/localtime", R_OK) == 0 else { return TimeZoneRules(fixed: 0) }
      return try TimeZoneRules(file: "/etc/localtime", name: "/etc/localtime")
    }
    if name.first == ":" { name.removeFirst() }
    if name.isEmpty { return TimeZoneRules(fixed: 0) }
    if name.first == "/" { return try TimeZoneRules(file: name, name: name) }
    do {
      return try TimeZoneRules(named: name)
    } catch {
      guard let rule = PosixZone(name) else { throw error }
      return TimeZoneRules(rule: rule)
    }
  }

  /// A zone given by a POSIX rule alone, such as `EST5EDT,M3.2.0,M11.1.0`.
  convenience init(rule: PosixZone) {
    let changes = rule.changes(from: 1970, through: Self.lastYear)
    self.init(
      moments: changes.map(\.moment), offsets: changes.map(\.offset),
      firstOffset: Int32(rule.standard))
  }

  convenience init(file path: String, name: String) throws(ParserError) {
    guard let bytes = Self.contents(path) else {
      throw .timeZone(name: name, reason: "no readable zone file \(path)")
    }
    guard let zone = ZoneFile(bytes) else {
      throw .timeZone(name: name, reason: "\(path) is not a zone file")
    }
    self.init(moments: zone.moments, offsets: zone.offsets, firstOffset: zone.firstOffset)
  }

  private static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  /// The bytes of a file within the size bound.
  private static func contents(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: fileBytesMax)
    var count = 0
    while count < bytes.count {
      let got = bytes.withUnsafeMutableBytes { buffer in
        read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
      }
      if got < 0, errno == EINTR { continue }
      if got <= 0 { break }
      count += got
    }
    return count < bytes.count ? Array(bytes.prefix(count)) : nil
  }
}

/// The parts of a TZif file (RFC 8536) that reading times needs.
struct ZoneFile {
  private(set) var moments: [Int64] = []
  private(set) var offsets: [Int32] = []
  private(set) var firstOffset: Int32 = 0
  private let bytes: [UInt8]

  /// Counts of a header, and where its data begins.
  private struct Header {
    var isUTCount = 0
    var isStandardCount = 0
    var leapCount = 0
    var timeCount = 0
    var typeCount = 0
    var characterCount = 0
    var start = 0

    func length(timeSize: Int) -> Int {
      timeCount * (timeSize + 1) + typeCount * 6 + characterCount + leapCount * (timeSize + 4)
        + isStandardCount + isUTCount
    }
  }

  init?(_ bytes: [UInt8]) {
    self.bytes = bytes
    guard let first = header(at: 0), bytes.count > 4 else { return nil }
    // Version 1 has 32-bit times; later versions repeat everything with 64 bits behind it.
    if bytes[4] == 0 {
      guard read(first, timeSize: 4) else { return nil }
      return
    }
    let second = first.start + first.length(timeSize: 4)
    guard let wide = header(at: second), read(wide, timeSize: 8) else { return nil }
    extend(from: wide.start + wide.length(timeSize: 8))
  }

  private func header(at start: Int) -> Header? {
    guard start + 44 <= bytes.count, bytes[start..<(start + 4)].elementsEqual("TZif".utf8)
    else { return nil }
    let counts = (0..<6).map { Int(number(at: start + 20 + 4 * $0, size: 4)) }
    guard counts.allSatisfy({ $0 >= 0 && $0 <= TimeZoneRules.fileBytesMax }) else { return nil }
    return Header(
      isUTCount: counts[0], isStandardCount: counts[1], leapCount: counts[2],
      timeCount: counts[3], typeCount: counts[4], characterCount: counts[5], start: start + 44)
  }

  private mutating func read(_ header: Header, timeSize: Int) -> Bool {
    guard header.typeCount > 0, header.start + header.length(timeSize: timeSize) <= bytes.count
    else { return false }
    let indexes = header.start + header.timeCount * timeSize
    let types = indexes + header.timeCount
    for index in 0..<header.timeCount {
      let type = Int(bytes[indexes + index])
      guard type < header.typeCount else { return false }
      moments.append(number(at: header.start + index * timeSize, size: timeSize))
      offsets.append(Int32(number(at: types + type * 6, size: 4)))
    }
    firstOffset = Int32(number(at: types, size: 4))
    return moments == moments.sorted()
  }

  /// Writes out the rule in the footer behind the last moment of the table.
  private mutating func extend(from start: Int) {
    guard start < bytes.count, bytes[start] == 0x0A else { return }
    let text = bytes[(start + 1)...].prefix { $0 != 0x0A }
    guard let rule = PosixZone(String(decoding: text, as: UTF8.self)) else { return }
    let last = moments.last ?? Int64.min
    let days = max(last, 0) / CivilTime.secondsPerDay
    let firstYear = CivilTime.date(days: days).year
    for change in rule.changes(from: firstYear, through: TimeZoneRules.lastYear)
    where change.moment > last {
      moments.append(change.moment)
      offsets.append(change.offset)
    }
  }

  /// A signed big-endian number of 4 or 8 bytes.
  private func number(at start: Int, size: Int) -> Int64 {
    var value: Int64 = 0
    for byte in bytes[start..<(start + size)] { value = value << 8 | Int64(byte) }
    return size == 4 ? Int64(Int32(truncatingIfNeeded: value)) : value
  }
}
