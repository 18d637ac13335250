import WeirSystem

/// A random 128-bit id of a file generation.
public struct GenerationID: Hashable, Sendable {
  public var high: UInt64
  public var low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// A new id from the system's random numbers.
  public static func random() -> GenerationID {
    GenerationID(high: .random(in: 1...UInt64.max), low: .random(in: 1...UInt64.max))
  }
}

/// One life of a file's content: begins when the file is first seen or truncated, and is inherited
/// through rename, rotation and compression. Positions are bytes of the uncompressed content.
public final class Generation: @unchecked Sendable {
  public let id: GenerationID
  private let state: Locked<State>
  fileprivate struct State {
    var committed: UInt64
    var isDirty = false
  }
  /// Queue ends in the ledger; touched under the ledger's lock only.
  var firstRange: Int32 = -1
  var lastRange: Int32 = -1

  let dirtyList: DirtyList?
  /// What begins before this position may have been delivered before this process began.
  let repeatsBefore: UInt64

  /// - Parameters:
  ///   - committed: the position up to which everything was finished before.
  ///   - repeatsBefore: where content began that no earlier process can have read; 0 for a new one.
  ///   - dirtyList: told when the position moves; without one `Ledger.takeDirty` tells.
  public init(
    id: GenerationID, committed: UInt64, repeatsBefore: UInt64 = 0, dirtyList: DirtyList? = nil
  ) {
    self.id = id
    self.repeatsBefore = repeatsBefore
    self.dirtyList = dirtyList
    state = Locked(State(committed: committed))
  }

  /// Every output has finished with everything before this position.
  public var committed: UInt64 { state.withLock { $0.committed } }

  func commit(_ position: UInt64) -> Bool {
    state.withLock { state in
      guard position > state.committed else { return false }
      state.committed = position
      let wasClean = !state.isDirty
      state.isDirty = true
      return wasClean
    }
  }

  func takeDirty() -> UInt64 {
    state.withLock { state in
      state.isDirty = false
      return state.committed
    }
  }
}
