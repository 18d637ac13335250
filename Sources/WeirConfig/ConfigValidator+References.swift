/// What refers to what: tags and outputs, routes, aliases, parsers.
extension ConfigValidator {
  func checkPresence(_ configuration: Configuration, _ problems: inout ProblemList) {
    if configuration.inputs.isEmpty {
      problems.error("there is no input", at: configuration.mainFile ?? .commandLine)
    }
    if configuration.outputs.isEmpty {
      problems.warn(
        "there is no output, so every record is dropped",
        at: configuration.mainFile ?? .commandLine)
    }
  }

  func checkMatching(_ configuration: Configuration, _ problems: inout ProblemList) {
    for filter in configuration.filters where !filter.hasMatch {
      problems.add(
        filter.problem(
          "a filter needs match or match_regex", suggestion: "add match with * for every tag"))
    }
    let isSingle = configuration.inputs.count == 1 && configuration.outputs.count == 1
    let routed = routedOutputs(configuration)
    for (index, output) in configuration.outputs.enumerated() where !output.hasMatch {
      if isSingle || routed.contains(index) { continue }
      problems.warn(
        "it has no match and no route leads to it, so it gets nothing", at: output.location,
        key: output.name, suggestion: "add match with * for every tag")
    }
  }

  private func routedOutputs(_ configuration: Configuration) -> Set<Int> {
    let targets = configuration.inputs.flatMap(\.routes).flatMap(\.targets)
    return Set(targets.compactMap { configuration.outputIndex(named: $0.name) })
  }

  func checkRoutes(_ configuration: Configuration, _ problems: inout ProblemList) {
    let names = configuration.outputs.flatMap { [$0.name, $0.plugin] }
    for target in configuration.inputs.flatMap(\.routes).flatMap(\.targets) {
      for name in [target.name, target.fallback].compactMap(\.self)
      where configuration.outputIndex(named: name) == nil {
        problems.error(
          "there is no output \(name)", at: target.location, key: "to",
          suggestion: nearest(name, in: names).map { "did you mean \"\($0)\"?" }
            ?? "name an output by its alias")
      }
    }
  }

  func checkAliases(_ configuration: Configuration, _ problems: inout ProblemList) {
    for kind in [StageKind.input, .filter, .output] {
      var seen: [String: SourceLocation] = [:]
      for instance in configuration.instances(kind) {
        guard let property = instance.property("alias") else { continue }
        if let first = seen[property.text] {
          problems.warn(
            "another \(kind.rawValue) at \(first) has the same alias", at: property.location,
            key: "alias")
        }
        seen[property.text] = property.location
      }
    }
  }

  func checkParsers(_ configuration: Configuration, _ problems: inout ProblemList) {
    let names = configuration.parsers.map(\.name) + Self.builtinParsers
    for input in configuration.inputs where input.plugin == "tail" || input.plugin == "stdin" {
      for property in input.properties where isParserName(property.key) {
        if names.contains(property.text) { continue }
        problems.warn(
          "there is no parser \(property.text); lines stay as they are", at: property.location,
          key: property.key, suggestion: parserSuggestion(property.text, names))
      }
      checkMultiline(input, configuration, &problems)
    }
    for filter in configuration.filters + configuration.instances(.processor)
    where filter.plugin == "parser" {
      let wanted = filter.all("parser")
      let isAnyKnown = wanted.contains { names.contains($0.text) }
      for property in wanted where !names.contains(property.text) {
        let text = "there is no parser \(property.text)"
        let suggestion = parserSuggestion(property.text, names)
        if isAnyKnown {
          problems.warn(text, at: property.location, key: "parser", suggestion: suggestion)
        } else {
          problems.error(text, at: property.location, key: "parser", suggestion: suggestion)
        }
      }
    }
    for parser in configuration.multilineParsers {
      guard let name = parser.parser, !names.contains(name) else { continue }
      problems.error(
        "there is no parser \(name)", at: parser.location, key: "parser",
        suggestion: parserSuggestion(name, names))
    }
  }

  private func isParserName(_ key: String) -> Bool {
    key == "parser" || key == "parser_firstline" || key == "docker_mode_parser"
      || OptionSchema("parser_#").covers(key)
  }

  private func parserSuggestion(_ name: String, _ names: [String]) -> String {
    if let close = nearest(name, in: names) { return "did you mean \"\(close)\"?" }
    return "define it in a parsers file, and name that as parsers_file under service"
  }

  private func checkMultiline(
    _ input: InstanceConfig, _ configuration: Configuration, _ problems: inout ProblemList
  ) {
    let known =
      Self.builtinMultilineParsers + configuration.multilineParsers.map { $0.name.lowercased() }
    for property in input.all("multiline.parser") {
      for name in ValueGrammar.commaList(property.text) where !known.contains(name.lowercased()) {
        problems.error(
          "there is no multiline parser \(name)", at: property.location, key: property.key,
          suggestion: nearest(name, in: known).map { "did you mean \"\($0)\"?" })
      }
    }
  }
}

extension InstanceConfig {
  /// Whether a tag can match at all.
  public var hasMatch: Bool { match != nil || matchRegex != nil }
}

extension Configuration {
  /// The output a route means: by alias, then by instance name, then by plugin name.
  public func outputIndex(named name: String) -> Int? {
    outputs.firstIndex { $0.alias == name } ?? outputs.firstIndex { $0.instanceName == name }
      ?? outputs.firstIndex { $0.plugin == name.lowercased() }
  }
}
