public import WeirConfig
public import WeirStage

/// The outputs that are part of the program.
public enum BuiltinOutputs {
  /// Their names as configurations write them.
  public static let names = ["counter", "file", "null", "stdout"]

  /// Makes an output of an instance; nothing is opened yet.
  /// - Throws: `ConfigProblem` naming file, line and option.
  public static func make(
    _ config: InstanceConfig, _ context: OutputBuildContext
  ) throws -> any Output {
    switch config.plugin {
    case "stdout": return try StdoutOutput(config, context)
    case "file": return try FileOutput(config, context)
    case "null": return NullOutput()
    case "counter": return CounterOutput(name: config.name, context)
    default:
      throw ConfigProblem(
        "there is no output \"\(config.plugin)\"", at: config.location, key: "name",
        suggestion: "the outputs are \(names.joined(separator: ", "))")
    }
  }
}
