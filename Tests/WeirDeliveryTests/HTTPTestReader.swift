import Dispatch
import Glibc
import WeirDelivery
import WeirSystem

/// Takes a reply, and everything that must not happen with it.
final class TestReader: HTTPReplyReader {
  struct Reply: Sendable {
    var status = 0
    var contentType = ""
    var body: [UInt8] = []
    var bodyBytes = 0
    var chunkCount = 0
    var ends: [HTTPFailure?] = []
    /// Calls that came too early, too late or twice.
    var misplaced = 0

    var text: String { String(decoding: body, as: UTF8.self) }
  }

  private let state = Locked(Reply())
  private let done = DispatchSemaphore(value: 0)
  private let bytesMax: Int
  private let bytesKept: Int

  /// Gives up behind `bytesMax` bytes of the body; keeps the first `bytesKept`.
  init(bytesMax: Int = .max, bytesKept: Int = 1 << 20) {
    self.bytesMax = bytesMax
    self.bytesKept = bytesKept
  }

  func begin(status: Int, contentType: String) {
    state.withLock { reply in
      if reply.status != 0 || !reply.ends.isEmpty { reply.misplaced += 1 }
      reply.status = status
      reply.contentType = contentType
    }
  }

  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    state.withLock { reply in
      if reply.status == 0 || !reply.ends.isEmpty { reply.misplaced += 1 }
      reply.bodyBytes += bytes.count
      reply.chunkCount += 1
      if reply.body.count < bytesKept { reply.body += bytes }
      return reply.bodyBytes <= bytesMax
    }
  }

  func end(_ failure: HTTPFailure?) {
    state.withLock { $0.ends.append(failure) }
    done.signal()
  }

  /// The reply so far.
  var reply: Reply { state.withLock { $0 } }

  /// The reply when it has ended; nil when that takes longer than a test may.
  func wait(seconds: Int = 20) -> Reply? {
    guard done.wait(timeout: .now() + .seconds(seconds)) == .success else { return nil }
    return reply
  }
}

extension HTTPClient {
  /// Sends one request and waits for its end.
  func exchange(
    _ endpoint: HTTPEndpoint, method: String = "POST", target: String = "/",
    headers: [HTTPHeader] = [], body: HTTPBody = HTTPBody("{}"), timeoutSeconds: Double = 0,
    reader: TestReader = TestReader()
  ) throws -> TestReader.Reply? {
    send(
      try HTTPRequest(
        endpoint: endpoint, method: method, target: target, headers: headers, body: body,
        timeoutSeconds: timeoutSeconds), reader)
    return reader.wait()
  }
}

/// Waits until something holds, for a time that only a broken program needs.
func eventually(seconds: Double = 10, _ condition: () -> Bool) -> Bool {
  let end = DispatchTime.now() + seconds
  while DispatchTime.now() < end {
    if condition() { return true }
    usleep(5000)
  }
  return condition()
}
