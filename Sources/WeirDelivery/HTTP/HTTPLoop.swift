internal import CWeirHTTP
import Dispatch
import Glibc
import WeirSystem

/// The transport thread's door: what others ask of it, its start and its end.
final class HTTPLoop: @unchecked Sendable {
  // SAFETY: unchecked because of the pool's pointer in `Inbox`, which only the lock's holder uses;
  // the pool is replaced and closed under the same lock.

  struct Order {
    let request: HTTPRequest
    let reader: any HTTPReplyReader
  }

  enum Command {
    case send(Order)
    case cancel(HTTPOwner)
  }

  struct Inbox {
    var commands: [Command] = []
    /// What to wake; nil before the thread has made it and after it has ended.
    var pool: UnsafeMutableRawPointer?
    var thread: pthread_t?
    /// Why nothing can be sent, once the thread has found that out and ended.
    var problem: String?
    var isClosed = false
    var counts = HTTPClient.Counts()
  }

  let inbox = Locked(Inbox())

  var counts: HTTPClient.Counts { inbox.withLock { $0.counts } }

  /// Gives a command to the thread, which starts with the first one.
  func post(_ command: Command) {
    let refusal: HTTPFailure? = inbox.withLock { inbox in
      if inbox.isClosed { return .cancelled }
      if let problem = inbox.problem { return .connect(problem) }
      if inbox.thread == nil {
        // Nothing was sent that could be cancelled.
        guard case .send = command else { return nil }
        inbox.thread = start()
        if inbox.thread == nil { return .connect("the system has no thread to give") }
      }
      inbox.commands.append(command)
      if inbox.commands.count == 1, let pool = inbox.pool { weir_curl_pool_wake(pool) }
      return nil
    }
    guard let refusal, case .send(let order) = command else { return }
    // Not on this thread, which may hold a lock that the reader takes.
    DispatchQueue.global().async { order.reader.end(refusal) }
  }

  /// Ends the thread; every request ends with `.cancelled`.
  func close() {
    let thread: pthread_t? = inbox.withLock { inbox in
      if inbox.isClosed { return nil }
      inbox.isClosed = true
      if let pool = inbox.pool { weir_curl_pool_wake(pool) }
      return inbox.thread
    }
    guard let thread else { return }
    if pthread_equal(thread, pthread_self()) != 0 {
      pthread_detach(thread)
    } else {
      pthread_join(thread, nil)
    }
  }

  /// Starts the thread, with every signal blocked: they belong to others, and a broken connection
  /// must not raise SIGPIPE. Nil when the system has no thread to give.
  private func start() -> pthread_t? {
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_BLOCK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var thread = pthread_t()
    // SAFETY: the retain is balanced by the thread, or right here when there is none.
    let context = Unmanaged.passRetained(self)
    let code = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        let loop = Unmanaged<HTTPLoop>.fromOpaque(context).takeRetainedValue()
        HTTPThread(loop).run()
        return nil
      }, context.toOpaque())
    if code != 0 {
      context.release()
      return nil
    }
    return thread
  }
}
