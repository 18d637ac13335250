import WeirBatch

/// Why a pipeline does not start.
public enum PipelineError: Error, Sendable, CustomStringConvertible {
  /// Its stages name more keys than the process-wide table has room for.
  case tooManyKeys

  /// One line for users.
  public var description: String {
    switch self {
    case .tooManyKeys:
      "the configuration names more than \(KeyTable.configuredMax) different keys; leave out "
        + "parsers, rules and outputs that are not used"
    }
  }
}
