import CWeirPlugin
import CWeirSystem
import Glibc
import Testing
import WeirBatch
import WeirConfig
import WeirStage
import WeirTelemetry
import WeirTestSupport

@testable import WeirPluginHost

/// The plugin of this build, and instances as a configuration would make them.
enum Plugin {
  static let file = Build.plugin("WeirElasticsearch")

  /// A host with the plugin, and with gzip where bodies are compressed.
  static let host: PluginHost = {
    let host = PluginHost(loader: PluginLoader(folder: nil))
    for file in [file, Build.plugin("WeirGzip")] {
      do { try host.load(named: file) } catch { Issue.record("\(error)") }
    }
    do {
      CodecRegistry.shared.register(try host.codec("gzip"))
    } catch {
      Issue.record("\(error)")
    }
    return host
  }()

  static func config(_ type: String, _ options: [(String, String)]) -> InstanceConfig {
    InstanceConfig(
      kind: .output, plugin: type,
      properties: options.enumerated().map { index, option in
        let place = SourceLocation(file: "test.conf", line: index + 2, column: 5)
        return Property(key: option.0, node: ConfigNode(text: option.1, at: place))
      })
  }

  static func output(
    _ options: [(String, String)] = [], type: String = "es",
    service: ServiceConfig = ServiceConfig()
  ) throws -> PluginCarriedOutput {
    var upstreams: [UpstreamDefinition] = []
    if let file = options.first(where: { $0.0 == "upstream" })?.1 {
      let (definition, problems) = ConfigLoader().loadUpstream(file: file)
      if let problem = problems.errors.first { throw problem }
      if let definition { upstreams.append(definition) }
    }
    let made = try host.carriedOutput(
      config(type, options), service: service, upstreams: upstreams)
    return try #require(made as? PluginCarriedOutput)
  }
}

extension PluginCarriedOutput {
  /// The payload of a batch, encoded on a fresh lane.
  func encode(_ check: CheckBatch, _ counters: StageCounters? = nil) -> Payload {
    let counters = counters ?? StageCounters(kind: .output, name: "test")
    let payload = Payload()
    let lane = openLane(LaneContext(index: 0))
    check.selection.withUnsafeBufferPointer {
      lane.encode(check.batch, $0, into: payload, counters)
    }
    return payload
  }

  /// The body of a batch as text.
  func body(_ check: CheckBatch) -> String { encode(check).text }

  /// The lines of a batch's body.
  func lines(_ check: CheckBatch) -> [String] {
    body(check).split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
  }

  /// Feeds a reply in pieces of so many bytes.
  func reply(
    _ text: String, status: Int = 200, items: Int, piece: Int = Int.max, isComplete: Bool = true
  ) -> ReplyVerdict {
    let reader = openReply(status: status, contentType: "application/json", itemCount: items)
    let bytes = Array(text.utf8)
    var at = 0
    while at < bytes.count {
      let end = bytes.count - at > piece ? at + piece : bytes.count
      let goesOn = bytes.withUnsafeBytes {
        reader.receive(UnsafeRawBufferPointer(rebasing: $0[at..<end]))
      }
      if !goesOn { break }
      at = end
    }
    return reader.finish(isComplete: isComplete)
  }
}

extension Payload {
  var text: String {
    String(decoding: UnsafeBufferPointer(start: base, count: length), as: UTF8.self)
  }
}

extension ReplyVerdict {
  /// The outcomes as letters: d done, r retry, x dead, u duplicate.
  var letters: String {
    String(
      (0..<outcomes.count).map { index -> Character in
        switch outcomes[index] {
        case .done: "d"
        case .retry: "r"
        case .dead: "x"
        case .duplicate: "u"
        }
      })
  }
}

/// A batch with one record per list of fields; times begin at 2026-02-03T04:05:06.789012345Z, a
/// second apart.
func batch(_ records: [[(String, String)]]) -> CheckBatch {
  let check = CheckBatch()
  for fields in records { check.add(fields.map { check.text($0.0, $0.1) }) }
  for i in 0..<check.batch.recordCount {
    check.batch.records[i].time_ns = 1_770_091_506_789_012_345 + Int64(i) * 1_000_000_000
    check.batch.records[i].resource = UInt32(WEIR_NO_RESOURCE)
  }
  return check
}

/// Holds text against the grammar of JSON (RFC 8259), one value to its end.
struct JSONCheck {
  private let bytes: [UInt8]
  private var at = 0

  static func isValue(_ text: some StringProtocol) -> Bool {
    guard String(validating: Array(text.utf8), as: UTF8.self) != nil else { return false }
    var check = JSONCheck(bytes: Array(text.utf8))
    return check.value(0) && check.at == check.bytes.count
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private mutating func value(_ depth: Int) -> Bool {
    guard at < bytes.count, depth < 200 else { return false }
    switch bytes[at] {
    case UInt8(ascii: "{"): return list(UInt8(ascii: "}"), depth, hasKeys: true)
    case UInt8(ascii: "["): return list(UInt8(ascii: "]"), depth, hasKeys: false)
    case UInt8(ascii: "\""): return string()
    default:
      let start = at
      while at < bytes.count, "+-.0123456789eEtrufalsn".utf8.contains(bytes[at]) { at += 1 }
      let word = String(decoding: bytes[start..<at], as: UTF8.self)
      return ["true", "false", "null"].contains(word) || Double(word) != nil
    }
  }

  private mutating func list(_ end: UInt8, _ depth: Int, hasKeys: Bool) -> Bool {
    at += 1
    if take(end) { return true }
    while true {
      if hasKeys && !(string() && take(UInt8(ascii: ":"))) { return false }
      if !value(depth + 1) { return false }
      if take(end) { return true }
      if !take(UInt8(ascii: ",")) { return false }
    }
  }

  private mutating func string() -> Bool {
    guard take(UInt8(ascii: "\"")) else { return false }
    while at < bytes.count {
      let byte = bytes[at]
      at += 1
      if byte == UInt8(ascii: "\"") { return true }
      if byte < 0x20 { return false }
      if byte == UInt8(ascii: "\\") {
        guard at < bytes.count else { return false }
        let escape = bytes[at]
        at += 1
        if escape == UInt8(ascii: "u") {
          at += 4
        } else if !"\"\\/bfnrt".utf8.contains(escape) {
          return false
        }
      }
    }
    return false
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard at < bytes.count, bytes[at] == byte else { return false }
    at += 1
    return true
  }
}
