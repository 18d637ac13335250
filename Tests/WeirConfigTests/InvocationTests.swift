import Testing

@testable import WeirConfig

private func parse(_ line: String) throws -> Invocation {
  try Invocation.parse(["weir"] + line.split(separator: " ").map(String.init))
}

@Suite("Command line")
struct InvocationTests {
  @Test("flags belong to the instance before them, in their order")
  func order() throws {
    let invocation = try parse(
      "-i dummy -t x -p rate=2 -F grep -m a.* -p regex=log=1 -o stdout -m * --prop=format=json -f 2"
    )
    let (configuration, problems) = load([:], options: invocation.options)
    #expect(invocation.action == .run)
    #expect(configuration.inputs.first?.tag == "x")
    #expect(configuration.inputs.first?.text("rate") == "2")
    #expect(configuration.filters.first?.match == "a.*")
    #expect(configuration.filters.first?.text("regex") == "log=1")
    #expect(configuration.outputs.first?.text("format") == "json")
    #expect(configuration.service.flushSeconds == 2)
    #expect(problems.errors.count == 1, "grep needs two tokens: \(problems.text)")
  }

  @Test("the command line comes before the file, and its service keys win")
  func merging() throws {
    let invocation = try parse("-c a.conf -i dummy -t first -f 3 -v -R p.conf -e x.so")
    let (configuration, problems) = load(
      [
        "a.conf":
          "[SERVICE]\n flush 1\n[INPUT]\n name dummy\n tag second\n[OUTPUT]\n name null\n match *",
        "p.conf": "[PARSER]\n name p\n format json\n",
      ], options: invocation.options)
    #expect(problems.all.isEmpty, "\(problems.text)")
    #expect(configuration.inputs.map { $0.tag ?? "" } == ["first", "second"])
    #expect(configuration.inputs.map(\.instanceName) == ["dummy.0", "dummy.1"])
    #expect(configuration.service.flushSeconds == 3)
    #expect(configuration.service.logLevel == .debug)
    #expect(configuration.parsers.map(\.name) == ["p"])
    #expect(configuration.pluginFiles.map { $0.text ?? "" } == ["x.so"])
  }

  @Test(
    "an address gives name, host, port, and the path as the plugin knows it",
    arguments: [
      ("es://host:9200/idx/typ", "name=es host=host port=9200 index=idx type=typ"),
      ("opensearch://host/idx", "name=opensearch host=host index=idx"),
      ("es://host:9200/", "name=es host=host port=9200"), ("es://:9201", "name=es port=9201"),
      ("es://[::1]:9200/i", "name=es host=::1 port=9200 index=i"),
      ("es://[fe80::1]", "name=es host=fe80::1"),
      ("mine://h:1/a/b", "name=mine host=h port=1 uri=/a/b"), ("stdout", "name=stdout"),
    ])
  func address(text: String, options: String) throws {
    let invocation = try parse("-o \(text)")
    let pairs = invocation.options.instances[0].properties.map { "\($0.key)=\($0.text)" }
    #expect(pairs.joined(separator: " ") == options)
  }

  @Test("several options in one word are told from one value with blanks")
  func severalInOne() throws {
    let words = ["weir", "-i", "dummy", "-p", "rate=2 copies=3", "-p", "dummy={\"a\":\"b c=d\"}"]
    let invocation = try Invocation.parse(words)
    let pairs = invocation.options.instances[0].properties.dropFirst().map {
      "\($0.key)=\($0.text)"
    }
    #expect(pairs == ["rate=2", "copies=3", "dummy={\"a\":\"b c=d\"}"])
  }

  @Test("actions are told apart")
  func actions() throws {
    #expect(try parse("-V").action == .version)
    #expect(try parse("-h").action == .help(json: false))
    #expect(try parse("-i tail -h").action == .pluginHelp(.input, "tail", json: false))
    #expect(try parse("-o stdout -J").action == .pluginHelp(.output, "stdout", json: true))
    #expect(try parse("-D -c x").action == .dryRun)
    #expect(try parse("check a.conf").options.configFile == "a.conf")
    #expect(try parse("check -e p.so a.conf").action == .check)
    #expect(try parse("plugin inspect x.so").action == .plugin(["inspect", "x.so"]))
    let loud = try parse("-vv -q -w /tmp")
    #expect(loud.verbosity == 2)
    #expect(loud.isQuiet)
    #expect(loud.workingDirectory == "/tmp")
  }

  @Test(
    "what makes no sense is refused with the flag's name",
    arguments: [
      ("-p a=b", "-p a=b: there is no input, filter or output before it"),
      ("-i dummy -p a", "it needs key=value"),
      ("-o stdout -t x", "-t x: it has to follow -i"),
      ("-m *", "-m *: it has to follow -F or -o"),
      ("-c", "-c: it needs a value"),
      ("--confg=x", "there is no flag --confg=x"),
      ("-X", "there is no flag -X"),
      ("-o stdout://h/x", "stdout://h/x: the output stdout has no use for the path /x"),
      ("-o es://h/a/b/c", "the path is INDEX or INDEX/TYPE"),
      ("-o es://[::1:9200", "the address has no ]"), ("-o es://[::1]9200", "only :PORT may follow"),
      ("-o es://::1:9200", "an IPv6 address needs brackets"),
      ("stray", "the word stray belongs to no flag; name a configuration with -c stray"),
      ("check", "no file is named"),
      ("--supervisor", "run Weir under systemd"),
      ("-C calyptia", "custom plugins do not exist here"),
    ])
  func refused(line: String, message: String) {
    #expect {
      try parse(line)
    } throws: { error in
      "\(error)".contains(message)
    }
  }

  @Test("the help of a plugin prints every option name, its own and the global ones")
  func pluginHelp() throws {
    let text = try #require(HelpText.plugin(.input, "tail", .builtin))
    for option in TailSchema.table.options { #expect(text.contains("  \(option.name) ")) }
    #expect(text.contains("mem_buf_limit"))
    let json = try #require(HelpText.pluginJSON(.output, "file", .builtin))
    #expect(json.contains("{\"name\":\"rotate_max_size\",\"description\":"))
    let names = try #require(HelpText.plugin(.output, "stdout", .builtin)).split(separator: "\n")
      .filter { $0.hasPrefix("  ") }.compactMap { $0.split(separator: " ").first }
    #expect(names.count > 20 && Set(names).count == names.count, "an option is named once")
    #expect(HelpText.plugin(.input, "none", .builtin) == nil)
    #expect(HelpText.general(.builtin).contains("-c, --config FILE"))
  }
}
