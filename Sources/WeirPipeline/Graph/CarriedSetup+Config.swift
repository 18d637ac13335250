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
    let group = config.property("upstream").flatMap { property in
      configuration.upstreams.first { $0.file == property.text || $0.name == property.text }
    }
    self.init(
      policy: policy, servers: { try CarriedSetup.servers($0, config, group?.nodes ?? []) },
      spool: storage.spool, deadLetters: storage.deadLetters, keepsRejected: storage.keepsRejected,
      transport: { HTTPClient.shared })
    // What is wrong with an option shows before anything starts.
    _ = try HTTPEndpoint(config, defaultPort: 80)
  }

  /// The servers of a target: those of its `upstream` file, which stand there as `written`, or the
  /// one of the options.
  private static func servers(
    _ target: CarriedTarget, _ config: InstanceConfig, _ written: [UpstreamDefinition.Node]
  ) throws -> [CarriedServer] {
    if target.nodes.isEmpty {
      var options: [(key: String, value: String)] = []
      if let host = target.host { options.append(("host", host)) }
      if let port = target.port { options.append(("port", "\(port)")) }
      if let usesTLS = target.usesTLS { options.append(("tls", usesTLS ? "on" : "off")) }
      let own = options.map { key, value in
        // What the plugin has found out stands where the option does, for messages.
        Property(
          key: key,
          node: ConfigNode(text: value, at: config.property(key)?.location ?? config.location))
      }
      return [
        try CarriedServer(
          endpoint: try endpoint(config, own), method: target.method, path: target.path,
          headers: target.headers)
      ]
    }
    return try target.nodes.enumerated().map { index, node in
      let place = written.indices.contains(index) ? written[index] : nil
      let options = node.options + [("host", node.host), ("port", "\(node.port)")]
      let own = options.map { key, value in
        place?.properties.last { $0.key == key }
          ?? Property(
            key: key, node: ConfigNode(text: value, at: place?.location ?? config.location))
      }
      return try CarriedServer(
        endpoint: try endpoint(config, own), method: target.method, path: node.path,
        headers: node.headers)
    }
  }

  /// The endpoint of the output's options with some replaced.
  private static func endpoint(
    _ config: InstanceConfig, _ own: [Property]
  ) throws(ConfigProblem) -> HTTPEndpoint {
    for property in own
    where !NetworkOptions.client.contains(where: { $0.name == property.key }) {
      throw property.problem("a server of an upstream does not know it")
    }
    let merged = InstanceConfig(
      kind: config.kind, plugin: config.plugin, index: config.index,
      properties: config.properties + own, schema: config.schema, location: config.location)
    var endpoint = try HTTPEndpoint(merged, defaultPort: 80)
    if merged.property("net.io_timeout") == nil {
      endpoint.connect.ioTimeoutSeconds = CarriedServer.ioTimeoutSeconds
    }
    return endpoint
  }
}
