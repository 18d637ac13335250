/// Checks a configuration against option tables: plugins, options, values, and what refers to what.
public struct ConfigValidator: Sendable {
  private let registry: SchemaRegistry

  /// The multiline parsers that need no definition.
  public static let builtinMultilineParsers = ["docker", "cri", "java", "go", "python", "ruby"]

  /// The parsers that need no definition either: the packaged ones.
  public static let builtinParsers = [
    "apache", "apache2", "apache_error", "nginx", "k8s-nginx-ingress", "json", "logfmt", "docker",
    "docker-daemon", "syslog-rfc5424", "syslog-rfc3164-local", "syslog-rfc3164", "mongodb",
    "envoy", "istio-envoy-proxy", "cri", "kube-custom", "kmsg-netfilter-log",
  ]

  /// Makes a validator of these tables: the built-in ones, and those of loaded plugins.
  public init(registry: SchemaRegistry = .builtin) { self.registry = registry }

  /// Finds all problems and gives every instance its option table.
  public func validate(_ configuration: inout Configuration) -> ProblemList {
    var problems = ProblemList()
    attachTables(&configuration)
    for instance in configuration.instances {
      check(instance, &problems)
      for processor in instance.processors { check(processor.instance, &problems) }
      for route in instance.routes {
        for processor in route.processors { check(processor.instance, &problems) }
      }
    }
    checkService(configuration.service, &problems)
    checkPresence(configuration, &problems)
    checkMatching(configuration, &problems)
    checkRoutes(configuration, &problems)
    checkAliases(configuration, &problems)
    checkParsers(configuration, &problems)
    Traps.check(configuration, &problems)
    return problems
  }

  private func attachTables(_ configuration: inout Configuration) {
    attach(&configuration.inputs)
    attach(&configuration.filters)
    attach(&configuration.outputs)
  }

  private func attach(_ instances: inout [InstanceConfig]) {
    for index in instances.indices {
      attach(&instances[index])
      for processor in instances[index].processors.indices {
        attach(&instances[index].processors[processor].instance)
      }
      for route in instances[index].routes.indices {
        for processor in instances[index].routes[route].processors.indices {
          attach(&instances[index].routes[route].processors[processor].instance)
        }
      }
    }
  }

  private func attach(_ instance: inout InstanceConfig) {
    instance.schema = registry.schema(instance.kind, instance.plugin)
  }

  // MARK: One instance

  private func check(_ instance: InstanceConfig, _ problems: inout ProblemList) {
    guard let schema = instance.schema else {
      unknownPlugin(instance, &problems)
      return
    }
    var counts: [String: Int] = [:]
    for property in instance.properties {
      guard let option = option(property.key, of: instance, schema) else {
        unknownOption(property, schema, &problems)
        continue
      }
      counts[property.key, default: 0] += 1
      check(property, option, &problems)
      if counts[property.key] == 2, !option.isRepeatable {
        let count = instance.all(property.key).count
        problems.add(
          ConfigProblem(
            "it may be given once, here it is given \(count) times", at: property.keyLocation,
            key: property.key))
      }
    }
    for option in schema.options where option.isRequired && instance.property(option.name) == nil {
      problems.add(instance.problem("\(instance.plugin) needs this option", key: option.name))
    }
  }

  private func option(
    _ key: String, of instance: InstanceConfig, _ schema: PluginSchema
  ) -> OptionSchema? {
    if let option = schema.option(key) { return option }
    if instance.kind == .processor,
      let option = GlobalOptions.processor.first(where: { $0.covers(key) })
    {
      return option
    }
    return schema.acceptsAnyOption ? OptionSchema(key, repeatable: true) : nil
  }

  private func check(
    _ property: Property, _ option: OptionSchema, _ problems: inout ProblemList
  ) {
    if option.type == .tree, property.node.map == nil {
      return problems.add(
        property.problem("\(property.node.kindName) is not accepted; accepted is a map"))
    }
    guard property.node.text != nil else {
      if option.type != .tree {
        problems.add(
          property.problem("\(property.node.kindName) is not accepted; accepted is a text"))
      }
      return
    }
    if !option.type.accepts(property.text) {
      problems.add(option.type.problem(property, isSecret: option.isSecret))
    } else if case .refused(let reason) = option.optionClass, !option.isDefault(property.text) {
      problems.add(property.problem(reason))
    }
    if let instead = option.deprecated {
      problems.warn(
        "it is deprecated", at: property.keyLocation, key: property.key,
        suggestion: "use \(instead)")
    }
  }

  private func unknownPlugin(_ instance: InstanceConfig, _ problems: inout ProblemList) {
    let kind = instance.kind.rawValue
    if let file = ReferencePlugins.file(instance.kind, instance.plugin) {
      let folder = registry.pluginFolder ?? "the folder plugins beside the executable"
      problems.error(
        "the \(kind) \(instance.plugin) is in the plugin \(file), which is not in \(folder)",
        at: instance.location, key: "name", suggestion: "put it there, or load it with -e FILE")
      return
    }
    if ReferencePlugins.names(instance.kind).contains(instance.plugin) {
      problems.error(
        "the \(kind) \(instance.plugin) is not part of this version", at: instance.location,
        key: "name")
      return
    }
    let close = nearest(instance.plugin, in: registry.names(instance.kind))
    let elsewhere = StageKind.allCases.first {
      $0 != instance.kind && registry.schema($0, instance.plugin) != nil
    }
    problems.error(
      "there is no \(kind) \(instance.plugin)", at: instance.location, key: "name",
      suggestion: close.map { "did you mean \"\($0)\"?" }
        ?? elsewhere.map { "\(instance.plugin) is a kind of \($0.rawValue)" }
        ?? "known are \(registry.names(instance.kind).joined(separator: ", "))")
  }

  private func unknownOption(
    _ property: Property, _ schema: PluginSchema, _ problems: inout ProblemList
  ) {
    let names = (schema.options + schema.globalOptions).map(\.name)
    let close = nearest(property.key, in: names)
    problems.error(
      "the \(schema.kind.rawValue) \(schema.name) does not know this option",
      at: property.keyLocation, key: property.key,
      suggestion: close.map { "did you mean \"\($0)\"?" }
        ?? "it knows \(schema.options.map(\.name).sorted().joined(separator: ", "))")
  }

  private func checkService(_ service: ServiceConfig, _ problems: inout ProblemList) {
    for property in service.properties {
      guard let option = ServiceSchema.option(property.key) else { continue }
      if case .refused(let reason) = option.optionClass, !option.isDefault(property.text) {
        problems.add(property.problem(reason))
      }
    }
  }
}
