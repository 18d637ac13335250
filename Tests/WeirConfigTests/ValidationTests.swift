import Testing

@testable import WeirConfig

private func check(_ text: String) -> ProblemList { load(["main.conf": text]).problems }

private let input = "[INPUT]\n name dummy\n"
private let output = "[OUTPUT]\n name null\n match *\n"

@Suite("Validation")
struct ValidationTests {
  @Test(
    "each mistake is an error with its place and a suggestion",
    arguments: [
      (
        "[INPUT]\n name tial\n",
        "main.conf:2:7: error: name: there is no input tial; did you mean \"tail\"?"
      ),
      ("[INPUT]\n name grep\n", "grep is a kind of filter"),
      ("[INPUT]\n name systemd\n", "the input systemd is not part of this version"),
      (
        "[INPUT]\n name tail\n path x\n pat y\n",
        "main.conf:4:2: error: pat: the input tail does not know this option; did you mean \"path"
      ),
      ("[INPUT]\n name tail\n", "main.conf:2:7: error: path: tail needs this option"),
      (
        "[INPUT]\n name dummy\n tag a\n tag b\n tag c\n",
        "main.conf:4:2: error: tag: it may be given once, here it is given 3 times"
      ),
      ("[INPUT]\n name dummy\n rate x\n", "\"x\" is not accepted; accepted is a whole number"),
      ("[INPUT]\n name dummy\n mem_buf_limit 5X\n", "accepted is a number of bytes"),
      ("[INPUT]\n name dummy\n routable off\n", "an input that no output may receive"),
      ("[FILTER]\n name grep\n regex a b\n", "a filter needs match or match_regex"),
      ("[FILTER]\n name grep\n match *\n regex a\n", "at least 2 item(s) separated by blanks"),
      (
        "[FILTER]\n name grep\n match *\n logical_op adn\n",
        "accepted is legacy, and, or; did you mean \"and\"?"
      ),
      (
        "[FILTER]\n name grep\n match *\n logical_op and\n regex a b\n exclude c d\n",
        "regex and exclude do not go together"
      ),
      (
        "[FILTER]\n name parser\n match *\n key_name log\n parser nope\n",
        "main.conf:5:9: error: parser: there is no parser nope"
      ),
      ("[INPUT]\n name tail\n path x\n multiline.parser docker, cir\n", "did you mean \"cri\"?"),
      ("[INPUT]\n name tail\n path x\n buffer_max_size 1k\n", "smaller than buffer_chunk_size"),
      ("[INPUT]\n name dummy\n storage.type filesystem\n", "set storage.path under service"),
      ("[OUTPUT]\n name stdout\n match *\n retry_limit often\n", "no_limits"),
      ("[SERVICE]\n streams_file s.conf\n", "stream queries (SQL) do not exist here"),
      ("[SERVICE]\n security.fips_mode on\n", "a FIPS mode cannot be promised"),
      ("[SERVICE]\n flush 0\n", "main.conf:2:8: error: flush: it has to be above 0"),
      ("[SERVICE]\n log_level loud\n", "\"loud\" is not accepted"),
    ])
  func errors(text: String, message: String) {
    let problems = check(text + input + output)
    #expect(problems.hasErrors)
    #expect(problems.text.contains(message), "\(problems.text)")
  }

