import CWeirSystem
import Glibc
import Testing

/// A real server on loopback, started once for a suite and ended with it.
final class ElasticServer: @unchecked Sendable {
  // SAFETY: unchecked because of the companion, which only the suite's scope touches.
  enum Kind: String { case elasticsearch, opensearch }

  /// The server of the suite that runs.
  @TaskLocal static var current: ElasticServer?

  let kind: Kind
  let port: Int
  private let scratch: Scratch
  private let companion: Companion

  private static let script = Settings.shared + "/elastic/run.sh"

  static let isThere = (access(script, R_OK) == 0 && hasJava) || Settings.isStrict
  static let missing: Comment = "no real server: set WEIR_SHARED, and install Java 17"

  private static let hasJava = system("java -version >/dev/null 2>&1") == 0

  init(_ kind: Kind) throws {
    self.kind = kind
    scratch = Scratch(kind.rawValue)
    port = HTTPCall.freePort()
    // The server does not look at its standard input; the shell beside it does.
    let line =
      "bash '\(Self.script)' \(kind.rawValue) \(port) '\(scratch.path)/data' & "
      + "cat >/dev/null; kill $!; wait"
    companion = try #require(
      Companion(["sh", "-c", line], in: scratch.path, name: kind.rawValue))
    let isReady = Clock.wait(90) {
      HTTPCall.send("GET", "/_cluster/health", port: port)?.status == 200
    }
    try #require(isReady, "\(companion.output)")
  }

  func end() { companion.end() }

  /// A request; its status has to be one of the 200s.
  @discardableResult
  func call(_ method: String, _ target: String, _ body: String = "") -> JSONText {
    let reply = HTTPCall.send(method, target, port: port, body: body)
    let isGood = (200..<300).contains(reply?.status ?? 0)
    #expect(isGood, "\(method) \(target): \(reply?.status ?? 0) \(reply?.body ?? "no reply")")
    return reply?.json ?? .null
  }

  /// How many documents of an index match a query in the query-string syntax.
  func count(_ index: String, _ query: String = "*") -> Int {
    var escaped = ""
    for byte in query.utf8 {
      let isPlain =
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
      let digits = String(byte, radix: 16, uppercase: true)
      escaped += isPlain ? String(Unicode.Scalar(byte)) : "%" + (byte < 16 ? "0" : "") + digits
    }
    call("POST", "/\(index)/_refresh?ignore_unavailable=true")
    let target = "/\(index)/_count?ignore_unavailable=true&q=\(escaped)"
    // The shards of an index that was just made may not be started: 503 until they are.
    _ = Clock.wait(10) { HTTPCall.send("GET", target, port: port)?.status != 503 }
    return call("GET", target)["count"].int ?? -1
  }

  /// Waits until an index holds so many documents; how many there were at last.
  func waitForCount(_ index: String, _ count: Int, seconds: Double = 60) -> Int {
    var found = -1
    _ = Clock.wait(seconds) {
      found = self.count(index)
      if found < count { Clock.sleep(0.2) }
      return found >= count
    }
    return found
  }
}

/// Runs a suite with a real server beside it.
struct RealServer: SuiteTrait, TestScoping {
  let kind: ElasticServer.Kind

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    guard ElasticServer.isThere else { return try await function() }
    let server = try ElasticServer(kind)
    defer { server.end() }
    try await ElasticServer.$current.withValue(server) { try await function() }
  }
}

extension Trait where Self == RealServer {
  static func realServer(_ kind: ElasticServer.Kind) -> RealServer { RealServer(kind: kind) }
}
