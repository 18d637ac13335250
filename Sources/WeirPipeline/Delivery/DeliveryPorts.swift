import WeirStage

/// How a request ended.
enum DeliveryOutcome: Sendable {
  /// The server answered, and this is what it means.
  case reply(ReplyVerdict)
  /// No answer, or not all of it.
  case failure(String)
  /// Given up because the process stops.
  case cancelled
}

/// How an append to the spool ended.
enum SpoolOutcome: Sendable {
  case stored
  /// It holds as much as it may.
  case full
  case failed(String)
}

/// How the storing of dead items ended.
enum BurialOutcome: Sendable {
  /// So many are stored; the others are lost, and counted.
  case ended(stored: Int)
  /// These could not be stored now.
  case failed([DeadItem], String)
}

/// What the delivery engine does to the world; tests put a simulated one in its place. Everything
/// is called on the output's queue, and the answers come back there, never from within the call.
protocol DeliveryPorts: AnyObject {
  /// Sends a parcel to a server; ends with `DeliveryEngine.replied`.
  func send(_ parcel: Parcel, to node: Int)
  /// Entries that the spool holds; nil without one.
  var spooledEntries: Int? { get }
  /// Writes a parcel to the spool; ends with `DeliveryEngine.appended`.
  func append(_ parcel: Parcel)
  /// Writes a part of an entry of the spool as an entry of its own, which nobody else takes; the
  /// old one ends with it when it is all that is left. Ends with `DeliveryEngine.rewritten`.
  func rewrite(_ part: Parcel)
  /// The credit of the output is used up: whoever has more for it waits.
  var isFull: Bool { get }
  /// The oldest entry of the spool that nobody has taken.
  func takeSpooled() -> Parcel?
  /// Stores items with their reasons; ends with `DeliveryEngine.buried`.
  func bury(_ burial: Burial)
  /// A parcel with some items of another one only, of the same consignment.
  func cut(_ parcel: Parcel, keeping items: [Int]) -> Parcel?
  /// The parcel's bytes are needed no more.
  func discard(_ parcel: Parcel)
  /// Everything of it is stored or given up: acknowledges it.
  func finish(_ consignment: Consignment)
  /// Calls `DeliveryEngine.wake` at that time at the latest.
  func wake(at time: Int64)
  /// A random number, for pauses.
  func random(in range: ClosedRange<Int64>) -> Int64
  /// A message for the log.
  func tell(_ event: DeliveryEvent)
  /// Numbers for the counters.
  func count(_ number: DeliveryNumber, _ value: Int)
}

/// What users are told of.
enum DeliveryEvent: Equatable {
  /// A server fails; the first time, and then now and then.
  case failing(node: Int, message: String, failures: Int)
  case denied(node: Int, message: String)
  case recovered(node: Int)
  case givenUp(items: Int, message: String)
  /// A server takes requests, but not all of their items for now; and that it does again.
  case itemsRefused(node: Int, items: Int, message: String)
  case itemsTaken(node: Int)
  /// The dead letters cannot be written; and that they can again.
  case lettersFailed(items: Int, message: String)
  case lettersWork
  case spoolFailed(message: String)
  case spoolFull
  /// Of the spool, or of the dead letters.
  case shed(items: Int, folder: String, option: String)
  /// Dropped from memory (`storage.type memrb`).
  case dropped(items: Int)
  /// Items that the server had before they were sent for the first time.
  case strangeDuplicates(items: Int)
}

/// What is counted.
enum DeliveryNumber: CaseIterable {
  case requests, failedRequests, splitRequests
  case delivered, deliveredBytes, duplicates
  /// The duplicates among them that no earlier request explains.
  case firstAttemptDuplicates
  case retries, givenUp, spooled
  /// Items of a partly stored entry that the spool refused: a crash repeats the entry.
  case restsInMemory
  /// Items and bytes of inputs that would rather lose records than wait.
  case dropped, droppedBytes
  /// Items of a body that could not be cut: a defect, but not a silent one.
  case lost
}