  @Test(
    "each trap is a warning, and it still starts",
    arguments: [
      ("[FILTER]\n name grep\n match *\n regex a b\n regex c d\n", "only the first regex decides"),
      ("[FILTER]\n name modify\n match *\n remove_wildcard a*\n", "leave out the *"),
      ("[FILTER]\n name modify\n match *\n set a b c\n", "put the value in quotes"),
      ("[FILTER]\n name grep\n match_regex kube\n", "begin it with ^"),
      (
        "[INPUT]\n name tail\n path x\n tag <a>\n tag_regex (?<a>x\\\\.)\n",
        "is a backslash and any character"
      ),
      ("[INPUT]\n name tail\n path x\n parser none\n", "there is no parser none; lines stay"),
      ("[INPUT]\n name tail\n path x\n parser a\n multiline.parser cri\n", "so it is ignored"),
      (
        "[INPUT]\n name tail\n path x\n multiline on\n parser_firstline a\n"
          + " multiline.parser cri\n", "multiline: multiline.parser is set, so it is ignored"
      ),
      (
        "[OUTPUT]\n name file\n match *\n format csv\n delimiter ;\n",
        "delimiter: \";\" is none of the delimiters, so the default holds; use one of \\t, tab"
      ),
      (
        "[OUTPUT]\n name file\n match *\n format ltsv\n label_delimiter foo\n",
        "label_delimiter: \"foo\" is none of the delimiters"
      ),
      (
        "[OUTPUT]\n name file\n match *\n format csv\n template {x}\n",
        "template: it has no effect with the format csv; set format to template"
      ),
      (
        "[OUTPUT]\n name file\n match *\n rotate_max_size 1M\n",
        "rotate_max_size: it has no effect without rotate"
      ),
      ("[OUTPUT]\n name stdout\n", "it has no match and no route leads to it"),
      ("[INPUT]\n name dummy\n alias a\n[INPUT]\n name dummy\n alias a\n", "has the same alias"),
      ("[FILTER]\n name record_modifier\n match *\n whitelist_key a\n", "use allowlist_key"),
      ("[INPUTS]\n name dummy\n", "did you mean [INPUT]?"),
    ])
  func warnings(text: String, message: String) {
    let problems = check(text + input + output)
    #expect(!problems.hasErrors, "\(problems.text)")
    #expect(problems.text.contains(message), "\(problems.text)")
  }

  /// Problems of one output of a plugin that connects, named `net`.
  private func problems(ofOutput key: String, _ value: String) -> ProblemList {
    var registry = SchemaRegistry.builtin
    registry.register(
      PluginSchema(kind: .output, name: "net", usesNetwork: true, options: [OptionSchema("host")]))
    var configuration = Configuration()
    configuration.inputs = [InstanceConfig(kind: .input, plugin: "dummy", options: [:])]
    configuration.outputs = [
      InstanceConfig(kind: .output, plugin: "net", options: ["match": "*", key: value])
    ]
    return ConfigValidator(registry: registry).validate(&configuration)
  }

  @Test("a limit of 0, false or off is none, and the check says what follows")
  func noLimit() {
    for text in ["0", "false", "off", "OFF", "no", "0M"] {
      #expect(ValueGrammar.size(text) == 0)
      let problems = self.problems(ofOutput: "storage.total_limit_size", text)
      #expect(!problems.hasErrors)
      #expect(problems.text.contains("storage.total_limit_size: \(text) sets no limit"))
    }
    #expect(problems(ofOutput: "storage.total_limit_size", "1M").all.isEmpty)
  }

  @Test("a retry_limit below 1 counts as 1, and the check says so", arguments: ["0", "-1", "-99"])
  func retriesBelowOne(text: String) {
    let problems = self.problems(ofOutput: "retry_limit", text)
    #expect(!problems.hasErrors)
    #expect(problems.text.contains("retry_limit: \(text) counts as 1; set no_retries for none"))
    #expect(RetryLimit(text) == .limited(1))
  }

  @Test("words and numbers from 1 as a retry_limit are no news")
  func retries() {
    for text in ["1", "5", "no_limits", "False", "off", "no_retries"] {
      #expect(problems(ofOutput: "retry_limit", text).all.isEmpty)
    }
  }

