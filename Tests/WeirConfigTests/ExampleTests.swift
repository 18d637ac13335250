import Glibc
import Testing

@testable import WeirConfig

/// The root of the package, from where this file is.
private let root: String = {
  let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
  return parts.dropLast(3).joined(separator: "/")
}()

@Suite("Shipped configurations")
struct ExampleTests {
  static let examples = [
    "quickstart.conf", "quickstart.yaml", "kubernetes.conf", "kubernetes.yaml",
  ]

  @Test("every example loads without an error or a warning", arguments: examples)
  func loads(name: String) {
    let loader = ConfigLoader(
      formats: ConfigFormatRegistry([YAMLForTests()]),
      environment: Environment(process: ["LOG_ROOT": "/tmp/logs"]))
    var loaded = loader.load(file: "\(root)/config/\(name)")
    var problems = loaded.problems
    problems.add(ConfigValidator().validate(&loaded.configuration))
    #expect(problems.all.isEmpty, "\(problems.text)")
    #expect(!loaded.configuration.inputs.isEmpty)
    #expect(!loaded.configuration.outputs.isEmpty)
  }

  @Test("both forms of the quickstart say the same")
  func quickstart() throws {
    func load(_ name: String) -> Configuration {
      ConfigLoader(
        formats: ConfigFormatRegistry([YAMLForTests()]),
        environment: Environment(process: ["LOG_ROOT": "/tmp/logs"])
      ).load(file: "\(root)/config/\(name)").configuration
    }
    let classic = load("quickstart.conf")
    let yaml = load("quickstart.yaml")
    func words(_ configuration: Configuration) -> [String] {
      configuration.instances.flatMap { instance in
        [instance.instanceName]
          + instance.properties.map { "\($0.key)=\($0.text)" }.sorted()
      }
    }
    #expect(words(classic) == words(yaml))
    #expect(classic.parsers.map(\.regex) == yaml.parsers.map(\.regex))
    #expect(classic.parsers.map(\.types) == yaml.parsers.map(\.types))
  }

  @Test("the packaged parsers have the names that configurations expect")
  func packagedParsers() {
    var options = CommandLineOptions()
    options.parserFiles = ["parsers.conf", "parsers_multiline.conf"].map {
      ConfigNode(text: "\(root)/config/\($0)")
    }
    let loaded = ConfigLoader(environment: Environment(process: [:])).load(options)
    #expect(loaded.problems.all.isEmpty, "\(loaded.problems.text)")
    let expected: Set = [
      "apache", "apache2", "apache_error", "nginx", "k8s-nginx-ingress", "json", "logfmt",
      "docker", "docker-daemon", "syslog-rfc5424", "syslog-rfc3164-local", "syslog-rfc3164",
      "mongodb", "envoy", "istio-envoy-proxy", "cri", "kube-custom", "kmsg-netfilter-log",
    ]
    #expect(Set(loaded.configuration.parsers.map(\.name)) == expected)
    #expect(Set(ConfigValidator.builtinParsers) == expected)
    for parser in loaded.configuration.parsers where parser.format == .regex {
      #expect(parser.regex?.contains("(?<") == true, "\(parser.name)")
    }
    #expect(loaded.configuration.multilineParsers.count == 3)
  }

  @Test("docs/compatibility.md lists every option with what it does here")
  func compatibilityDocument() throws {
    let path = "\(root)/docs/compatibility.md"
    let bytes = try SystemConfigFiles().read(path).get()
    let text = String(decoding: bytes, as: UTF8.self)
    let begin = "<!-- options: made from the option tables -->\n"
    let head = try #require(text[...].firstRange(of: begin))
    let wanted = String(text[..<head.upperBound]) + CompatibilityTables.text
    if getenv("WEIR_UPDATE_GOLDEN") != nil {
      let file = try #require(fopen(path, "w"))
      fputs(wanted, file)
      fclose(file)
    } else {
      #expect(
        text == wanted, "run: WEIR_UPDATE_GOLDEN=1 swift test --filter WeirConfigTests")
    }
  }
}

/// The tables of docs/compatibility.md.
private enum CompatibilityTables {
  static var text: String {
    var sections = [table("Service section", ServiceSchema.options)]
    for kind in [StageKind.input, .filter, .processor, .output] {
      let title = "Every \(kind.rawValue)"
      sections.append(table(title, GlobalOptions.of(kind)))
      for name in SchemaRegistry.builtin.names(kind) {
        guard let schema = SchemaRegistry.builtin.schema(kind, name), schema.kind == kind else {
          continue
        }
        sections.append(table("\(kind.rawValue.capitalisedFirst) `\(name)`", schema.options))
      }
    }
    sections.append(
      table("Network options of outputs that connect", NetworkOptions.client))
    sections.append(table("Parser", ParserSchemas.parser))
    sections.append(table("Multiline parser", ParserSchemas.multiline))
    return "\n" + sections.joined(separator: "\n")
  }

  private static func table(_ title: String, _ options: [OptionSchema]) -> String {
    if options.isEmpty { return "### \(title)\n\nNo options of its own.\n" }
    var lines = ["### \(title)", "", "| option | default | here | meaning |", "|---|---|---|---|"]
    for option in options {
      let name = "`\(option.name)`" + (option.isRepeatable ? " (repeatable)" : "")
      let fallback = option.defaultText.map { "`\($0)`" } ?? ""
      lines.append("| \(name) | \(fallback) | \(here(option)) | \(cell(option.help)) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func here(_ option: OptionSchema) -> String {
    switch option.optionClass {
    case .works: option.deprecated.map { "works; deprecated, use `\($0)`" } ?? "works"
    case .noCounterpart(let reason): "no counterpart: \(reason)"
    case .refused(let reason): "refused: \(reason)"
    case .notYet(let reason): "not yet: \(reason)"
    }
  }

  private static func cell(_ text: String) -> String {
    text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
  }
}

extension String {
  fileprivate var capitalisedFirst: String { prefix(1).uppercased() + dropFirst() }
}
