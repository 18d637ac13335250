/// What is legal and means something else than it seems to: warned about, behaviour unchanged.
enum Traps {
  static func check(_ configuration: Configuration, _ problems: inout ProblemList) {
    for instance in configuration.filters + configuration.instances(.processor) {
      switch instance.plugin {
      case "grep": grep(instance, &problems)
      case "modify": modify(instance, &problems)
      default: continue
      }
    }
    for instance in configuration.instances {
      matchRegex(instance, &problems)
      doubledBackslash(instance, &problems)
    }
    for input in configuration.inputs where input.plugin == "tail" {
      tail(input, &problems)
    }
    for output in configuration.outputs {
      self.output(output, &problems)
      if output.plugin == "file" { file(output, &problems) }
    }
    storage(configuration, &problems)
  }

  private static func output(_ output: InstanceConfig, _ problems: inout ProblemList) {
    if let property = output.property("retry_limit"), let number = Int(property.text), number < 1 {
      problems.warn(
        "\(number) counts as 1", at: property.location, key: property.key,
        suggestion: "set no_retries for none, no_limits for endless ones")
    }
    if let property = output.property("storage.total_limit_size"),
      output.schema?.usesNetwork == true, ValueGrammar.size(property.text) == 0
    {
      problems.warn(
        "\(property.text) sets no limit: a spool is there only where an input has storage.type "
          + "filesystem, and may then fill the disk", at: property.location, key: property.key,
        suggestion: "set a size")
    }
  }

  private static func grep(_ instance: InstanceConfig, _ problems: inout ProblemList) {
    let rules = instance.all("regex")
    let mode = instance.text("logical_op")?.lowercased()
    if mode == "legacy", rules.count > 1 {
      problems.warn(
        "with the logical_op legacy only the first regex decides", at: rules[1].location,
        key: "regex", suggestion: "set logical_op to and, or to or")
    }
    if mode != "legacy", !rules.isEmpty, let exclude = instance.property("exclude") {
      problems.error(
        "regex and exclude do not go together with the logical_op \(mode ?? "")",
        at: exclude.location, key: "exclude", suggestion: "use two grep filters")
    }
  }

  private static func modify(_ instance: InstanceConfig, _ problems: inout ProblemList) {
    for property in instance.all("remove_wildcard") where property.text.contains("*") {
      problems.warn(
        "it takes a prefix, so the * is looked for as it stands", at: property.location,
        key: property.key, suggestion: "leave out the *")
    }
    for rule in instance.properties where ["set", "add"].contains(rule.key) {
      if ValueGrammar.quoteAwareList(rule.text).count > 2 {
        problems.warn(
          "it has more than a key and a value", at: rule.location, key: rule.key,
          suggestion: "put the value in quotes")
      }
    }
  }

  private static func matchRegex(_ instance: InstanceConfig, _ problems: inout ProblemList) {
    guard let property = instance.property("match_regex"), instance.kind != .processor else {
      return
    }
    let isAnchored = [#"^"#, #"\A"#, ".*", "/^"].contains { property.text.hasPrefix($0) }
    if !isAnchored {
      problems.warn(
        "it has to match from the start of the tag", at: property.location, key: property.key,
        suggestion: "begin it with ^, or with .* to match anywhere")
    }
  }

  private static func doubledBackslash(
    _ instance: InstanceConfig, _ problems: inout ProblemList
  ) {
    for property in instance.properties where property.text.contains(#"\\."#) {
      guard instance.schema?.option(property.key)?.type == .regex else { continue }
      problems.warn(
        #"\\. is a backslash and any character here, not a dot"#, at: property.location,
        key: property.key, suggestion: #"write \."#)
    }
  }

  private static func tail(_ input: InstanceConfig, _ problems: inout ProblemList) {
    if input.property("multiline.parser") != nil, let parser = input.property("parser") {
      problems.warn(
        "multiline.parser is set, so it is ignored", at: parser.location, key: "parser")
    }
    for mode in ["docker_mode", "multiline"] {
      guard let property = input.property(mode), input.property("multiline.parser") != nil,
        ValueGrammar.bool(property.text) == true
      else { continue }
      problems.warn(
        "multiline.parser is set, so it is ignored", at: property.location, key: mode,
        suggestion: "leave out one of the two")
    }
    if let tag = input.tag, tag.contains("<"), input.property("tag_regex") == nil {
      problems.warn(
        "a name in <> needs tag_regex; without it the text stays", at: input.location, key: "tag")
    }
    let minimum = ValueGrammar.size(input.text("buffer_chunk_size") ?? "") ?? 0
    if let property = input.property("buffer_max_size"),
      let most = ValueGrammar.size(property.text), most < minimum
    {
      problems.error(
        "it is smaller than buffer_chunk_size, which is \(minimum)", at: property.location,
        key: property.key)
    }
    if let property = input.property("rotate_wait"),
      let wait = ValueGrammar.seconds(property.text), wait <= 0
    {
      problems.error("it has to be above 0", at: property.location, key: property.key)
    }
  }

  private static func storage(_ configuration: Configuration, _ problems: inout ProblemList) {
    for input in configuration.inputs {
      guard let property = input.property("storage.type"),
        property.text.lowercased() == "filesystem", configuration.service.storagePath == nil
      else { continue }
      problems.error(
        "filesystem needs a folder", at: property.location, key: property.key,
        suggestion: "set storage.path under service")
    }
  }
}
