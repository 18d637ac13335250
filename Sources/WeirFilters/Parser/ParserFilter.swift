import CWeirPlugin
import WeirBatch
import WeirConfig
import WeirParsers
public import WeirStage

/// `parser`: parses one text field; the record becomes what the first parser that succeeds makes
/// of it, with or without the other fields.
public final class ParserFilter: Filter, @unchecked Sendable {
  // SAFETY: unchecked because of a pointer into the pool; all is written in init only.
  /// The field.
  let accessor: RecordAccessor
  /// The field when it was given as a plain name: only then can it be taken out.
  let plainName: FieldName?
  let parsers: [Parser]
  /// Whether the other fields stay, behind the parsed ones.
  let keepsOthers: Bool
  /// Whether the parsed field stays.
  let keepsKey: Bool
  let pool = ConstantPool()
  /// Wall clock in nanoseconds.
  let now: @Sendable () -> Int64

  init(_ config: InstanceConfig, _ context: FilterBuildContext) throws(ConfigProblem) {
    let name = try config.requiredText("key_name")
    guard let property = config.property("key_name") else {
      throw config.problem("a parser filter needs the name of a field", key: "key_name")
    }
    accessor = try property.accessor(name)
    plainName = name.hasPrefix("$") ? nil : pool.name(name)
    keepsOthers = try config.bool("reserve_data", default: false)
    keepsKey = try config.bool("preserve_key", default: false)
    now = context.now
    let named = config.all("parser")
    guard !named.isEmpty else {
      throw config.problem("a parser filter needs at least one parser", key: "parser")
    }
    parsers = named.compactMap { context.parsers?.parser(named: $0.text) }
    if parsers.isEmpty {
      throw named[0].problem(
        "none of the parsers exists",
        suggestion: "define it in a parsers file, and name that as parsers_file under service")
    }
  }

  /// Makes the lane's match data.
  public func openLane(_ lane: LaneContext) -> any FilterLane { ParserFilterLane(self) }
}
