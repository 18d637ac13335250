import WeirConfig
import WeirDelivery
import WeirParsers
public import WeirStage
import WeirTelemetry

/// `tail`: follows files through rotation, truncation and restarts.
public final class TailInput: Input, @unchecked Sendable {
  public let decoder: any Decoder
  public let parallelStages: [any Filter]
  private let options: TailOptions
  private let openDatabase: @Sendable () throws -> CheckpointDatabase
  private let storeName: String
  private let databases: CheckpointDatabases
  private let descriptors: DescriptorBudget
  // Input lane only.
  private var tailer: Tailer?

  /// Reads the options. `openDatabase` is called by `start`: building a pipeline touches no file.
  /// - Throws: `ConfigProblem` for a bad value.
  init(
    _ config: InstanceConfig, lines: LineDecoding, databases: CheckpointDatabases,
    descriptors: DescriptorBudget,
    openDatabase: @escaping @Sendable () throws -> CheckpointDatabase
  ) throws(ConfigProblem) {
    options = try TailOptions(config)
    decoder = lines.decoder
    parallelStages = lines.stages
    self.openDatabase = openDatabase
    storeName = config.name
    self.databases = databases
    self.descriptors = descriptors
  }

  /// Begins to read; see `Input.start`.
  public func start(_ host: InputHost) throws {
    (decoder as? any CountingDecoder)?.bind(host.counters)
    let store = CheckpointStore(input: storeName, database: try openDatabase())
    if !store.isPersistent {
      Log.warn(
        "\(host.name): positions are not stored, a restart reads anew; set \"db\" or "
          + "\"storage.path\", or make /var/lib/weir")
    }
    let tailer = Tailer(
      host: host, options: options, store: store, descriptors: descriptors)
    let adopted = try store.adopt(without: databases.userNames) { tailer.isWanted($0) }
    if adopted.rows > 0 {
      Log.info(
        "\(host.name): goes on from \(adopted.rows) positions that were stored under the name "
          + adopted.from.joined(separator: ", "))
    }
    try tailer.start()
    self.tailer = tailer
  }

  /// Reads no more; see `Input.stop`.
  public func stop() { tailer?.stop() }
  /// Room has come back; see `Input.resume`.
  public func resume() { tailer?.resume() }
  /// Stores positions to the end; see `Input.finish`.
  public func finish() { tailer?.finish() }
}
