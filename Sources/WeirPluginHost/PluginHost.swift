public import WeirConfig
import WeirOutputs
public import WeirStage
import WeirSystem
import WeirTelemetry

/// The plugins of this process and what they can do: the one door to them for the rest of the
/// host. Any thread.
public final class PluginHost: Sendable {
  /// The host of this process.
  public static let shared = PluginHost()

  /// Who loads the files.
  public let loader: PluginLoader
  private let components: Locked<ComponentRegistry>
  private let stages = Locked<[WeakInstance]>([])

  private struct WeakInstance {
    weak var instance: PluginInstance?
  }

  /// A host whose plugin folder is `plugins` beside the executable unless another one is given.
  public init(loader: PluginLoader = PluginLoader()) {
    self.loader = loader
    components = Locked(ComponentRegistry.builtin)
  }

  /// All components that are known now.
  public var registry: ComponentRegistry { components.withLock { $0 } }

  /// Makes codecs of this host known to `CodecRegistry.shared`. Called once at start.
  public func install() {
    CodecRegistry.shared.setFinder { name throws(CodecError) in try self.codec(name) }
  }

  // MARK: Loading

  /// Loads a file that the user named, and registers what it has.
  @discardableResult
  public func load(named path: String) throws(PluginHostError) -> LoadedPlugin {
    let plugin = try loader.load(named: path)
    register(plugin)
    return plugin
  }

  /// Loads the files of a configuration (`-e`, `plugins_file`, `plugins`).
  /// - Returns: what went wrong, located where the file is named.
  public func load(_ files: [ConfigNode]) -> [ConfigProblem] {
    files.compactMap { node in
      guard let path = node.text else { return nil }
      do throws(PluginHostError) {
        try load(named: path)
        return nil
      } catch {
        return ConfigProblem(error.description, at: node.location)
      }
    }
  }

  /// Loads `TYPE.so` of the plugin folder for each stage that nobody knows yet, and everything in
  /// the folder when one is still not found.
  /// - Returns: what went wrong, located at the stage that needs it.
  public func loadMissing(for configuration: Configuration) -> [ConfigProblem] {
    var problems: [ConfigProblem] = []
    var hasLoadedAll = false
    for kind in [StageKind.input, .filter, .output, .processor] {
      for instance in configuration.instances(kind) where !knows(kind, instance.plugin) {
        do throws(PluginHostError) {
          try loadFromFolder(instance.plugin)
        } catch {
          problems.append(ConfigProblem(error.description, at: instance.location))
        }
        if !hasLoadedAll && !knows(kind, instance.plugin) {
          hasLoadedAll = true
          // A plugin that has nothing to do with this configuration does not stop it.
          for error in loadFolder() { Log.warn("\(error)") }
        }
      }
    }
    return problems
  }

  private func knows(_ stage: StageKind, _ type: String) -> Bool {
    SchemaRegistry.builtin.schema(stage, type) != nil
      || registry.component(ComponentKind(stage), type) != nil
  }

  /// Loads everything in the plugin folder, for lists and help.
  /// - Returns: what could not be loaded.
  public func loadFolder() -> [PluginHostError] {
    loader.namesInFolder.compactMap { name in
      do throws(PluginHostError) {
        try loadFromFolder(name)
        return nil
      } catch {
        return error
      }
    }
  }

  private func loadFromFolder(_ name: String) throws(PluginHostError) {
    if let plugin = try loader.load(fromFolder: name) { register(plugin) }
  }

  private func register(_ plugin: LoadedPlugin) {
    for refused in components.withLock({ $0.register(plugin) }) {
      Log.warn(
        "plugin \(plugin.path): its \(refused.kind.name) \(refused.typeName) is not used: "
          + "there is one of that name already")
    }
  }

  // MARK: Configuration

  /// The option tables of everything that is known: what the validator checks against.
  public var schemas: SchemaRegistry {
    var schemas = SchemaRegistry.builtin
    schemas.pluginFolder = loader.folder
    for component in registry.all where component.origin != .builtin {
      if let table = component.table { schemas.register(table) }
    }
    return schemas
  }

