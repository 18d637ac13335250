import CWeirSystem
import Dispatch
import Glibc
import WeirSystem

/// One accepted connection: blocking reads and writes of whatever a test wants to send.
final class TestConnection: @unchecked Sendable {
  struct Request: Sendable {
    var line = ""
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []

    func header(_ name: String) -> String? {
      headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
  }

  let fd: Int32
  private var pending: [UInt8] = []

  init(_ fd: Int32) { self.fd = fd }

  /// The next request with its whole body; nil at the end.
  func readRequest() -> Request? {
    guard let head = readHead() else { return nil }
    var request = Request()
    let lines = head.split(separator: "\r\n")
    request.line = lines.first.map(String.init) ?? ""
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count > 1 ? parts[1].drop { $0 == " " } : ""
      request.headers.append((String(parts[0]), String(value)))
    }
    let count = request.header("Content-Length").flatMap(Int.init) ?? 0
    while pending.count < count {
      if !fill() { return nil }
    }
    request.body = Array(pending.prefix(count))
    pending.removeFirst(count)
    return request
  }

  /// Header lines without the blank one.
  func readHead() -> String? {
    let mark = Array("\r\n\r\n".utf8)
    while true {
      if let end = find(mark) {
        let head = String(decoding: pending[..<end], as: UTF8.self)
        pending.removeFirst(end + mark.count)
        return head
      }
      if !fill() { return nil }
    }
  }

  private func find(_ mark: [UInt8]) -> Int? {
    guard pending.count >= mark.count else { return nil }
    return (0...(pending.count - mark.count)).first { Array(pending[$0..<$0 + 4]) == mark }
  }

  private func fill() -> Bool {
    var chunk = [UInt8](repeating: 0, count: 65536)
    let count = recv(fd, &chunk, chunk.count, 0)
    if count <= 0 { return false }
    pending += chunk[..<count]
    return true
  }

  /// Bytes as they come; nil at the end.
  func readSome() -> [UInt8]? {
    if pending.isEmpty && !fill() { return nil }
    defer { pending = [] }
    return pending
  }

  @discardableResult
  func write(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { all in
        Glibc.send(
          fd, all.baseAddress.map { $0 + sent }, all.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return false }
      sent += count
    }
    return true
  }

  @discardableResult
  func write(_ text: String) -> Bool { write(Array(text.utf8)) }

  func reply(_ body: String, status: String = "200 OK", type: String = "application/json") {
    write(
      "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        + body)
  }

  /// Ends the connection with a reset instead of an orderly end.
  func reset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    shutdown(fd, Int32(SHUT_RD))
  }
}

/// A server on the loopback whose behaviour is a closure, run on a thread of each connection.
final class TestServer: @unchecked Sendable {
  private struct State {
    var accepted = 0
    var open = 0
    var openMax = 0
    var ended = 0
    var fds: Set<Int32> = []
  }

  let port: Int
  private let listener: Int32
  private let state = Locked(State())
  private let serve: @Sendable (TestConnection) -> Void

  var accepted: Int { state.withLock { $0.accepted } }
  var openMax: Int { state.withLock { $0.openMax } }
  var ended: Int { state.withLock { $0.ended } }

  init(_ serve: @escaping @Sendable (TestConnection) -> Void) {
    self.serve = serve
    (listener, port) = TestServer.listen()
    let listener = listener
    Thread.start { [weak self] in
      while true {
        let fd = accept(listener, nil, nil)
        if fd < 0 { return }
        _ = weir_fcntl(fd, F_SETFD, Int(FD_CLOEXEC))
        guard let self else {
          Glibc.close(fd)
          return
        }
        self.take(fd)
      }
    }
  }

  deinit { stop() }

  /// Takes no more connections and ends those that are open.
  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    state.withLock { for fd in $0.fds { shutdown(fd, Int32(SHUT_RDWR)) } }
  }

  private func take(_ fd: Int32) {
    state.withLock { state in
      state.accepted += 1
      state.open += 1
      state.openMax = max(state.openMax, state.open)
      state.fds.insert(fd)
    }
    Thread.start { [self] in
      serve(TestConnection(fd))
      state.withLock { state in
        state.open -= 1
        state.ended += 1
        state.fds.remove(fd)
        Glibc.close(fd)
      }
    }
  }

  /// A listening socket on a free port of the loopback.
  static func listen() -> (fd: Int32, port: Int) {
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        _ = bind(fd, address, size)
        _ = Glibc.listen(fd, 256)
        getsockname(fd, address, &size)
      }
    }
    return (fd, Int(UInt16(bigEndian: address.sin_port)))
  }

  /// A port that nobody listens on, at the moment.
  static func freePort() -> Int {
    let (fd, port) = listen()
    Glibc.close(fd)
    return port
  }
}

/// A detached thread with a closure.
enum Thread {
  private final class Box {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  static func start(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    // SAFETY: the thread takes the retain over.
    let box = Unmanaged.passRetained(Box(body)).toOpaque()
    pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body()
        return nil
      }, box)
    pthread_detach(thread)
  }
}
