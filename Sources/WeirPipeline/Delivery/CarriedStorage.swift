import WeirDelivery
import WeirStage

/// What an output over HTTP keeps on disk: bodies that wait for a server, and dead items.
struct CarriedStorage {
  var spool: Spool?
  var deadLetters: DeadLetters?
  /// What was counted of the spool already.
  var counted = SpoolCounters()
  /// The same of the dead letters.
  var countedLetters = SpoolCounters()

  /// Nothing on disk.
  init() {}

  /// Opens what the setup asks for.
  /// - Throws: `SpoolError` when a directory cannot be used.
  init(_ setup: CarriedSetup, _ name: String) throws(SpoolError) {
    if let settings = setup.spool { spool = try Spool.open(settings) }
    if let settings = setup.deadLetters {
      deadLetters = try DeadLetters.open(settings, output: name)
    }
  }

  /// Appends a parcel; `done` comes on the spool's queue.
  static func append(
    _ parcel: Parcel, isGzip: Bool, to spool: Spool,
    _ done: @escaping @Sendable (SpoolOutcome) -> Void
  ) {
    let body = parcel.body
    let consignment = parcel.consignment
    // The rest of an entry of this spool takes its place: the limit does not count, and what was
    // delivered of the entry does not come again.
    let isRest =
      !parcel.isWhole && consignment.openParts == 1 && consignment.origin == .spool
    spool.append(
      body: UnsafeRawBufferPointer(start: body.base, count: body.length), keeping: parcel,
      encoding: isGzip ? 1 : 0, itemEnds: body.recordOffsets, attempts: UInt32(parcel.attempts),
      time: parcel.madeAt, replacing: isRest ? consignment.lease : nil
    ) { result in done(SpoolOutcome(result)) }
  }

  /// Writes a part of an entry as an entry of its own; `done` comes on the spool's queue.
  static func rewrite(
    _ part: Parcel, of lease: SpoolLease, isGzip: Bool, in spool: Spool,
    _ done: @escaping @Sendable (SpoolOutcome, Consignment?) -> Void
  ) {
    let body = part.body
    spool.appendRest(
      of: lease, isAll: part.consignment.openParts == 1,
      body: UnsafeRawBufferPointer(start: body.base, count: body.length), keeping: part,
      encoding: isGzip ? 1 : 0, itemEnds: body.recordOffsets, attempts: UInt32(part.attempts),
      time: part.madeAt
    ) { result, lease in
      done(SpoolOutcome(result), lease.map { Consignment(.spool, $0, of: spool) })
    }
  }

  /// An entry of a spool as a parcel whose bytes are in `payload`.
  static func parcel(
    of lease: SpoolLease, from store: Spool? = nil, in payload: Payload
  ) -> Parcel {
    lease.payload.body.withUnsafeBytes { payload.append($0) }
    payload.recordOffsets.append(contentsOf: lease.payload.itemEnds)
    payload.recordCount = lease.payload.itemEnds.count
    payload.uncompressedLength = Int(lease.payload.itemEnds.last ?? 0)
    return Parcel(
      payload, of: Consignment(.spool, lease, of: store), isWhole: true,
      attempts: Int(lease.payload.attempts), madeAt: lease.payload.time)
  }
}

extension SpoolOutcome {
  init(_ result: SpoolAppendResult) {
    switch result {
    case .stored: self = .stored
    case .full: self = .full
    case .failed(let message): self = .failed(message)
    }
  }
}
