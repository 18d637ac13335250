import Dispatch
import Synchronization
import Testing
import WeirSystem

private final class Visitor: @unchecked Sendable {
  let visits: Locked<Int>
  let done = DispatchSemaphore(value: 0)
  private let onEnd: @Sendable () -> Void
  private var work: RepeatedWork?

  init(onEnd: @escaping @Sendable () -> Void) {
    visits = Locked(0)
    self.onEnd = onEnd
    work = RepeatedWork(on: DispatchQueue(label: "visits")) { [unowned self] in
      visits.withLock { $0 += 1 }
      done.signal()
    }
  }

  deinit { onEnd() }

  func visit() { work?.submit(keeping: self) }
}

@Suite("Repeated work")
struct RepeatedWorkTests {
  @Test("runs once per submission")
  func runs() {
    let visitor = Visitor(onEnd: {})
    for _ in 0..<10_000 {
      visitor.visit()
      visitor.done.wait()
    }
    #expect(visitor.visits.withLock { $0 } == 10_000)
  }

  @Test("keeps its owner until it has run, and no longer")
  func owner() {
    let ended = DispatchSemaphore(value: 0)
    for _ in 0..<100 {
      Visitor(onEnd: { ended.signal() }).visit()
      #expect(ended.wait(timeout: .now() + .seconds(20)) == .success)
    }
  }

  @Test("a submission from within the action leads to a further run")
  func again() {
    final class Chain: @unchecked Sendable {
      let ended = DispatchSemaphore(value: 0)
      var left = 5_000
      var work: RepeatedWork?
      func go() { work?.submit(keeping: self) }
    }
    let chain = Chain()
    chain.work = RepeatedWork(on: DispatchQueue(label: "chain")) { [unowned chain] in
      chain.left -= 1
      if chain.left == 0 { chain.ended.signal() } else { chain.go() }
    }
    chain.go()
    #expect(chain.ended.wait(timeout: .now() + .seconds(20)) == .success)
    chain.work = nil
  }
}

@Suite("Lists of who waits")
struct WakeListTests {
  @Test("everybody is woken once, and who waits anew meanwhile waits for the next time")
  func once() {
    let list = WakeList()
    let calls = Atomic<Int>(0)
    final class Again: Sendable {
      let signal = Locked<WakeSignal?>(nil)
    }
    let again = Again()
    again.signal.withLock {
      $0 = WakeSignal {
        calls.wrappingAdd(1, ordering: .relaxed)
        if let own = again.signal.withLock({ $0 }) { list.add(own) }
      }
    }
    if let own = again.signal.withLock({ $0 }) { list.add(own) }
    list.add(WakeSignal { calls.wrappingAdd(1, ordering: .relaxed) })
    list.wakeAll()
    #expect(calls.load(ordering: .relaxed) == 2)
    list.wakeAll()
    #expect(calls.load(ordering: .relaxed) == 3)
    again.signal.withLock { $0 = nil }
  }
}
