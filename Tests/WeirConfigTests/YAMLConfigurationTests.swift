import Testing

@testable import WeirConfig

private func loadYAML(
  _ text: String, _ more: [String: String] = [:], env: [String: String] = [:]
) -> (configuration: Configuration, problems: ProblemList) {
  load(more.merging(["main.yaml": text]) { $1 }, main: "main.yaml", env: env)
}

private let output = "  outputs: [{name: null, match: '*'}]\n"

@Suite("YAML configurations")
struct YAMLConfigurationTests {
  @Test("a pipeline has its instances in order, keys normalised, sequences repeated")
  func pipeline() throws {
    let (configuration, problems) = loadYAML(
      """
      service: {flush: 0.2, logLevel: warn, parsers_file: [a.conf, b.yaml]}
      pipeline:
        inputs:
          - name: tail
            path: /x/*.log
            readFromHead: on
            Tag: T
            multiline.parser: docker, cri
        filters:
          - name: modify
            match: '*'
            rename: [a b, c d]
            set: "color '#fff'"
        outputs:
          - name: null
            match: '*'
      """,
      [
        "a.conf": "[PARSER]\n name a\n format json\n",
        "b.yaml": "parsers:\n  - {name: b, format: regex, regex: '^(?<x>\\d+)$'}\n",
      ])
    #expect(problems.all.isEmpty, "\(problems.text)")
    #expect(configuration.service.flushSeconds == 0.2)
    #expect(configuration.service.logLevel == .warn)
    #expect(configuration.parsers.map(\.name) == ["a", "b"])
    let input = try #require(configuration.inputs.first)
    #expect(try input.bool("read_from_head"))
    #expect(input.tag == "T")
    #expect(input.commaList("multiline.parser") == ["docker", "cri"])
    #expect(configuration.filters.first?.all("rename").map(\.text) == ["a b", "c d"])
    #expect(configuration.outputs.first?.plugin == "null")
    #expect(input.property("path")?.location.line == 5)
  }

  @Test("processors keep typed values and conditions, in order")
  func processors() throws {
    let (configuration, problems) = loadYAML(
      """
      pipeline:
        inputs:
          - name: dummy
            processors:
              logs:
                - name: content_modifier
                  action: insert
                  key: n
                  value: 12
                  condition:
                    op: or
                    rules:
                      - {field: "$a['b']", op: eq, value: "1"}
                      - {field: "$c", op: in, value: [x, 2]}
                - name: modify
                  condition: Key_exists ident
                  remove: [a, b]
              metrics:
                - name: labels
      \(output)
      """)
    #expect(!problems.hasErrors, "\(problems.text)")
    #expect(problems.text.contains("only logs pass here"))
    let processors = try #require(configuration.inputs.first).processors
    #expect(processors.map(\.instance.plugin) == ["content_modifier", "modify"])
    #expect(processors[0].instance.property("value")?.typed == .integer(12))
    let condition = try #require(processors[0].condition)
    #expect(condition.combination == .or)
    #expect(condition.rules[0].values == [.text("1")])
    #expect(condition.rules[1].values == [.text("x"), .integer(2)])
    #expect(condition.rules[1].comparison == .isIn)
    #expect(processors[1].condition == nil)
    #expect(processors[1].instance.text("condition") == "Key_exists ident")
    #expect(processors[1].instance.all("remove").count == 2)
  }

  @Test("a condition of a processor that is no map is an error", arguments: ["[x]", "x"])
  func conditionWithoutMap(value: String) throws {
    let (configuration, problems) = loadYAML(
      """
      pipeline:
        inputs:
          - name: dummy
            processors:
              logs: [{name: content_modifier, action: insert, key: n, condition: \(value)}]
      \(output)
      """)
    var (validated, found) = (configuration, problems)
    found.add(ConfigValidator().validate(&validated))
    #expect(found.text.contains("accepted is a map"), "\(found.text)")
  }

