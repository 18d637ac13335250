/// Inflates a file of one or more members piece by piece, with a cap on what comes out.
///
/// Several members behind each other read as one stream, and what follows the last one (zeros of a
/// padded block, rubbish) is left out, as gzip does. Owned by one reader; not thread-safe.
public final class MemberInflater {
  /// How a step ended.
  public enum Status: Sendable, Equatable {
    /// All input is taken; more may follow.
    case needsInput
    /// The room is full; call again with the rest of the input.
    case noSpace
    /// What follows the last member is no member: nothing more comes out of this file.
    case end
    /// The cap was reached: the file holds more than it may.
    case limit
    /// The data are damaged; the text says how.
    case failed(String)
  }

  private let codec: any Codec
  private let bytesMax: Int
  private var isOpen = false
  private var isFinished = false
  private var firstByte: UInt8 = 0
  /// Bytes that came out so far.
  public private(set) var producedBytes = 0
  /// Members that were read to their end.
  public private(set) var memberCount = 0
  /// True when the input so far ends with a complete member: the file may end here.
  public var isComplete: Bool { !isOpen && memberCount > 0 }

  /// Takes a codec that nobody else uses. `bytesMax` caps what comes out of the whole file.
  public init(_ codec: any Codec, bytesMax: Int = Int.max) {
    self.codec = codec
    self.bytesMax = bytesMax
  }

  /// Takes input and fills room; `consumed` and `produced` count what was taken and made.
  public func read(
    _ input: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer,
    consumed: inout Int, produced: inout Int
  ) -> Status {
    consumed = 0
    produced = 0
    while true {
      if isFinished {
        consumed = input.count
        return .end
      }
      if !isOpen {
        if consumed == input.count { return .needsInput }
        if let ended = unsafe openMember(at: input[consumed]) { return ended }
        continue
      }
      let left = min(room.count - produced, bytesMax - producedBytes)
      if left == 0 { return producedBytes == bytesMax ? .limit : .noSpace }
      let step = unsafe codec.write(
        UnsafeRawBufferPointer(rebasing: input[consumed...]),
        into: UnsafeMutableRawBufferPointer(rebasing: room[produced..<produced + left]))
      consumed += step.consumed
      produced += step.produced
      producedBytes += step.produced
      if step.produced > 0 { isFresh = false }
      switch step.status {
      case .done: return .needsInput
      case .noSpace:
        if step.produced == 0 && step.consumed == 0 { return .failed("the codec stands still") }
      case .memberEnd:
        isOpen = false
        memberCount += 1
      case .failed(let why):
        guard memberCount > 0 && isFresh else { return .failed(why) }
        isFinished = true
        isOpen = false
      }
    }
  }

  /// True until the open member has made a byte: what fails before that was no member.
  private var isFresh = false

  private func openMember(at first: UInt8) -> Status? {
    // A further member begins as the first one did; zeros that pad a block, and rubbish, do not.
    if memberCount > 0 && first != firstByte {
      isFinished = true
      return nil
    }
    firstByte = first
    do {
      try codec.begin(.inflate)
    } catch {
      return .failed(error.description)
    }
    isOpen = true
    isFresh = true
    return nil
  }
}
