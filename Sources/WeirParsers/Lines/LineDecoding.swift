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
    if let joining = try MultilineDecoder.configured(
      config, settings, catalogue, limitBytes: multilineLimitBytes)
    {
      decoder = joining
      stages = []
      return
    }
    decoder = LineDecoder(settings)
    let parser = config.parser("parser", catalogue)
    stages = parser.map { [ParserStage($0, key: settings.key)] } ?? []
  }
}

extension InstanceConfig {
  /// The parser that an option names; a name that is unknown is told, and lines stay as they are.
  func parser(_ key: String, _ catalogue: ParserCatalogue) -> Parser? {
    guard let name = text(key) else { return nil }
    if let parser = catalogue.parser(named: name) { return parser }
    Log.error("\(problem("there is no parser \(name); lines stay as they are", key: key))")
    return nil
  }
}
