import CWeirPlugin
import Glibc
import Testing
import WeirBatch
import WeirStage
import WeirTelemetry
import WeirTestSupport

@testable import WeirPluginHost

/// The sample output in Swift.
@Suite("lines")
struct SampleOutputTests {
  let folder = TemporaryFolder()

  private func output(_ options: [(String, String)]) throws -> PluginOutput {
    let host = try Stage.host(Build.plugin("WeirSampleOutput"))
    let output = try host.output(Stage.config(.output, "lines", options))
    return try #require(output as? PluginOutput)
  }

  private func deliver(_ check: CheckBatch, to output: PluginOutput) -> DeliveryResult {
    let payload = Payload()
    check.selection.withUnsafeBufferPointer {
      output.openLane(LaneContext(index: 0)).encode(
        check.batch, $0, into: payload, StageCounters(kind: .output, name: "test"))
    }
    #expect(payload.recordCount == check.selection.count)
    return output.deliver(payload)
  }

  private func sample() -> CheckBatch {
    let check = CheckBatch()
    let inner = check.parent("m", UInt32(WEIR_MAP), [check.text("k", "v")])
    check.add([check.text("log", "one\ntwo"), .int(KeyTable.shared.intern("n"), -3), inner])
    check.add([check.text("log", "second"), .bool(KeyTable.shared.intern("ok"), true)], tag: 1)
    return check
  }

  @Test("writes one line per record to a file")
  func file() throws {
    let path = folder.path + "/out"
    let output = try output([("path", path)])
    try output.start()
    guard case .done = deliver(sample(), to: output) else {
      Issue.record("not delivered")
      return
    }
    output.flush()
    output.close()
    #expect(
      contents(path)
        == "check.one 1700000000.123456789 log=one\\ntwo n=-3 m={k=v}\n"
        + "check.two 1700000000.123456790 log=second ok=true\n")
    #expect(output.instance.context.metrics.first?.value == 2)
  }

  @Test("writes one key only when told to, and asks again when the disk is full")
  func keyAndFailure() throws {
    let path = folder.path + "/out"
    let output = try output([("path", path), ("key", "log")])
    try output.start()
    _ = deliver(sample(), to: output)
    #expect(contents(path) == "one\\ntwo\nsecond\n")
    let full = try self.output([("path", "/dev/full")])
    try full.start()
    guard case .retry(let why) = deliver(sample(), to: full) else {
      Issue.record("a full disk is no reason to try again")
      return
    }
    #expect(why.contains("No space left"))
  }

  @Test("sends one datagram per record")
  func datagrams() throws {
    let receiver = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    defer { close(receiver) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(receiver, $0, length) == 0 && getsockname(receiver, $0, &length) == 0
      }
    }
    try #require(bound)
    let output = try output([("udp", "127.0.0.1:\(UInt16(bigEndian: address.sin_port))")])
    try output.start()
    _ = deliver(sample(), to: output)
    var bytes = [UInt8](repeating: 0, count: 1000)
    let first = recv(receiver, &bytes, bytes.count, 0)
    #expect(
      String(decoding: bytes[..<max(0, first)], as: UTF8.self)
        == "check.one 1700000000.123456789 log=one\\ntwo n=-3 m={k=v}\n")
    let second = recv(receiver, &bytes, bytes.count, 0)
    #expect(second > 0 && bytes[second - 1] == 10)
  }

  @Test(
    "targets that make no sense are refused",
    arguments: [
      ([("path", "/a"), ("udp", "1.2.3.4:5")], "give either path or udp"),
      ([], "give either path or udp"), ([("udp", "nowhere:1")], "no IPv4 address"),
    ])
  func refused(options: [(String, String)], words: String) {
    do {
      _ = try output(options)
      Issue.record("\(options) passed")
    } catch {
      #expect("\(error)".contains(words), "\(error)")
    }
  }

  @Test("a path that cannot be opened is told at the start")
  func unopened() throws {
    let output = try output([("path", "/nonexistent/file")])
    do {
      try output.start()
      Issue.record("it started")
    } catch {
      #expect("\(error)".contains("path: /nonexistent/file cannot be opened"))
    }
  }
}