  /// The configuration formats: those of loaded plugins, and `yaml.so` of the plugin folder when
  /// it is there.
  /// - Parameter problems: gets why a format could not be loaded.
  public func formats(_ problems: inout [PluginHostError]) -> ConfigFormatRegistry {
    do throws(PluginHostError) { try loadFromFolder("yaml") } catch { problems.append(error) }
    var formats = ConfigFormatRegistry()
    for registered in registry.all where registered.kind == .configFormat {
      guard let component = registered.component else { continue }
      do throws(PluginHostError) {
        formats.register(try PluginConfigFormat(component))
      } catch {
        problems.append(error)
      }
    }
    return formats
  }

  // MARK: Stages

  /// The filter of a configured instance; nil when no plugin has one of its type.
  /// - Throws: `ConfigProblem` for options, `PluginHostError` for what the plugin refuses.
  public func filter(_ config: InstanceConfig) throws -> (any Filter)? {
    try instance(.filter, config).map { try PluginFilter($0) }
  }

  /// The output of a configured instance that delivers itself; nil when no plugin has one of its
  /// type. For those that the host carries over HTTP see `carriedOutput`.
  public func output(_ config: InstanceConfig) throws -> (any Output)? {
    try instance(.output, config).map { try PluginOutput($0) }
  }

  /// The input of a configured instance; nil when no plugin has one of its type. `decoder` makes
  /// records of its lines, and `stages` work on them in parallel.
  public func input(
    _ config: InstanceConfig, decoder: any Decoder, stages: [any Filter] = []
  ) throws -> (any Input)? {
    try instance(.input, config).map {
      try PluginInput(
        $0, decoder: decoder, stages: stages,
        tag: Array((config.tag ?? config.instanceName).utf8))
    }
  }

  // MARK: While it runs

  /// The metrics of all plugin instances, a line each: what is printed with the pipeline's own
  /// numbers. Empty when no plugin runs a stage.
  public func report() -> String {
    let alive = stages.withLock { $0 }.compactMap(\.instance)
    return alive.map { instance in
      let context = instance.context
      var parts = ["weir: plugin \(context.name):"]
      parts += context.metrics.map { "\($0.name)=\($0.value)" }
      parts.append("memory_bytes=\(context.memoryBytes)")
      parts.append("contract_violations=\(context.violationCount)\n")
      return parts.joined(separator: " ")
    }.joined()
  }

  /// Drains and destroys the instances of all stages. Called once, when the pipeline has stopped
  /// for good and nothing is at work any more.
  public func finish() {
    for instance in stages.withLock({ $0 }).compactMap(\.instance) {
      instance.drain(seconds: PluginInstance.drainSeconds)
      instance.takeDown()
    }
  }

  /// The codec of a type name, loaded from the plugin folder when nobody has it yet.
  public func codec(_ name: String) throws(CodecError) -> any CodecFactory {
    if registry.component(.codec, name) == nil {
      do throws(PluginHostError) { try loadFromFolder(name) } catch {
        throw .unknown(error.description)
      }
    }
    guard let registered = registry.component(.codec, name), let plugin = registered.plugin,
      let component = registered.component
    else {
      throw .unknown(
        "no plugin has the codec \(name); put \(name).so into "
          + "\(loader.folder ?? "a folder plugins beside the executable"), or load it with -e")
    }
    return PluginCodecFactory(plugin, component)
  }

  func instance(
    _ kind: ComponentKind, _ config: InstanceConfig, json: JSONStyle = JSONStyle()
  ) throws -> PluginInstance? {
    guard let registered = registry.component(kind, config.plugin), let plugin = registered.plugin,
      let component = registered.component
    else { return nil }
    let options: OptionNode
    do throws(ConfigProblem) {
      options = try component.schema.finish(config.properties)
    } catch {
      guard error.location == nil else { throw error }
      throw config.problem("\(config.plugin): \(error.message)", key: error.key)
    }
    let made = try PluginInstance(
      component, isSingleLane: plugin.descriptor.isSingleLane, name: config.name,
      options: options,
      codecs: { name throws(CodecError) in try self.codec(name) }, json: json)
    stages.withLock { stages in
      stages.removeAll { $0.instance == nil }
      stages.append(WeakInstance(instance: made))
    }
    return made
  }
}
