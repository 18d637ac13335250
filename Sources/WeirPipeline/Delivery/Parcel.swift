import WeirDelivery
import WeirStage

/// What one payload of a lane, or one entry of a spool, still owes: it is finished when all parts
/// that it was cut into are. Touched on its output's queue only.
final class Consignment: @unchecked Sendable {
  /// Where its items come from.
  enum Origin { case lane, spool, deadLetters }

  let origin: Origin
  /// An earlier process may have sent its records: they are in a spool, or lie in a part of a file
  /// that it can have read.
  let mayRepeat: Bool
  /// Ranges of the ledger that it owns; empty for what comes from a spool.
  let ranges: [RangeID]
  /// The entry of a spool, for what comes from one.
  let lease: SpoolLease?
  /// The spool of that entry: the output's, or its dead letters while they are replayed.
  let store: Spool?
  /// Parcels and burials under way.
  var openParts = 1
  /// Items of it that a server has stored, that the dead letters took, and that went to the spool.
  var delivered = 0
  var buried = 0
  var spooled = 0
  /// It comes from the dead letters and could not be stored there anew: it stays what it is.
  var mustStay = false

  /// It has records of inputs without positions: nobody can read them again.
  var isUnrepeatable: Bool { ranges.contains { $0.isNone } }

  /// What a lane gave.
  /// - Parameter mayRepeat: see the property.
  init(ranges: [RangeID], mayRepeat: Bool = false) {
    origin = .lane
    self.mayRepeat = mayRepeat
    self.ranges = ranges
    lease = nil
    store = nil
  }

  /// An entry of a spool; its body is not kept here.
  init(_ origin: Origin, _ lease: SpoolLease, of store: Spool?) {
    self.origin = origin
    mayRepeat = true
    ranges = []
    var lease = lease
    lease.payload.body = []
    lease.payload.itemEnds = []
    self.lease = lease
    self.store = store
  }
}

/// One request body on its way. Touched on its output's queue only; while it is being sent or
/// spooled others read its bytes.
final class Parcel: @unchecked Sendable {
  let consignment: Consignment
  /// The encoded, and if so configured compressed, bytes with the items' ends.
  let body: Payload
  /// True for all that a lane or a spool's entry gave, false for a part of it.
  let isWhole: Bool
  /// Requests that carried it, or the items in it.
  var attempts: Int
  /// Who still needs its bytes: whatever happens to it next, and each burial.
  var uses = 1
  /// When its items were encoded, in nanoseconds since 1970-01-01T00:00:00Z.
  let madeAt: Int64
  /// When it was sent last, in monotonic nanoseconds.
  var sentAt: Int64 = 0
  /// Servers at which it failed as a whole since its last try was counted.
  var failedNodes: [Int] = []
  /// A server took the request, but not all items for now.
  var isRefused = false
  /// Not to be sent before, in monotonic nanoseconds; 0 for at once.
  var notBefore: Int64 = 0

  var itemCount: Int { body.recordOffsets.count }
  /// It lies in the spool or the dead letters as it is: dropping it from memory loses nothing.
  var isInSpool: Bool { isWhole && consignment.lease != nil }

  init(
    _ body: Payload, of consignment: Consignment, isWhole: Bool, attempts: Int, madeAt: Int64
  ) {
    self.body = body
    self.consignment = consignment
    self.isWhole = isWhole
    self.attempts = attempts
    self.madeAt = madeAt
  }

  /// A part that has become an entry of its own: it takes the bytes over.
  convenience init(_ part: Parcel, as entry: Consignment) {
    self.init(
      part.body, of: entry, isWhole: true, attempts: part.attempts, madeAt: part.madeAt)
    notBefore = part.notBefore
    isRefused = part.isRefused
  }

  /// Uncompressed bytes of one item.
  func itemBytes(_ index: Int) -> Int {
    Int(body.recordOffsets[index]) - (index == 0 ? 0 : Int(body.recordOffsets[index - 1]))
  }
}

/// One item that never will be stored.
struct DeadItem: Sendable {
  /// Index in its parcel.
  var item: Int
  /// The server's status for it; 0 where there was none.
  var status: Int
  var type: String
  var reason: String
  /// Where it was to go: the index.
  var place: String
}

extension DeadItem {
  /// What a reply says of an item.
  init(_ detail: ItemDetail) {
    self.init(
      item: detail.item, status: detail.status, type: detail.type, reason: detail.reason,
      place: detail.place)
  }
}

/// Dead items of one parcel on their way to the dead letters. Touched on its output's queue only.
final class Burial: @unchecked Sendable {
  let parcel: Parcel
  /// What is not stored yet.
  var items: [DeadItem] {
    didSet { reasonBytes = Burial.bytes(items) }
  }
  /// What the texts of the items take, in bytes, about.
  private(set) var reasonBytes: Int
  /// The dead letters have not been asked yet.
  var isNew = true

  init(_ items: [DeadItem], of parcel: Parcel) {
    self.parcel = parcel
    self.items = items
    reasonBytes = Burial.bytes(items)
  }

  private static func bytes(_ items: [DeadItem]) -> Int {
    items.reduce(0) { $0 + 64 + $1.reason.utf8.count + $1.type.utf8.count + $1.place.utf8.count }
  }
}
