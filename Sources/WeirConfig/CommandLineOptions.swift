/// What the command line adds to a configuration, in its order.
public struct CommandLineOptions: Sendable {
  /// An instance added by `-i`, `-F` or `-o`, with the options that follow it.
  public struct Instance: Sendable {
    /// Its kind.
    public let kind: StageKind
    /// `name` first, then each `-p`, `-t`, `-m`.
    public internal(set) var properties: [Property]
  }

  /// The main file; nil runs from the command line alone.
  public var configFile: String?
  /// Instances; they come before those of the file.
  public var instances: [Instance] = []
  /// Service keys; they win over those of the file.
  public var serviceProperties: [Property] = []
  /// Files given with `-R`.
  public var parserFiles: [ConfigNode] = []
  /// Files given with `-e`.
  public var pluginFiles: [ConfigNode] = []
  /// Stream queries given with `-T`: refused.
  public var streamTasks: [ConfigNode] = []

  /// Nothing.
  public init() {}
}