  @Test("an output whose plugin file is missing says which and where it was looked for")
  func missingPlugin() {
    for name in ["es", "opensearch"] {
      var registry = SchemaRegistry.builtin
      registry.pluginFolder = "/opt/weir/plugins"
      var configuration = Configuration()
      configuration.outputs = [
        InstanceConfig(kind: .output, plugin: name, options: ["match": "*"])
      ]
      let problems = ConfigValidator(registry: registry).validate(&configuration)
      #expect(
        problems.text.contains(
          "the output \(name) is in the plugin elasticsearch.so, which is not in "
            + "/opt/weir/plugins; put it there"), "\(problems.text)")
    }
  }

  @Test("all problems of a file are named in one run")
  func everything() {
    let problems = check(
      "[SERVICE]\n flush x\n[INPUT]\n name tial\n[FILTER]\n name grep\n bad 1\n[OUTPUT]\n match *\n"
    )
    #expect(problems.errors.count >= 5, "\(problems.text)")
  }

  @Test("a secret is never repeated in a message")
  func secrets() {
    let table = PluginSchema(
      kind: .output, name: "safe",
      options: [OptionSchema("token", .integer, secret: true)])
    var registry = SchemaRegistry.builtin
    registry.register(table)
    var configuration = Configuration()
    configuration.outputs = [
      InstanceConfig(kind: .output, plugin: "safe", options: ["token": "hunter2", "match": "*"])
    ]
    let problems = ConfigValidator(registry: registry).validate(&configuration)
    #expect(problems.text.contains("token"))
    #expect(!problems.text.contains("hunter2"))
  }

  @Test("a plugin's own table makes its options known")
  func openRegistry() {
    var registry = SchemaRegistry.builtin
    registry.register(
      PluginSchema(kind: .filter, name: "redact", options: [OptionSchema("pattern", .regex)]))
    var loaded = ConfigLoader(
      environment: Environment(process: [:]),
      files: MemoryFiles(contents: [
        "a.conf": input + "[FILTER]\n name redact\n match *\n pattern x\n" + output
      ])
    ).load(file: "a.conf")
    let problems = ConfigValidator(registry: registry).validate(&loaded.configuration)
    #expect(problems.all.isEmpty, "\(problems.text)")
    #expect(loaded.configuration.filters.first?.schema?.name == "redact")
  }

  @Test("the check names what has no counterpart and what is to come, defaults left out")
  func report() {
    let (configuration, problems) = load([
      "main.conf":
        "[SERVICE]\n coro_stack_size 65536\n http_server on\n hot_reload off\n[INPUT]\n name tail\n"
        + " path x\n threaded on\n progress_check_interval 2\n watcher_interval 1s\n" + output
    ])
    let check = ConfigCheck(configuration, problems)
    #expect(check.isSuccessful)
    #expect(
      check.withoutCounterpart.map(\.option) == [
        "service coro_stack_size", "tail.0 threaded", "tail.0 watcher_interval",
      ])
    #expect(check.notYet.map(\.option) == ["service http_server"])
    #expect(
      check.startWarnings.map(\.description) == [
        "main.conf:3:2: warning: service http_server is not part of this version yet: "
          + "the monitoring server"
      ])
    #expect(check.text.contains("main.conf:3:2: service http_server: the monitoring server"))
    #expect(check.text.hasSuffix("ok: 0 error(s), 0 warning(s)\n"))
  }

  @Test("every default of every table is accepted by its own type")
  func defaults() {
    let schemas = StageKind.allCases.flatMap { kind in
      SchemaRegistry.builtin.names(kind).compactMap { SchemaRegistry.builtin.schema(kind, $0) }
    }
    let options =
      schemas.flatMap { $0.options + $0.globalOptions } + ServiceSchema.options
      + ParserSchemas.parser + ParserSchemas.multiline + NetworkOptions.client
    for option in options {
      guard let text = option.defaultText else { continue }
      #expect(option.type.accepts(text), "\(option.name) \(text)")
      #expect(option.isDefault(text), "\(option.name) \(text)")
    }
    for option in options { #expect(!option.help.isEmpty, "\(option.name) has no help") }
  }
}
