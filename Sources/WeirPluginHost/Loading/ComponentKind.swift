import CWeirPlugin
public import WeirConfig

/// The kinds of components that a plugin, or the host itself, can have.
public enum ComponentKind: UInt32, Sendable, CaseIterable {
  case input = 1
  case parser, filter, output, codec, configFormat

  /// What users call it.
  public var name: String {
    switch self {
    case .input: "input"
    case .parser: "parser"
    case .filter: "filter"
    case .output: "output"
    case .codec: "codec"
    case .configFormat: "config format"
    }
  }

  /// The stage that a configuration names it as; nil for codecs and formats. A parser is used as
  /// a filter.
  public var stage: StageKind? {
    switch self {
    case .input: .input
    case .parser, .filter: .filter
    case .output: .output
    case .codec, .configFormat: nil
    }
  }

  /// The kind of a configured stage.
  init(_ stage: StageKind) {
    switch stage {
    case .input: self = .input
    case .filter, .processor: self = .filter
    case .output: self = .output
    }
  }
}
