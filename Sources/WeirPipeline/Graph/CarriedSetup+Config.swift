import Glibc
import WeirConfig
import WeirDelivery
import WeirInputs
import WeirOutputs
import WeirStage

/// What a configuration says about carrying an output: workers, retries, servers, storage.
extension CarriedSetup {
  /// Bytes of dead letters that are kept where `storage.rejected.limit` names no number.
  static let deadLetterBytes = 64 << 20

  /// Reads the common options of an output over HTTP and those of the service.
  /// - Throws: `ConfigProblem` at the option.
  init(
    _ config: InstanceConfig, _ configuration: Configuration, retryLimit: Int?
  ) throws(ConfigProblem) {
    let service = configuration.service
    var policy = DeliveryPolicy()
    policy.retryLimit = retryLimit
    if let workers = try config.integer("workers"), workers > 0 {
      policy.fixedWindow = min(workers, 64)
    }
    if service.text("scheduler.base") != nil {
      policy.baseNanoseconds = Int64(max(1, service.schedulerBaseSeconds)) * 1_000_000_000
      policy.capNanoseconds = max(policy.capNanoseconds, policy.baseNanoseconds)
    }
    if service.text("scheduler.cap") != nil {
      policy.capNanoseconds = Int64(max(1, service.schedulerCapSeconds)) * 1_000_000_000
      policy.baseNanoseconds = min(policy.baseNanoseconds, policy.capNanoseconds)
    }
    let storage = try StorageChoice(config, configuration)
    self.init(
      policy: policy, servers: { try CarriedSetup.servers($0, config) }, spool: storage.spool,
      deadLetters: storage.deadLetters, transport: { HTTPClient.shared })
    // What is wrong with an option shows before anything starts.
    _ = try HTTPEndpoint(config, defaultPort: 80)
  }

  /// The servers of a target: those of its `upstream` file, or the one of the options.
  private static func servers(
    _ target: CarriedTarget, _ config: InstanceConfig
  ) throws -> [CarriedServer] {
    if target.nodes.isEmpty {
      var options: [(key: String, value: String)] = []
      if let host = target.host { options.append(("host", host)) }
      if let port = target.port { options.append(("port", "\(port)")) }
      if let usesTLS = target.usesTLS { options.append(("tls", usesTLS ? "on" : "off")) }
      return [
        try CarriedServer(
          endpoint: try endpoint(config, options), method: target.method, path: target.path,
          headers: target.headers)
      ]
    }
    return try target.nodes.map { node in
      try CarriedServer(
        endpoint: try endpoint(
          config, node.options + [("host", node.host), ("port", "\(node.port)")]),
        method: target.method, path: node.path, headers: node.headers)
    }
  }

  /// The endpoint of the output's options with some replaced.
  private static func endpoint(
    _ config: InstanceConfig, _ options: [(key: String, value: String)]
  ) throws(ConfigProblem) -> HTTPEndpoint {
    for option in options
    where !NetworkOptions.client.contains(where: { $0.name == option.key }) {
      throw config.problem("a server of an upstream does not know \(option.key)", key: "upstream")
    }
    let own = options.map {
      Property(key: $0.key, node: ConfigNode(text: $0.value, at: config.location))
    }
    let merged = InstanceConfig(
      kind: config.kind, plugin: config.plugin, index: config.index,
      properties: config.properties + own, schema: config.schema, location: config.location)
    return try HTTPEndpoint(merged, defaultPort: 80)
  }
}

/// Where an output's bodies and dead items are kept.
private struct StorageChoice {
  var spool: SpoolSettings?
  var deadLetters: SpoolSettings?

  init(_ config: InstanceConfig, _ configuration: Configuration) throws(ConfigProblem) {
    let service = configuration.service
    let root = service.storagePath ?? StorageChoice.defaultRoot
    if try StorageChoice.wantsSpool(config, configuration) {
      guard let root else {
        throw config.problem(
          "a spool needs a folder", key: "storage.total_limit_size",
          suggestion: "set storage.path in the service section")
      }
      spool = SpoolSettings(
        directory: SpoolLayout.spool(root: root, output: config.name),
        limitBytes: try config.size("storage.total_limit_size"),
        policy: try config.choice(
          "storage.total_limit_action", ["block", "drop_oldest"], default: "drop_oldest") == "block"
          ? .block : .dropOldest)
    }
    guard let root, service.text("storage.keep.rejected").flatMap(ValueGrammar.bool) ?? true else {
      return
    }
    deadLetters = SpoolSettings(
      directory: SpoolLayout.deadLetters(
        root: root, output: config.name, folder: service.text("storage.rejected.path")),
      limitBytes: service.text("storage.rejected.limit").flatMap(ValueGrammar.size)
        ?? CarriedSetup.deadLetterBytes,
      policy: .dropOldest)
  }

  /// An output has a spool when it sets a size for it, or when an input asks for files.
  private static func wantsSpool(
    _ config: InstanceConfig, _ configuration: Configuration
  ) throws(ConfigProblem) -> Bool {
    if config.property("storage.total_limit_size") != nil { return true }
    return configuration.inputs.contains {
      $0.storageType(configuration.service) == "filesystem"
    }
  }

  /// The default folder of read positions, where it can be written.
  private static var defaultRoot: String? {
    let folder = CheckpointDatabases.defaultDirectory
    return access(folder, W_OK) == 0 ? folder : nil
  }
}