  @Test("a key that a rule or an output of a route does not know is told, in whatever case")
  func unknownKeys() throws {
    let (configuration, problems) = loadYAML(
      """
      pipeline:
        inputs:
          - name: dummy
            routes:
              logs:
                - Name: errors
                  condition:
                    Rules:
                      - {Field: $level, OP: eq, value: error, invert: on, contxt: body}
                  to: {outputs: [{Name: "null", weight: 2}]}
      \(output)
      """)
    #expect(
      problems.all.map { "\($0.severity) \($0.key ?? "") \($0.suggestion ?? "")" } == [
        "warning invert ", "warning contxt did you mean \"context\"?", "warning weight ",
      ], "\(problems.text)")
    let route = try #require(configuration.inputs.first?.routes.first)
    #expect(route.name == "errors" && route.targets.map(\.name) == ["null"])
    #expect(route.condition?.rules.count == 1)
  }

  @Test("routes lead to outputs by alias, instance or plugin, with a default and a fallback")
  func routes() throws {
    let (configuration, problems) = loadYAML(
      """
      pipeline:
        inputs:
          - name: dummy
            routes:
              logs:
                - name: errors
                  condition:
                    rules:
                      - {field: $level, op: eq, value: error}
                  to: {outputs: [first, {name: stdout.0, fallback: "null"}]}
                - name: rest
                  condition: {default: true}
                  per_record_routing: on
                  to: {outputs: "null"}
        outputs:
          - {name: null, alias: first}
          - {name: stdout}
      """)
    #expect(problems.all.isEmpty, "\(problems.text)")
    let routes = try #require(configuration.inputs.first).routes
    #expect(routes.map(\.name) == ["errors", "rest"])
    #expect(routes[0].targets.map(\.name) == ["first", "stdout.0"])
    #expect(routes[0].targets[1].fallback == "null")
    #expect(routes[1].condition?.isDefault == true)
    #expect(routes[1].perRecord)
    #expect(configuration.outputIndex(named: "stdout") == 1)
  }

  @Test(
    "what does not fit is named with its place",
    arguments: [
      (
        "pipeline:\n  inputs:\n    - tag: t\n", "main.yaml:3:7: error: name: this input has no name"
      ),
      ("pipeline:\n  inputs: {name: dummy}\n", "inputs: it has to be a list, not a map"),
      (
        "pipeline:\n  input:\n    - name: dummy\n",
        "main.yaml:2:3: error: input: a pipeline has inputs"
      ),
      (
        "pipeline:\n  inputs:\n    - name: dummy\n      tag: {a: b}\n",
        "main.yaml:4:12: error: tag: a map is not accepted here"
      ),
      ("pipeline:\n  filters:\n    - {name: grep, match: x, processors: {}}\n", "no processors"),
      ("- a\n", "main.yaml:1:1: error: the file holds a list instead of a map"),
      ("service: {flush: soon}\n", "main.yaml:1:18: error: flush: \"soon\" is not accepted"),
      ("service: {flush: 1}\nservice: {grace: 1}\n", "service is given twice in one file"),
      ("service: {x: {y: 1}}\n", "only telemetry may be a map"),
      ("includes: [none.yaml]\n", "main.yaml:1:12: error: includes: no file matches none.yaml"),
      ("includes: [main.yaml]\n", "main.yaml is included twice"),
      ("stream_processor: [{name: a, exec: b}]\n", "stream queries (SQL) do not exist here"),
      ("a: *b\n", "main.yaml:1:4: error: aliases are not supported"),
      ("a: [\n", "main.yaml:2:1: error:"),
      ("parsers: [{name: x}]\n", "main.yaml:1:11: error: format: this parser has no format"),
      (
        "multiline_parsers:\n  - {name: m, type: regex, rules: [{state: start_state, regex: x}]}\n",
        "a rule needs state, regex and next_state"
      ),
      ("env: [{name: A}]\n", "an entry of env needs name, and value or uri"),
      ("env: {A: file:///none}\n", "cannot read /none for the variable A"),
    ])
  func refused(text: String, message: String) {
    let (_, problems) = loadYAML(text)
    #expect(problems.hasErrors)
    #expect(problems.text.contains(message), "\(problems.text)")
  }

  @Test("includes stand for what they name, beside the including file, and bring variables")
  func includes() {
    let (configuration, problems) = load(
      [
        "c/main.yaml":
          "env: {D: sub}\nincludes: ['${D}/*.yaml']\npipeline:\n"
          + "  filters: [{name: grep, match: three}]\n"
          + output,
        "c/sub/a.yaml":
          "env:\n  - {name: K, value: dummy}\npipeline:\n  inputs: [{name: '${K}'}]\n"
          + "  filters: [{name: grep, match: one}]\n",
        "c/sub/b.yaml": "pipeline: {filters: [{name: grep, match: two}]}\n",
      ], main: "c/main.yaml")
    #expect(problems.all.isEmpty, "\(problems.text)")
    #expect(configuration.filters.map { $0.match ?? "" } == ["one", "two", "three"])
    #expect(configuration.inputs.first?.plugin == "dummy")
  }

  @Test("a file:// variable is the file's content without its last line end")
  func fileVariable() {
    let (configuration, problems) = loadYAML(
      "env: {T: 'file:///secret'}\npipeline:\n  inputs: [{name: dummy, tag: '${T}'}]\n" + output,
      ["/secret": "tag from file\n"])
    #expect(problems.all.isEmpty, "\(problems.text)")
    #expect(configuration.inputs.first?.tag == "tag from file")
  }

  @Test("without a format for it, a YAML file is refused with what to do")
  func noFormat() {
    let loader = ConfigLoader(
      environment: Environment(process: [:]), files: MemoryFiles(contents: ["a.yaml": ""]))
    let problems = loader.load(file: "a.yaml").problems
    #expect(problems.text.contains("a.yaml is YAML, but no plugin for YAML is loaded"))
    #expect(problems.text.contains("yaml.so"))
  }

  @Test("upstreams come from the configuration or from the file that an output names")
  func upstreams() {
    let (configuration, problems) = loadYAML(
      """
      upstream_servers:
        - name: inside
          nodes: [{name: a, host: h1, port: 9200, tls: on}]
      pipeline:
        inputs: [{name: dummy}]
        outputs: [{name: es, match: a, upstream: inside}, {name: es, match: b, upstream: up.conf}]
      """,
      ["up.conf": "[UPSTREAM]\n name file\n[NODE]\n name b\n host h2\n port 1\n weight 3\n"])
    #expect(problems.errors.allSatisfy { $0.message.contains("es is in the plugin") })
    #expect(configuration.upstreams.map(\.name) == ["inside", "file"])
    #expect(configuration.upstreams[0].nodes.first?.properties.map(\.key) == ["tls"])
    #expect(configuration.upstreams[1].nodes.first?.port == 1)
    #expect(configuration.upstreams[1].file == "up.conf")
    let broken = loadYAML(
      "pipeline:\n  outputs: [{name: es, upstream: up.conf}]\n",
      ["up.conf": "[UPSTREAM]\n name x\n[NODE]\n name b\n host h\n port 70000\n"])
    #expect(broken.problems.text.contains("up.conf:3:1: error: a node needs"))
  }

  @Test("a format with a directive for includes gets the other file's tree as a value")
  func includeDirective() throws {
    let loader = ConfigLoader(
      formats: ConfigFormatRegistry([IncludingFormat()]), environment: Environment(process: [:]),
      files: MemoryFiles(contents: ["a.inc": "b.inc", "b.inc": "", "loop.inc": "loop.inc"]))
    // The map of the other file stands as an entry of the list, with that file's places.
    let nested = loader.load(file: "a.inc").problems.errors.map(\.description)
    #expect(nested == ["b.inc:1:1: error: name: this parser has no name"])
    let loop = loader.load(file: "loop.inc").problems
    #expect(loop.text.contains("loop.inc is included twice"), "\(loop.text)")
    #expect(loader.load(file: "none.inc").problems.text.contains("cannot read none.inc"))
  }

  @Test("random trees never crash what interprets them, and every problem has a place")
  func fuzz() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var state = seed
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let words = [
      "service", "env", "includes", "parsers", "multiline_parsers", "plugins", "pipeline",
      "upstream_servers", "inputs", "filters", "outputs", "name", "processors", "logs", "routes",
      "condition", "rules", "op", "default", "to", "nodes", "tail", "grep", "null", "modify",
      "content_modifier", "and", "eq", "$a", "true", "12", "", "format", "regex", "type", "field",
      "value", "rename", "telemetry", "main.yaml", "${X}", "port", "host", "state", "file:///x",
    ]
    func node(_ depth: Int) -> String {
      switch depth > 5 ? 0 : next(3) {
      case 1: "[" + (0..<next(4)).map { _ in node(depth + 1) }.joined(separator: ", ") + "]"
      case 2:
        "{"
          + (0..<next(5)).map { _ in "\"\(words[next(words.count)])\": \(node(depth + 1))" }
          .joined(separator: ", ") + "}"
      default: "\"\(words[next(words.count)])\""
      }
    }
    for _ in 0..<2000 {
      let text =
        "{" + (0..<4).map { _ in "\(words[next(9)]): \(node(0))" }.joined(separator: ", ") + "}"
      let (_, problems) = loadYAML(text)
      for problem in problems.all where problem.location == nil {
        Issue.record("seed \(seed): \(problem) in \(text)")
      }
    }
  }

  @Test("depth and misuse of the tree builder are refused, not crashed on")
  func builderBounds() {
    let deep = TreeBuilder(file: "deep")
    for _ in 0...ConfigLimits.treeDepthMax { deep.beginList(line: 1, column: 1) }
    #expect(deep.problem?.message.contains("nest deeper than 64") == true)
    let wrong = TreeBuilder(file: "wrong")
    #expect(wrong.beginMap(line: 1, column: 1))
    #expect(!wrong.scalar("x", style: .plain, line: 1, column: 2))
    #expect(throws: ConfigProblem.self) { try wrong.finish() }
    let open = TreeBuilder(file: "open")
    #expect(open.beginList(line: 1, column: 1))
    #expect(throws: ConfigProblem.self) { try open.finish() }
    let many = TreeBuilder(file: "many")
    many.beginList(line: 1, column: 1)
    for _ in 0...ConfigLimits.treeNodeCountMax {
      many.scalar("", style: .plain, line: 1, column: 1)
    }
    #expect(many.problem?.message.contains("more than") == true)
  }
}
