import CWeirPlugin
public import WeirConfig
import WeirOutputs
public import WeirStage
import WeirSystem
import WeirTelemetry

/// An output of a plugin that the host carries over HTTP: the plugin encodes on the lanes, says
/// where requests go, and reads replies.
final class PluginCarriedOutput: CarriedOutput, @unchecked Sendable {
  let instance: PluginInstance
  let table: weir_output
  private let http: weir_http
  let target: CarriedTarget
  /// Lane of `interpret`, for plugins that read whole replies; opened by `start`.
  private let interpreter = Locked<PluginInstance.Lane?>(nil)

  /// Asks the plugin where requests go. `nodes` are the servers of the group that `upstream` names.
  init(_ instance: PluginInstance, nodes: [UpstreamDefinition.Node] = []) throws {
    let name = instance.context.name
    guard case .output(let table, let http?) = instance.component.table else {
      throw PluginHostError.refused(component: name, what: "it is no output over HTTP")
    }
    self.instance = instance
    self.table = table
    self.http = http
    let reader = TargetReader(instance, http)
    var target = try reader.read()
    for node in nodes { target.nodes.append(try reader.read(node)) }
    self.target = target
    if target.encoding == .gzip {
      do {
        _ = try instance.context.codecs("gzip").open(options: [])
      } catch {
        throw PluginHostError.refused(
          component: name, what: "its bodies are to be compressed, but \(error.description)")
      }
    }
  }

  func openLane(_ lane: LaneContext) -> any OutputLane {
    do {
      let codec =
        target.encoding == .gzip
        ? try instance.context.codecs("gzip").open(options: []) : nil
      return CarriedLane(instance, table, try instance.openLane(lane.index), codec)
    } catch {
      Log.error("\(instance.context.name): \(error)")
      return CarriedLane(instance, table, nil, nil)
    }
  }

  func start() throws {
    guard http.reply_open == nil else { return }
    let opened = try instance.openLane(HostContext.lanesMax - 1)
    interpreter.withLock { $0 = opened }
  }

  func openReply(status: Int, contentType: String, itemCount: Int) -> any CarriedReply {
    if http.reply_open == nil {
      return InterpretedReply(
        instance, table, interpreter.withLock { $0 }, status: status, itemCount: itemCount)
    }
    return PluginReply(
      instance, http, status: status, contentType: contentType, itemCount: itemCount)
  }

  func close() { instance.drain(seconds: PluginInstance.drainSeconds) }
}

extension PluginHost {
  /// The output of a configured instance whose payloads the host carries over HTTP; nil when no
  /// plugin has one of its type, or when it delivers itself (see `output`).
  /// - Parameters:
  ///   - service: gives `json.escape_unicode` and `json.convert_nan_to_null` of JSON.
  ///   - upstreams: the groups of the configuration, those of files that outputs name included.
  /// - Throws: `ConfigProblem` for options, `PluginHostError` for what the plugin refuses.
  public func carriedOutput(
    _ config: InstanceConfig, service: ServiceConfig = ServiceConfig(),
    upstreams: [UpstreamDefinition] = []
  ) throws -> (any CarriedOutput)? {
    guard let component = registry.component(.output, config.plugin)?.component,
      component.isCarried
    else { return nil }
    var nodes: [UpstreamDefinition.Node] = []
    if component.schema.options.contains(where: { $0.name == "upstream" }),
      let property = config.property("upstream"), !property.text.isEmpty
    {
      let group = upstreams.first { $0.file == property.text || $0.name == property.text }
      guard let group else {
        throw property.problem(
          "there is no upstream \(property.text)",
          suggestion: "name a file with [UPSTREAM] and [NODE]s, or an entry of upstream_servers")
      }
      nodes = group.nodes
    }
    let json = JSONStyle(
      escapeUnicode: service.jsonEscapeUnicode, nanToNull: service.jsonConvertNanToNull)
    return try instance(.output, config, json: json).map {
      try PluginCarriedOutput($0, nodes: nodes)
    }
  }
}
