import Dispatch
import Synchronization
import Testing
import WeirSystem

private final class Visitor: @unchecked Sendable {
  let visits: Locked<Int>
  let done = DispatchSemaphore(value: 0)
  private let onEnd: @Sendable () -> Void
  private var work: RepeatedWork?

  init(usesMax: Int, onEnd: @escaping @Sendable () -> Void) {
    visits = Locked(0)
    self.onEnd = onEnd
    work = RepeatedWork(on: DispatchQueue(label: "visits"), usesMax: usesMax) { [unowned self] in
      visits.withLock { $0 += 1 }
      done.signal()
    }
  }

  deinit { onEnd() }

  func visit() { work?.submit(keeping: self) }
}

@Suite("Repeated work")
struct RepeatedWorkTests {
  @Test("runs once per submission, also when its work item is renewed")
  func renewed() {
    let visitor = Visitor(usesMax: 3, onEnd: {})
    for _ in 0..<1_000 {
      visitor.visit()
      visitor.done.wait()
    }
    #expect(visitor.visits.withLock { $0 } == 1_000)
  }

  @Test("keeps its owner until it has run, and no longer")
  func owner() {
    let ended = DispatchSemaphore(value: 0)
    for _ in 0..<100 {
      Visitor(usesMax: 2, onEnd: { ended.signal() }).visit()
      #expect(ended.wait(timeout: .now() + .seconds(20)) == .success)
    }
  }
}
