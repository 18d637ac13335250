public import Dispatch

/// Work that goes to a queue again and again, without allocating anything for each time.
///
/// One submission at a time: the next one comes, from whatever thread, after the action of the one
/// before has begun.
public final class RepeatedWork: @unchecked Sendable {
  // SAFETY: unchecked because of the variables: only the one submission that is under way, and
  // then its action, touch them.

  /// Uses of one work item. libdispatch counts them in 32 bits, and takes the first one after an
  /// overflow for the end of a group that has ended: the process would stop there.
  public static let usesMax = 1 << 30

  private let queue: DispatchQueue
  private let renewAfter: Int
  private let action: () -> Void
  private var item = DispatchWorkItem {}
  private var uses = 0
  private var owner: AnyObject?

  /// Runs `action` on `queue` for each `submit`. `usesMax` is for tests.
  public init(
    on queue: DispatchQueue, usesMax: Int = RepeatedWork.usesMax, _ action: @escaping () -> Void
  ) {
    self.queue = queue
    self.action = action
    renewAfter = usesMax
    item = makeItem()
  }

  /// Submits the action; `owner` lives at least until it has run.
  public func submit(keeping owner: AnyObject) {
    self.owner = owner
    queue.async(execute: item)
  }

  private func makeItem() -> DispatchWorkItem {
    // Its owner keeps this object, and is kept itself until the end.
    DispatchWorkItem { [unowned self] in
      let kept = owner
      owner = nil
      uses += 1
      if uses >= renewAfter {
        uses = 0
        item = makeItem()
      }
      action()
      withExtendedLifetime(kept) {}
    }
  }
}
