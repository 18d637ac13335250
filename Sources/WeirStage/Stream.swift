/// A source of ordered lines with one tag and one set of metadata: one container's log, whatever
/// files it rotates through; one pipe; one generator.
///
/// Partial lines and open multiline groups belong to the stream, never to a file.
public final class Stream: @unchecked Sendable {
  /// Number in this process, never reused.
  public let id: UInt64
  /// Index of the input instance that made it.
  public let inputIndex: Int
  /// Filters and outputs of its tag.
  public let plan: TagPlan
  /// What `path_key` shows: the path as the glob found it. Empty where there is none.
  public let path: [UInt8]
  /// Makes records of its bytes.
  public let decoder: any Decoder
  /// What the decoder carries between chunks; touched only during the ordered scan.
  public var openState: AnyObject?
  /// Set by the decoder during the ordered scan: when what is open wants to leave, in monotonic
  /// nanoseconds; `Int64.max` when nothing is open. Read by the input lane's timer.
  public let openDeadline = AtomicInstant()

  public init(id: UInt64, inputIndex: Int, plan: TagPlan, path: [UInt8], decoder: any Decoder) {
    self.id = id
    self.inputIndex = inputIndex
    self.plan = plan
    self.path = path
    self.decoder = decoder
  }
}
