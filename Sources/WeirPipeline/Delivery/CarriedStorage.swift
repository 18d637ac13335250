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

  /// Waits for what is being written.
  func close() {
    spool?.close()
    deadLetters?.close()
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
      !parcel.isWhole && consignment.openParts == 1 && consignment.store === spool
    spool.append(
      body: UnsafeRawBufferPointer(start: body.base, count: body.length), keeping: parcel,
      encoding: isGzip ? 1 : 0, itemEnds: body.recordOffsets, attempts: UInt32(parcel.attempts),
      time: parcel.madeAt, replacing: isRest ? consignment.lease : nil
    ) { result in
      switch result {
      case .stored: done(.stored)
      case .full: done(.full)
      case .failed(let message): done(.failed(message))
      }
    }
  }

  /// An entry of a spool as a parcel whose bytes are in `payload`.
  static func parcel(of lease: SpoolLease, from store: Spool? = nil, in payload: Payload) -> Parcel
  {
    lease.payload.body.withUnsafeBytes { payload.append($0) }
    payload.recordOffsets.append(contentsOf: lease.payload.itemEnds)
    payload.recordCount = lease.payload.itemEnds.count
    payload.uncompressedLength = Int(lease.payload.itemEnds.last ?? 0)
    return Parcel(
      payload, of: Consignment(ranges: [], lease: lease, store: store), isWhole: true,
      attempts: Int(lease.payload.attempts), madeAt: lease.payload.time)
  }
}
