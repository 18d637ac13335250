import CWeirPlugin
import Testing
import WeirBatch
import WeirConfig
import WeirStage
import WeirTelemetry
import WeirTestSupport

@testable import WeirPluginHost

/// The host's instance of a component; the SDK has a protocol of the same name.
typealias HostInstance = PluginInstance

/// Instances of stages as a configuration would make them.
enum Stage {
  /// A host with these files loaded.
  static func host(_ files: String...) throws -> PluginHost {
    let host = PluginHost(loader: PluginLoader(folder: nil))
    for file in files { try host.load(named: file) }
    return host
  }

  static func config(
    _ kind: StageKind, _ type: String, _ options: [(String, String)]
  ) -> InstanceConfig {
    InstanceConfig(
      kind: kind, plugin: type,
      properties: options.enumerated().map { index, option in
        let place = SourceLocation(file: "test.conf", line: index + 2, column: 5)
        return Property(key: option.0, node: ConfigNode(text: option.1, at: place))
      })
  }

  /// A filter of a file.
  static func filter(
    _ file: String, _ type: String, _ options: [(String, String)] = []
  ) throws -> PluginFilter {
    let filter = try host(file).filter(config(.filter, type, options))
    return try #require(filter as? PluginFilter)
  }
}

extension PluginFilter {
  /// Runs one batch on a fresh lane.
  @discardableResult
  func run(_ check: CheckBatch, _ counters: StageCounters? = nil) -> StageCounters {
    let counters = counters ?? StageCounters(kind: .filter, name: "test")
    let lane = openLane(LaneContext(index: 0))
    check.selection.withUnsafeBufferPointer { lane.process(check.batch, $0, counters) }
    return counters
  }

  func metric(_ name: String) -> Int64? {
    instance.context.metrics.first { $0.name == name }?.value
  }
}

/// Makes one record per line, with the line under `log`.
final class LineByLine: Decoder {
  let key = KeyTable.shared.intern("log")

  func scan(_ chunk: Chunk, from offset: Int, in context: ScanContext) -> ScanStatus {
    var at = offset
    while at < chunk.length {
      var end = at
      while end < chunk.length, chunk.base[end] != 10 { end += 1 }
      guard
        let record = context.batch.appendRecord(
          time: context.now, position: chunk.position + UInt64(at), length: end + 1 - at,
          source: context.source, fieldRoom: 1)
      else { return .full(offset: at) }
      context.batch.append(
        .slice(
          key, UInt32(WEIR_TEXT), segment: UInt32(WEIR_SEGMENT_RAW),
          offset: chunk.rawOffset + UInt32(at), length: UInt32(end - at)), to: record)
      at = end + 1
    }
    return .finished
  }
}

/// The text of a file; nil when it cannot be read.
func contents(_ path: String) -> String? { shell("cat '\(path)'") }
