/// Instances and the service section, from properties whose variables are replaced.
extension ConfigLoader {
  /// Adds an input, filter or output; `name` tells the plugin.
  mutating func addInstance(
    _ kind: StageKind, _ properties: [Property], processors: [ProcessorDefinition] = [],
    routes: [RouteDefinition] = [], at location: SourceLocation
  ) {
    guard
      var instance = instance(
        kind, properties, index: counters[kind, default: [:]], at: location)
    else { return }
    instance.processors = processors
    instance.routes = routes
    counters[kind, default: [:]][instance.plugin, default: 0] += 1
    switch kind {
    case .input: configuration.inputs.append(instance)
    case .filter: configuration.filters.append(instance)
    case .output: configuration.outputs.append(instance)
    case .processor: return
    }
  }

  /// Makes an instance; nil, with a problem, when `name` is missing.
  mutating func instance(
    _ kind: StageKind, _ properties: [Property], index: [String: Int], at location: SourceLocation
  ) -> InstanceConfig? {
    let names = properties.filter { $0.key == "name" && !$0.text.isEmpty }
    guard let name = names.first else {
      problems.error(
        "this \(kind.rawValue) has no name", at: location, key: "name",
        suggestion: "add name with the plugin's type")
      return nil
    }
    if names.count > 1 {
      problems.error("it is given twice", at: names[1].keyLocation, key: "name")
    }
    var kept: [Property] = []
    for property in properties where property.key != "name" {
      if case .scalar(let scalar) = property.node.value, scalar.text.isEmpty,
        scalar.style == .plain || kind != .processor
      {
        problems.warn(
          "the value is empty, so the option counts as not set", at: property.location,
          key: property.key)
        continue
      }
      kept.append(property)
    }
    let plugin = name.text.lowercased()
    return InstanceConfig(
      kind: kind, plugin: plugin, index: index[plugin] ?? 0, properties: kept,
      location: name.location)
  }

  /// Adds the instances of the command line, in their order.
  mutating func add(_ instances: [CommandLineOptions.Instance]) {
    for instance in instances {
      let properties = instance.properties.map {
        Property(key: $0.key, node: expanded($0.node), keyLocation: $0.keyLocation)
      }
      addInstance(instance.kind, properties, at: .commandLine)
    }
  }

  // MARK: Service

  /// Types the service section. A bad bool is only warned about, as the reference takes it; any
  /// other bad value is an error; an unknown key a warning.
  mutating func applyService() {
    servicePairs = servicePairs.filter { property in
      if property.node.text?.isEmpty ?? false {
        problems.warn(
          "the value is empty, so the key counts as not set", at: property.location,
          key: property.key)
        return false
      }
      return true
    }
    var service = ServiceConfig()
    service.properties = servicePairs
    for property in servicePairs {
      guard let option = ServiceSchema.option(property.key) else {
        problems.warn(
          "the service section does not know this key; it is ignored", at: property.keyLocation,
          key: property.key,
          suggestion: nearest(property.key, in: ServiceSchema.options.map(\.name))
            .map { "did you mean \"\($0)\"?" })
        continue
      }
      if option.type.accepts(property.text) {
        service.apply(property)
      } else if option.type == .bool {
        problems.warn(
          "\"\(property.text)\" is no truth value, so the default holds",
          at: property.location, key: property.key)
      } else {
        problems.add(option.type.problem(property))
      }
    }
    if let word = environment.value("FLB_LOG_LEVEL"), let level = LogLevel(word) {
      service.logLevel = level
    }
    checkService(service)
    configuration.service = service
  }

  private mutating func checkService(_ service: ServiceConfig) {
    let place = servicePairs.last { $0.key == "flush" }?.location
    if service.flushSeconds <= 0 {
      problems.error("it has to be above 0", at: place, key: "flush")
    }
    if service.graceSeconds < -1 {
      problems.error(
        "it has to be -1 or more", at: servicePairs.last { $0.key == "grace" }?.location,
        key: "grace")
    }
  }
}

extension ServiceConfig {
  /// Takes one key whose value is of the right type.
  fileprivate mutating func apply(_ property: Property) {
    let text = property.text
    let flag = ValueGrammar.bool(text) ?? false
    switch property.key {
    case "flush": flushSeconds = ValueGrammar.double(text) ?? flushSeconds
    case "grace": graceSeconds = ValueGrammar.integer(text) ?? graceSeconds
    case "daemon": daemon = flag
    case "log_file": logFile = text
    case "log_level": logLevel = LogLevel(text) ?? logLevel
    case "storage.path": storagePath = text
    case "storage.sync": storageSyncFull = text.lowercased() == "full"
    case "storage.type": storageType = text.lowercased()
    case "scheduler.base": schedulerBaseSeconds = ValueGrammar.integer(text) ?? 5
    case "scheduler.cap": schedulerCapSeconds = ValueGrammar.integer(text) ?? 2000
    case "multiline_buffer_limit":
      multilineBufferLimitBytes = ValueGrammar.binarySize(text) ?? multilineBufferLimitBytes
    case "json.convert_nan_to_null": jsonConvertNanToNull = flag
    case "json.escape_unicode": jsonEscapeUnicode = flag
    case "http_server": httpServer = flag
    case "http_listen": httpListen = text
    case "http_port": httpPort = ValueGrammar.integer(text) ?? httpPort
    case "hot_reload": hotReload = flag
    default: return
    }
  }
}
