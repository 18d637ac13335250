import CWeirPlugin
import Glibc
import Synchronization

/// Who works on what: the batch that a plugin holds on one lane, and the thread that it was called
/// on. Host functions with the tag [lane] are refused from anywhere else.
final class LaneMark: Sendable {
  private let thread = Atomic<UInt>(0)
  private let batch = Atomic<UInt>(0)
  private let reserved = Atomic<UInt64>(LaneMark.nothing)

  /// No scratch is reserved.
  private static let nothing = UInt64.max

  /// Before a call of the plugin with a batch.
  func enter(_ raw: UnsafeMutablePointer<weir_batch>) {
    thread.store(LaneMark.currentThread, ordering: .relaxed)
    reserved.store(LaneMark.nothing, ordering: .relaxed)
    // ORDERING: release, so that who finds the batch finds its thread.
    batch.store(UInt(bitPattern: raw), ordering: .releasing)
  }

  /// After it.
  func leave() { batch.store(0, ordering: .releasing) }

  /// True when this thread is inside the call that has this batch.
  func holds(_ raw: UnsafeMutablePointer<weir_batch>) -> Bool {
    batch.load(ordering: .acquiring) == UInt(bitPattern: raw)
      && thread.load(ordering: .relaxed) == LaneMark.currentThread
  }

  /// Remembers how much scratch may be committed.
  func reserve(_ bytes: UInt64) { reserved.store(bytes, ordering: .relaxed) }

  /// Takes `bytes` of the last reserve; false when there was none, or it was smaller.
  func commit(_ bytes: UInt64) -> Bool {
    let room = reserved.exchange(LaneMark.nothing, ordering: .relaxed)
    return room != LaneMark.nothing && bytes <= room
  }

  static var currentThread: UInt { UInt(pthread_self()) }
}
