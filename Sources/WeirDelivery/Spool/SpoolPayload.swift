/// What one request needs, as a spool keeps it.
public struct SpoolPayload: Sendable, Equatable {
  /// The body, ready to be sent.
  public var body: [UInt8]
  /// How the body is compressed: 0 not at all, 1 one gzip member.
  public var encoding: UInt8
  /// Where each item ends in the body before compression, bytes; growing.
  public var itemEnds: [UInt32]
  /// Requests that were tried with it so far.
  public var attempts: UInt32
  /// A small text of whoever appends; the spool does not look into it.
  public var note: [UInt8]
  /// Wall clock when it was first appended, nanoseconds since 1970.
  public var time: Int64

  /// Makes one; only the body is needed.
  public init(
    body: [UInt8], encoding: UInt8 = 0, itemEnds: [UInt32] = [], attempts: UInt32 = 0,
    note: [UInt8] = [], time: Int64 = 0
  ) {
    self.body = body
    self.encoding = encoding
    self.itemEnds = itemEnds
    self.attempts = attempts
    self.note = note
    self.time = time
  }
}

/// Names an entry as long as its spool exists: segment and place in it.
public struct SpoolEntryID: Hashable, Comparable, Sendable {
  /// Number of the segment; grows, and is the name of its file.
  public let segment: UInt64
  /// Place in the segment, from 0.
  public let index: UInt32

  /// Orders as appended.
  public static func < (left: SpoolEntryID, right: SpoolEntryID) -> Bool {
    (left.segment, left.index) < (right.segment, right.index)
  }
}

/// An entry that somebody works on: it is finished or given back once, whatever is called twice.
public struct SpoolLease: Sendable {
  /// The entry.
  public let id: SpoolEntryID
  /// What was appended; `attempts` as it was last given back.
  public var payload: SpoolPayload
}

/// How an append ended.
public enum SpoolAppendResult: Sendable, Equatable {
  /// It is on the disk.
  case stored
  /// There is no room: the limit with policy `block`, or a payload larger than the limit.
  case full
  /// The disk refused it; the text says how. Nothing of it is kept or counted as stored.
  case failed(String)
}

/// What happens when a spool has reached its limit.
public enum SpoolPolicy: Sendable, Equatable {
  /// Appends are refused until something is finished.
  case block
  /// The oldest entries that nobody has taken go, counted.
  case dropOldest
}

/// Where a spool is and how much it may hold.
public struct SpoolSettings: Sendable {
  /// Smallest size at which a new segment begins, bytes.
  public static let segmentBytesMin = 4_096
  /// Largest size at which a new segment begins, bytes.
  public static let segmentBytesMax = 1 << 30
  /// Largest body and fields of one entry, bytes.
  public static let payloadBytesMax = 256 << 20

  /// Its own directory; made when missing.
  public var directory: String
  /// Bytes of all segment files; nil for as much as the disk holds.
  public var limitBytes: Int?
  /// What happens at the limit.
  public var policy: SpoolPolicy
  /// Size at which a segment ends and the next one begins; at most a sixteenth of the limit, so
  /// that finished entries give their space back.
  public var segmentBytes: Int
  /// Bytes of the quarantine; the oldest of it goes when it is full.
  public var quarantineBytes: Int

  /// Makes settings; only the directory is needed.
  public init(
    directory: String, limitBytes: Int? = nil, policy: SpoolPolicy = .block,
    segmentBytes: Int = 8 << 20, quarantineBytes: Int = 16 << 20
  ) {
    self.directory = directory
    self.limitBytes = limitBytes
    self.policy = policy
    self.segmentBytes = segmentBytes
    self.quarantineBytes = quarantineBytes
  }

  /// `segmentBytes` within its bounds.
  var rollBytes: Int {
    let wanted = min(segmentBytes, limitBytes.map { $0 / 16 } ?? segmentBytes)
    return min(max(wanted, Self.segmentBytesMin), Self.segmentBytesMax)
  }
}

/// Entries with what they hold.
public struct SpoolAmount: Sendable, Equatable {
  /// Requests.
  public var entries = 0
  /// Records in them; where an entry cannot be read, none.
  public var items = 0
  /// Bytes on the disk.
  public var bytes = 0

  /// Nothing, or so much.
  public init(entries: Int = 0, items: Int = 0, bytes: Int = 0) {
    self.entries = entries
    self.items = items
    self.bytes = bytes
  }

  static func += (left: inout SpoolAmount, right: SpoolAmount) {
    left.entries += right.entries
    left.items += right.items
    left.bytes += right.bytes
  }

  static func -= (left: inout SpoolAmount, right: SpoolAmount) {
    left.entries -= right.entries
    left.items -= right.items
    left.bytes -= right.bytes
  }
}

/// What happened to a spool since it was opened.
///
/// Always: `recovered + appended = delivered + replaced + dropped + (quarantined -
/// quarantinedAtOpen) + pending`, in entries.
public struct SpoolCounters: Sendable, Equatable {
  /// Found intact and not finished when it was opened.
  public var recovered = SpoolAmount()
  /// Stored.
  public var appended = SpoolAmount()
  /// Finished.
  public var delivered = SpoolAmount()
  /// Finished by an append that replaces them: what is left of them is in `appended` again.
  public var replaced = SpoolAmount()
  /// Shed by `dropOldest`.
  public var dropped = SpoolAmount()
  /// Found damaged, and not delivered; bytes are those of the damaged places.
  public var quarantined = SpoolAmount()
  /// The part of `quarantined` that was found while opening.
  public var quarantinedAtOpen = SpoolAmount()
  /// Damaged bytes that the quarantine did not keep: it was full, or could not be written.
  public var quarantineLostBytes = 0
  /// Bytes that were cut off behind the last intact entry of a segment.
  public var cutBytes = 0
  /// Segment headers that were damaged; their entries are read all the same.
  public var damagedHeaders = 0
  /// Appends that were answered with `full`.
  public var refused = 0
  /// Appends that were answered with `failed`.
  public var failed = 0
  /// Finished entries that could not be noted: they come again after a restart.
  public var unnoted = 0
  /// Files in the directory that are none of the spool's.
  public var foreignFiles = 0

  /// All zero.
  public init() {}
}

/// Why a spool cannot be opened.
public enum SpoolError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The directory cannot be made, listed or written; the text names it.
  case unusable(String)
  /// Another process (or another part of this one) has it; the text names the directory.
  case inUse(String)

  /// One line for users.
  public var description: String {
    switch self {
    case .unusable(let text), .inUse(let text): text
    }
  }
}
