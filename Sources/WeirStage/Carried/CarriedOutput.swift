/// An output whose payloads the host carries over HTTP: it formats requests and reads replies, the
/// host owns connections, compression, retries, the spool, dead letters and acks.
public protocol CarriedOutput: AnyObject, Sendable {
  /// Makes what one lane needs to encode. Called once per lane before the first batch.
  ///
  /// Its `encode` fills the payload: bytes (compressed when the target's encoding is `.gzip`: one
  /// member per body), `recordOffsets` with the END offset of each item in the uncompressed body,
  /// `recordCount`, `uncompressedLength`. An item that has no bytes ends where the last one did
  /// and does not occur: each recorded item has at least one byte.
  func openLane(_ lane: LaneContext) -> any OutputLane

  /// Opens the instance; afterwards `target` is known. Called once before the first batch.
  /// - Throws: any error that prints as a message naming the option and what to do.
  func start() throws

  /// Where and how requests go. Fixed once `start` has returned. Any thread.
  var target: CarriedTarget { get }

  /// Opens the reading of one request's reply. Any thread; several replies may be open at once.
  /// - Parameter itemCount: items that the request carried, in the order of the body.
  func openReply(status: Int, contentType: String, itemCount: Int) -> any CarriedReply

  /// The last call, after the last reply.
  func close()
}

/// The reading of one request's reply; its calls never overlap.
public protocol CarriedReply: AnyObject {
  /// Takes the next bytes of the body, in any pieces.
  /// - Returns: false when the rest need not be read (the connection may be given up).
  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool

  /// Ends the reading; called exactly once.
  /// - Parameter isComplete: true when the server sent the whole body.
  func finish(isComplete: Bool) -> ReplyVerdict
}
