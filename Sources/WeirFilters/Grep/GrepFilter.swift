import WeirBatch
import WeirConfig
import WeirParsers
public import WeirStage

/// `grep`: keeps or drops records by expressions on their fields.
///
/// Only texts match; numbers, booleans and missing fields never do.
public final class GrepFilter: Filter {
  enum Mode { case legacy, and, or }

  struct Rule {
    let accessor: RecordAccessor
    let regex: Regex
    let isExclude: Bool
  }

  let mode: Mode
  let rules: [Rule]

  init(_ config: InstanceConfig, _ context: FilterBuildContext) throws(ConfigProblem) {
    switch try config.choice("logical_op", ["legacy", "and", "or"], default: "legacy") {
    case "and": mode = .and
    case "or": mode = .or
    default: mode = .legacy
    }
    var rules: [Rule] = []
    for property in config.properties where property.key == "regex" || property.key == "exclude" {
      rules.append(try GrepFilter.rule(property, context))
    }
    self.rules = rules
    if mode != .legacy, Set(rules.map(\.isExclude)).count > 1 {
      throw config.problem(
        "with logical_op and/or a grep has either regex or exclude rules", key: "logical_op",
        suggestion: "use two grep filters")
    }
    if mode == .legacy { warnAboutOrder(config, context) }
  }

  private static func rule(
    _ property: Property, _ context: FilterBuildContext
  ) throws(ConfigProblem) -> Rule {
    let text = property.text.utf8.drop { $0 == UInt8(ascii: " ") }
    guard let blank = text.firstIndex(of: UInt8(ascii: " ")) else {
      throw property.problem("a key and an expression are needed: KEY PATTERN")
    }
    let pattern = String(Substring(text[text.index(after: blank)...]))
    if pattern.isEmpty {
      throw property.problem("a key and an expression are needed: KEY PATTERN")
    }
    if pattern.hasPrefix(" ") {
      context.warn(
        property.warning(
          "more than one blank behind the key belongs to the expression",
          suggestion: "leave one blank"))
    }
    return Rule(
      accessor: try property.accessor(String(Substring(text[..<blank]))),
      regex: try property.regex(pattern), isExclude: property.key == "exclude")
  }

  /// Several regex rules are what the check of the configuration warns about already.
  private func warnAboutOrder(_ config: InstanceConfig, _ context: FilterBuildContext) {
    let decisive = rules.indices.filter { !rules[$0].isExclude }
    guard decisive.count == 1, decisive[0] + 1 < rules.count else { return }
    let written = config.properties.filter { $0.key == "regex" || $0.key == "exclude" }
    context.warn(
      written[decisive[0] + 1].warning(
        "never looked at: without logical_op the regex before it decides alone",
        suggestion: "put it before the regex, or into a grep filter of its own"))
  }

  /// Makes the lane's match data.
  public func openLane(_ lane: LaneContext) -> any FilterLane { GrepLane(self) }
}

extension Property {
  /// Compiles a key or accessor of this option; its errors point at the option.
  func accessor(_ text: String) throws(ConfigProblem) -> RecordAccessor {
    do {
      return try RecordAccessor.keyOrAccessor(text).path()
    } catch {
      throw problem("\(error)")
    }
  }
}

extension RecordAccessor {
  /// Itself if it names a value; templates are refused.
  fileprivate func path() throws(AccessorError) -> RecordAccessor {
    if isPath { return self }
    throw .syntax(text: source, offset: 0, reason: "one key of the record is needed, no text")
  }
}
