public import CWeirPlugin
import WeirBatch
public import WeirStage
import WeirTelemetry

/// A pipeline before it runs: stages built and named, nothing started.
public struct PipelineGraph: Sendable {
  /// A filter used as a processor, with the name that its counters get.
  public struct Processor: Sendable {
    public let name: String
    public let filter: any Filter
    public init(name: String, filter: any Filter) {
      self.name = name
      self.filter = filter
    }
  }

  /// One conditional route of an input.
  public struct Route: Sendable {
    /// Becomes the tag of the records that take it.
    public let name: String
    /// Makes the test for one lane; nil takes every record.
    public let condition: RecordTestMaker?
    public let isDefault: Bool
    /// Indexes of the outputs it leads to.
    public let outputs: [Int]
    public let processors: [Processor]

    public init(
      name: String, condition: RecordTestMaker?, isDefault: Bool, outputs: [Int],
      processors: [Processor]
    ) {
      self.name = name
      self.condition = condition
      self.isDefault = isDefault
      self.outputs = outputs
      self.processors = processors
    }
  }

  /// An input with what only its records pass.
  public struct InputNode: Sendable {
    public let name: String
    public let input: any Input
    public let processors: [Processor]
    public let routes: [Route]
    /// What only this input is held to.
    public let limits: InputLimits

    public init(
      name: String, input: any Input, processors: [Processor] = [], routes: [Route] = [],
      limits: InputLimits = InputLimits()
    ) {
      self.name = name
      self.limits = limits
      self.input = input
      self.processors = processors
      self.routes = routes
    }
  }

  /// A filter with the tags it takes.
  public struct FilterNode: Sendable {
    public let name: String
    public let filter: any Filter
    public let rule: MatchRule

    public init(name: String, filter: any Filter, rule: MatchRule) {
      self.name = name
      self.filter = filter
      self.rule = rule
    }
  }

  /// How an output is driven.
  public enum OutputStage: Sendable {
    /// Payloads in batch order, delivered one after the other by the output itself.
    case ordered(any Output)
    /// Payloads that the host carries over HTTP.
    case carried(any CarriedOutput, CarriedSetup)

    /// The counters that it keeps beside those of every output.
    var counterNames: [String] {
      switch self {
      case .ordered: []
      case .carried: OutputCounterNames.all
      }
    }
  }

  /// An output with the tags it takes and what only its records pass.
  public struct OutputNode: Sendable {
    public let name: String
    public let stage: OutputStage
    public let rule: MatchRule
    public let processors: [Processor]
    /// Retries after the first try; nil never gives up.
    public let retryLimit: Int?

    public init(
      name: String, stage: OutputStage, rule: MatchRule, processors: [Processor] = [],
      retryLimit: Int? = nil
    ) {
      self.name = name
      self.stage = stage
      self.rule = rule
      self.processors = processors
      self.retryLimit = retryLimit
    }

    /// An output that delivers itself.
    public init(
      name: String, output: any Output, rule: MatchRule, processors: [Processor] = [],
      retryLimit: Int? = nil
    ) {
      self.init(
        name: name, stage: .ordered(output), rule: rule, processors: processors,
        retryLimit: retryLimit)
    }
  }

  public var inputs: [InputNode]
  public var filters: [FilterNode]
  public var outputs: [OutputNode]
  /// True when a filter may give records another tag.
  public var rewritesTags = false

  public init(inputs: [InputNode], filters: [FilterNode] = [], outputs: [OutputNode]) {
    self.inputs = inputs
    self.filters = filters
    self.outputs = outputs
  }

  /// Records that the scan may put into a batch, so that a copy per route, and then one for an
  /// output with processors, still fit into its table.
  func scannedRecordsMax(_ limits: BatchLimits) -> Int {
    let perRecord = inputs.map { max(1, $0.routes.count) }.max() ?? 1
    let perOutput = outputs.contains { !$0.processors.isEmpty } ? 2 : 1
    return max(1, min(limits.recordsMax, 2 * limits.recordsMax / (perRecord * perOutput)))
  }
}

/// Decides whether one record takes a route; made per lane, so it may hold match data.
public typealias RecordTest = (Batch, UnsafeMutablePointer<weir_record>) -> Bool

/// Makes the test of a route, once per lane.
public struct RecordTestMaker: Sendable {
  public let make: @Sendable () -> RecordTest
  public init(_ make: @escaping @Sendable () -> RecordTest) { self.make = make }
}

/// The sizes and times of a pipeline.
public struct PipelineSettings: Sendable {
  /// Work lanes.
  public var lanes = 2
  /// Slots of the ring.
  public var slotCount = 12
  /// Bytes of a slot's raw segment.
  public var slotBytes = 1 << 20
  /// The one ceiling for ring, jumbo segments and carried fragments, in bytes.
  public var budgetBytes = 64 << 20
  /// Bytes that may be under way to one output.
  public var outputCreditBytes = 8 << 20
  /// Seconds after which a slot that is not full leaves.
  public var flushSeconds = 1.0
  /// Seconds to drain at a stop; negative: until empty.
  public var graceSeconds = 5
  public var batchLimits = BatchLimits()

  public init() {}
}
