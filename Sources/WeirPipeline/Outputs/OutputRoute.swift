import WeirStage
import WeirTelemetry

/// The way out of one output, as lanes and the pipeline see it: takes each batch's payload and
/// finishes with it in its own time. Every batch is submitted exactly once, with or without a
/// payload, by the lane that ran it. Any thread unless told otherwise.
protocol OutputRoute: AnyObject, Sendable {
  /// Its place among the outputs of the graph.
  var index: Int { get }
  /// The credit of the streams that reach it.
  var gate: OutputGate { get }
  var counters: StageCounters { get }
  /// Payloads that are held in memory and not finished.
  var undelivered: Int { get }

  /// Makes what one lane needs to encode.
  func openLane(_ lane: LaneContext) -> any OutputLane
  /// Opens the output. Called once.
  func start() throws
  /// An empty payload for a lane to encode into.
  func takePayload() -> Payload
  /// Gives back a payload that stayed empty.
  func recycle(_ payload: Payload)
  /// Hands over what batch `sequence` has for this output: a payload, or nothing.
  func submit(_ sequence: UInt64, _ payload: Payload?)
  /// Ends a flush interval behind batch `sequence - 1`.
  func flush(after sequence: UInt64)
  /// A stop was asked for: what waits for a better moment is tried, or stored, now.
  func beginDrain()
  /// The grace period is over: no further tries.
  func abandon()
  /// What a stop could not deliver; known once `close` has returned.
  var leftAtStop: LeftAtStop { get }
  /// The last call; waits so long for what is under way, and goes on waiting for what is written
  /// piece by piece as long as it gets less, for `most` seconds.
  func close(withinSeconds seconds: Int, whileProgressing most: Int)
}

/// What an output still had when the grace period of a stop was over.
struct LeftAtStop {
  /// Payloads that are neither delivered nor in the spool.
  var payloads = 0
  /// Records that went to the spool instead.
  var spooled = 0
  /// Records among the payloads' that nobody can read again.
  var lost = 0
}
