public import WeirConfig
public import WeirStage

extension MultilineDecoder {
  /// The decoder that an input's options ask for: `multiline.parser`, `docker_mode` or
  /// `multiline on`; nil when its lines are records.
  ///
  /// - Parameters:
  ///   - limitBytes: `multiline_buffer_limit` of the service.
  /// - Throws: `ConfigProblem` naming the option.
  public static func configured(
    _ config: InstanceConfig, _ settings: LineSettings, _ catalogue: ParserCatalogue,
    limitBytes: Int
  ) throws(ConfigProblem) -> MultilineDecoder? {
    let joining = try multiline(config, catalogue)
    return joining.isEmpty ? nil : MultilineDecoder(joining, settings, limitBytes: limitBytes)
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
    let first = config.parser("docker_mode_parser", catalogue)
    if let first, first.regex == nil {
      throw config.problem(
        "the parser \"\(first.name)\" has no expression, so that no text begins a record",
        key: "docker_mode_parser", suggestion: "name a parser of the format regex")
    }
    let line = config.parser("parser", catalogue) ?? catalogue.parser(named: "docker")
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
    guard let first = config.parser("parser_firstline", catalogue) else {
      throw config.problem(
        "multiline needs a parser_firstline that exists", key: "parser_firstline")
    }
    var more: [Parser] = []
    for property in config.properties where property.key.hasPrefix("parser_") {
      guard Int(property.key.dropFirst("parser_".count)) != nil else { continue }
      if let parser = config.parser(property.key, catalogue) { more.append(parser) }
    }
    return MultilineParser.firstLineMode(first, more: more, flushMilliseconds: flush * 1000)
  }
}
