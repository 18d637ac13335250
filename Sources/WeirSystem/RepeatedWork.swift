public import Dispatch
import Synchronization

/// Work that goes to a queue again and again, without allocating anything for each time.
///
/// One submission at a time: the next one comes, from whatever thread, after the action of the one
/// before has begun.
///
/// A source of the kind that counts is its own place in the queue: libdispatch makes neither a work
/// item nor a continuation for a submission, as `async` does.
public final class RepeatedWork: @unchecked Sendable {
  // SAFETY: unchecked because of the source, which any thread may add to.
  private let source: any DispatchSourceUserDataAdd
  /// A retained reference, or 0.
  private let owner = Atomic<UInt>(0)

  /// Runs `action` on `queue` for each `submit`.
  public init(on queue: DispatchQueue, _ action: @escaping () -> Void) {
    source = DispatchSource.makeUserDataAddSource(queue: queue)
    // The owner keeps this object, and is kept itself until the end.
    source.setEventHandler { [unowned self] in
      let kept = takeOwner()
      action()
      withExtendedLifetime(kept) {}
    }
    source.activate()
  }

  deinit {
    source.cancel()
    _ = takeOwner()
  }

  /// Submits the action; `owner` lives at least until it has run.
  public func submit(keeping owner: AnyObject) {
    // SAFETY: `takeOwner` takes over the reference that is retained here.
    let reference = unsafe UInt(bitPattern: Unmanaged.passRetained(owner).toOpaque())
    // ORDERING: release, so that the action sees what the submitter did before.
    let earlier = self.owner.exchange(reference, ordering: .acquiringAndReleasing)
    precondition(earlier == 0, "work was submitted again before it had begun")
    source.add(data: 1)
  }

  private func takeOwner() -> AnyObject? {
    let reference = owner.exchange(0, ordering: .acquiringAndReleasing)
    guard let pointer = unsafe UnsafeRawPointer(bitPattern: reference) else { return nil }
    return unsafe Unmanaged<AnyObject>.fromOpaque(pointer).takeRetainedValue()
  }
}
