public import WeirConfig
public import WeirStage

/// Makes stages of what a configuration describes: built-in ones and those of plugins alike.
public protocol StageFactory {
  /// - Throws: `ConfigProblem` with file, line and key.
  func input(_ config: InstanceConfig) throws -> any Input
  /// A filter, or a filter or processor under `processors`.
  func filter(_ config: InstanceConfig) throws -> any Filter
  func processor(_ definition: ProcessorDefinition) throws -> any Filter
  /// An output, or one that the host carries over HTTP.
  func output(
    _ config: InstanceConfig, retryLimit: Int?
  ) throws -> PipelineGraph.OutputStage
  /// The test of a conditional route, made once per lane.
  func condition(_ definition: ConditionDefinition) throws -> RecordTestMaker
}
