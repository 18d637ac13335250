/// The report of `weir check FILE`: every problem, and every option that does nothing here.
public struct ConfigCheck: Sendable {
  /// An option in use that does not do what its name says.
  public struct Remark: Sendable, Hashable {
    /// Where the option stands.
    public let location: SourceLocation
    /// Its instance and key: `tail.0 static_batch_size`.
    public let option: String
    /// Why.
    public let reason: String
  }

  /// All problems of loading and validating.
  public let problems: ProblemList
  /// Options accepted without effect, as they have no counterpart here.
  public private(set) var withoutCounterpart: [Remark] = []
  /// Options whose subject is not part of this version.
  public private(set) var notYet: [Remark] = []

  /// Makes the report of a validated configuration.
  public init(_ configuration: Configuration, _ problems: ProblemList) {
    self.problems = problems
    for property in configuration.service.properties {
      note(property, ServiceSchema.option(property.key), of: "service")
    }
    for instance in configuration.instances {
      note(instance, of: instance.name)
      let nested = instance.processors + instance.routes.flatMap(\.processors)
      for processor in nested {
        note(processor.instance, of: "\(instance.name) processor \(processor.instance.plugin)")
      }
    }
  }

  /// Loads, validates and reports: what `weir check`, `-D` and every start do.
  ///
  /// - Parameters:
  ///   - loadPlugins: loads `pluginFiles` of the configuration, registers their option tables, and
  ///     adds what is wrong with them; called between loading and validating.
  public static func examine(
    _ options: CommandLineOptions, with loader: ConfigLoader,
    registry: SchemaRegistry = .builtin,
    loadPlugins: (Configuration, inout SchemaRegistry, inout ProblemList) -> Void = { _, _, _ in }
  ) -> (configuration: Configuration, check: ConfigCheck) {
    var loaded = loader.load(options)
    var registry = registry
    loadPlugins(loaded.configuration, &registry, &loaded.problems)
    loaded.problems.add(ConfigValidator(registry: registry).validate(&loaded.configuration))
    loaded.configuration.warnings = loaded.problems.warnings
    return (loaded.configuration, ConfigCheck(loaded.configuration, loaded.problems))
  }

  /// What a start says besides the problems: options in use whose subject is still missing.
  public var startWarnings: [ConfigProblem] {
    notYet.map {
      ConfigProblem(
        "\($0.option) is not part of this version yet: \($0.reason)", at: $0.location,
        severity: .warning)
    }
  }

  /// Whether Weir would start.
  public var isSuccessful: Bool { !problems.hasErrors }

  private mutating func note(_ instance: InstanceConfig, of owner: String) {
    for property in instance.properties {
      let option =
        instance.schema?.option(property.key)
        ?? GlobalOptions.of(instance.kind).first { $0.covers(property.key) }
      note(property, option, of: owner)
    }
  }

  private mutating func note(_ property: Property, _ option: OptionSchema?, of owner: String) {
    guard let option, !option.isDefault(property.text) else { return }
    let name = "\(owner) \(property.key)"
    switch option.optionClass {
    case .works, .refused: return
    case .noCounterpart(let reason):
      withoutCounterpart.append(
        Remark(location: property.keyLocation, option: name, reason: reason))
    case .notYet(let reason):
      notYet.append(Remark(location: property.keyLocation, option: name, reason: reason))
    }
  }

  /// The report as text, a line per finding, the verdict last.
  public var text: String {
    var lines = problems.all.map(\.description)
    if problems.omittedCount > 0 { lines.append("... and \(problems.omittedCount) more") }
    append("accepted without effect, as there is no counterpart here:", withoutCounterpart, &lines)
    append("accepted, but not part of this version yet:", notYet, &lines)
    let errors = problems.errors.count + problems.omittedCount
    let warnings = problems.warnings.count
    lines.append(
      "\(isSuccessful ? "ok" : "not ok"): \(errors) error(s), \(warnings) warning(s)")
    return lines.joined(separator: "\n") + "\n"
  }

  private func append(_ title: String, _ remarks: [Remark], _ lines: inout [String]) {
    if remarks.isEmpty { return }
    lines.append(title)
    for remark in remarks {
      lines.append("  \(remark.location): \(remark.option): \(remark.reason)")
    }
  }
}
