public import WeirConfig
public import WeirStage
import WeirTelemetry

/// What the line options of an input ask for: the decoder of its streams, and the parallel stages
/// behind it.
public struct LineDecoding: Sendable {
  public let decoder: any Decoder
  public let stages: [any Filter]

  /// Reads `parser`, `multiline.parser`, the two older multiline modes and the line options.
  ///
  /// An unknown `parser` is told and lines stay raw; an unknown multiline parser is an error.
  /// - Parameters:
  ///   - multilineLimitBytes: `multiline_buffer_limit` of the service.
  /// - Throws: `ConfigProblem` naming the option.
  public init(
    _ config: InstanceConfig, _ catalogue: ParserCatalogue, multilineLimitBytes: Int
  ) throws(ConfigProblem) {
    let settings = LineSettings(
      key: config.text("key") ?? "log", pathKey: config.text("path_key"),
      offsetKey: config.text("offset_key"),
      skipsEmptyLines: try config.bool("skip_empty_lines"))
    let joining = try Self.multiline(config, catalogue)
    if !joining.isEmpty {
      decoder = MultilineDecoder(joining, settings, limitBytes: multilineLimitBytes)
      stages = []
      return
    }
    let parser = Self.parser(config, "parser", catalogue)
    decoder = LineDecoder(settings, isParsed: parser != nil)
    stages = parser.map { [ParserStage($0, key: settings.key)] } ?? []
  }

  /// The multiline parsers in effect, none when lines are records.
  private static func multiline(
    _ config: InstanceConfig, _ catalogue: ParserCatalogue
  ) throws(ConfigProblem) -> [MultilineParser] {
    var parsers: [MultilineParser] = []
    for name in config.commaList("multiline.parser") {
      do {
        guard let parser = try catalogue.multilineParser(named: name) else {
          throw config.problem(
            "there is no multiline parser \(name)", key: "multiline.parser")
        }
        parsers.append(parser)
      } catch let error as ParserError {
        throw config.problem("\(error)", key: "multiline.parser")
      } catch let error as ConfigProblem {
        throw error
      } catch {
        throw config.problem("\(error)", key: "multiline.parser")
      }
    }
    if !parsers.isEmpty { return parsers }
    if try config.bool("docker_mode") { return [try dockerMode(config, catalogue)] }
    if try config.bool("multiline") { return [try firstLineMode(config, catalogue)] }
    return []
  }

  /// `docker_mode`: docker's JSON lines join like those of the built-in parser, but the record has
  /// the time and fields of the last part.
  private static func dockerMode(
    _ config: InstanceConfig, _ catalogue: ParserCatalogue
  ) throws(ConfigProblem) -> MultilineParser {
    let flush = try config.seconds("docker_mode_flush") ?? 4
    let first = parser(config, "docker_mode_parser", catalogue)
    let line = parser(config, "parser", catalogue) ?? catalogue.parser(named: "docker")
    guard let line else {
      throw config.problem("docker_mode needs a parser", key: "docker_mode")
    }
    return MultilineParser.dockerMode(line, firstLine: first, flushMilliseconds: flush * 1000)
  }

  /// `multiline on`: a line that `parser_firstline` takes begins a record.
  private static func firstLineMode(
    _ config: InstanceConfig, _ catalogue: ParserCatalogue
  ) throws(ConfigProblem) -> MultilineParser {
    let flush = try config.seconds("multiline_flush") ?? 4
    guard let first = parser(config, "parser_firstline", catalogue) else {
      throw config.problem(
        "multiline needs a parser_firstline that exists", key: "parser_firstline")
    }
    var more: [Parser] = []
    for property in config.properties where property.key.hasPrefix("parser_") {
      guard Int(property.key.dropFirst("parser_".count)) != nil else { continue }
      if let parser = parser(config, property.key, catalogue) { more.append(parser) }
    }
    return MultilineParser.firstLineMode(first, more: more, flushMilliseconds: flush * 1000)
  }

  private static func parser(
    _ config: InstanceConfig, _ key: String, _ catalogue: ParserCatalogue
  ) -> Parser? {
    guard let name = config.text(key) else { return nil }
    if let parser = catalogue.parser(named: name) { return parser }
    Log.error("\(config.problem("there is no parser \(name); lines stay as they are", key: key))")
    return nil
  }
}
