import Testing
import WeirBatch
import WeirConfig
import WeirTestSupport

@testable import WeirFilters

/// The rules of `modify` on a plain list of keys and values.
struct ModifyModel {
  var entries: [(key: String, value: String)]

  private func has(_ key: String) -> Bool { entries.contains { $0.key == key } }

  mutating func apply(_ rule: String) {
    let words = rule.split(separator: " ").map(String.init)
    let (a, b) = (words[1], words.count > 2 ? words[2] : "")
    switch words[0] {
    case "set":
      entries.removeAll { $0.key == a }
      entries.append((a, "\"\(b)\""))
    case "add": if !has(a) { entries.append((a, "\"\(b)\"")) }
    case "remove": entries.removeAll { $0.key == a }
    case "remove_wildcard": entries.removeAll { $0.key.hasPrefix(a) }
    case "rename", "hard_rename":
      if a == b || !has(a) || (words[0] == "rename" && has(b)) { return }
      entries.removeAll { $0.key == b }
      entries = entries.map { $0.key == a ? (b, $0.value) : $0 }
    case "copy", "hard_copy":
      let (sources, targets) = (entries.filter { $0.key == a }, entries.filter { $0.key == b })
      if a == b || sources.count != 1 || targets.count > (words[0] == "copy" ? 0 : 1) { return }
      entries.removeAll { $0.key == b }
      guard let index = entries.firstIndex(where: { $0.key == a }) else { return }
      entries.insert((b, entries[index].value), at: index + 1)
    case "move_to_start":
      entries = entries.filter { $0.key.hasPrefix(a) } + entries.filter { !$0.key.hasPrefix(a) }
    default:
      entries = entries.filter { !$0.key.hasPrefix(a) } + entries.filter { $0.key.hasPrefix(a) }
    }
  }

  var line: String {
    "{" + entries.map { "\($0.key):\($0.value)" }.joined(separator: ",") + "}"
  }
}

@Suite("modify against a model")
struct ModifyModelTests {
  static let keys = ["a", "b", "c", "ab", "abc", "ba"]
  static let ruleNames = [
    "set", "add", "remove", "remove_wildcard", "rename", "hard_rename", "copy", "hard_copy",
    "move_to_start", "move_to_end",
  ]
  static let binary: Set = ["set", "add", "rename", "hard_rename", "copy", "hard_copy"]

  @Test("random rules on random records give what the model gives", arguments: 1...60)
  func agrees(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    func pick(_ words: [String]) -> String { words.randomElement(using: &random) ?? "a" }
    let lines = (0..<20).map { _ in
      let count = Int.random(in: 0...7, using: &random)
      let members = (0..<count).map { index in
        "\"\(pick(Self.keys))\":" + pick(["\(index)", "\"v\(index)\"", "true", "[\(index)]"])
      }
      return "{" + members.joined(separator: ",") + "}"
    }
    let rules = (0..<Int.random(in: 1...8, using: &random)).map { _ in
      let name = pick(Self.ruleNames)
      return Self.binary.contains(name)
        ? "\(name) \(pick(Self.keys)) \(pick(Self.keys))" : "\(name) \(pick(Self.keys))"
    }
    let records = TestRecords(lines)
    let models = lines.indices.map { ModifyModel(entries: records.entries($0)) }
    records.run(try ModifyFilterTests.filter(rules))
    for (index, model) in models.enumerated() {
      var model = model
      for rule in rules { model.apply(rule) }
      #expect(records.line(index) == model.line, "seed \(seed): \(rules) on \(lines[index])")
    }
  }

  @Test("a grep of random rules decides as its description says", arguments: 1...40)
  func grep(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let mode = ["legacy", "and", "or"].randomElement(using: &random) ?? "and"
    let isExclude = Bool.random(using: &random)
    let rules = (0..<Int.random(in: 1...4, using: &random)).map { _ in
      let kind = mode == "legacy" ? Bool.random(using: &random) : isExclude
      let key = Self.keys.randomElement(using: &random) ?? "a"
      return (isExclude: kind, key: key, text: "\(Int.random(in: 0...2, using: &random))")
    }
    let lines = (0..<30).map { _ in
      let members = Self.keys.filter { _ in Bool.random(using: &random) }.map {
        "\"\($0)\":\"\(Int.random(in: 0...2, using: &random))\""
      }
      return "{" + members.joined(separator: ",") + "}"
    }
    let records = TestRecords(lines)
    let objects = records.objects
    var properties = [Property(key: "logical_op", node: ConfigNode(text: mode))]
    properties += rules.map {
      Property(
        key: $0.isExclude ? "exclude" : "regex", node: ConfigNode(text: "\($0.key) ^\($0.text)$"))
    }
    records.run(
      try BuiltinFilters.make(
        InstanceConfig(kind: .filter, plugin: "grep", properties: properties),
        FilterBuildContext()))
    for (index, object) in objects.enumerated() {
      let matched = rules.map { object[$0.key] == "\"\($0.text)\"" }
      let kept = keeps(mode, rules.map(\.isExclude), matched)
      #expect(records.isDropped(index) != kept, "seed \(seed): \(mode) \(rules) on \(object)")
    }
  }

  private func keeps(_ mode: String, _ excludes: [Bool], _ matched: [Bool]) -> Bool {
    switch mode {
    case "and": return matched.allSatisfy { $0 } != excludes[0]
    case "or": return matched.contains(true) != excludes[0]
    default:
      for (isExclude, isMatch) in zip(excludes, matched) {
        if !isExclude { return isMatch }
        if isMatch { return false }
      }
      return true
    }
  }
}
