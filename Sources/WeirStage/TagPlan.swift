/// Which filters and outputs a tag reaches; computed once per tag and shared by its streams.
public final class TagPlan: Sendable {
  /// Number of the combination of filters and outputs, in the router's table.
  public let index: UInt32
  /// The tag, as bytes.
  public let tag: [UInt8]
  /// For each filter in order: whether its match rule takes this tag.
  public let filters: [Bool]
  /// Indexes of the outputs that take this tag, ascending.
  public let outputs: [Int]
  /// True when at least one filter may give records another tag, so that any output is in reach.
  public let mayReachAll: Bool

  public init(
    index: UInt32, tag: [UInt8], filters: [Bool], outputs: [Int], mayReachAll: Bool = false
  ) {
    self.index = index
    self.tag = tag
    self.filters = filters
    self.outputs = outputs
    self.mayReachAll = mayReachAll
  }
}
