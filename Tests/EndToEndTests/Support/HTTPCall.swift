import CWeirSystem
import Glibc

/// One HTTP exchange with a server on loopback, on a connection of its own.
struct HTTPCall: Equatable {
  let status: Int
  let body: String

  var json: JSONText { JSONText(body) ?? .null }

  /// Sends a request and reads the reply to its end; nil when there was none.
  static func send(
    _ method: String, _ target: String, port: Int, body: String = "",
    type: String = "application/json", seconds: Int = 30
  ) -> HTTPCall? {
    guard let descriptor = connect(port: port, seconds: seconds) else { return nil }
    defer { close(descriptor) }
    let head =
      "\(method) \(target) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n"
      + "Content-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
    let sent = Array((head + body).utf8).withUnsafeBytes { Files.writeAll(descriptor, $0) }
    guard sent else { return nil }
    return parse(read(descriptor))
  }

  /// A port of loopback that nobody listens on.
  static func freePort() -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(port: 0)
    var count = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(descriptor, $0, count)
        _ = getsockname(descriptor, $0, &count)
      }
    }
    return Int(UInt16(bigEndian: address.sin_port))
  }

  private static func loopback(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }

  private static func connect(port: Int, seconds: Int) -> Int32? {
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_INET, kind, 0)
    var wait = timeval(tv_sec: seconds, tv_usec: 0)
    let count = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, count)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &wait, count)
    var address = loopback(port: port)
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if status == 0 { return descriptor }
    close(descriptor)
    return nil
  }

  private static func read(_ descriptor: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = Glibc.read(descriptor, &chunk, chunk.count), count > 0 {
      bytes.append(contentsOf: chunk[0..<count])
    }
    return bytes
  }

  private static func parse(_ bytes: [UInt8]) -> HTTPCall? {
    var split: Int?
    for at in bytes.indices where bytes[at...].starts(with: [13, 10, 13, 10]) {
      split = at
      break
    }
    guard let split else { return nil }
    let head = String(decoding: bytes[..<split], as: UTF8.self)
    let words = head.split(separator: " ", maxSplits: 2)
    guard words.count > 1, let status = Int(words[1]) else { return nil }
    return HTTPCall(status: status, body: String(decoding: bytes[(split + 4)...], as: UTF8.self))
  }
}
