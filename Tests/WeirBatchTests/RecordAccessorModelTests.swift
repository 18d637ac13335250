import CWeirPlugin
import Testing
import WeirTestSupport

@testable import WeirBatch

/// A JSON value as a plain tree: what accessors are held against.
private indirect enum Tree {
  case null
  case bool(Bool)
  case integer(Int64)
  case text(String)
  case map([(key: String, value: Tree)])
  case list([Tree])

  static let keys = ["a", "b", "key with blank", "it's", "x.y/z", "\u{e9}t\u{e9}", "a"]
  static let texts = ["", "plain", "q\"uote\\", "tab\tline\n", "\u{e9}\u{20ac}\u{1f600}", "7"]

  static func random(_ depth: Int, _ random: inout SeededGenerator) -> Tree {
    switch Int.random(in: 0...(depth > 0 ? 7 : 4), using: &random) {
    case 0: return .null
    case 1: return .bool(.random(using: &random))
    case 2: return .integer(.random(in: -5...5000, using: &random))
    case 3, 4: return .text(texts.randomElement(using: &random) ?? "")
    case 5:
      return .list(
        (0..<Int.random(in: 0...3, using: &random)).map { _ in .random(depth - 1, &random) })
    default: return map(depth, &random)
    }
  }

  static func map(_ depth: Int, _ random: inout SeededGenerator) -> Tree {
    .map(
      (0..<Int.random(in: 0...5, using: &random)).map { _ in
        (keys.randomElement(using: &random) ?? "a", .random(depth - 1, &random))
      })
  }

  /// The value as JSON; `escaping` writes non-ASCII as accessors do, of equal keys only the last.
  func json(escaping: Bool) -> String {
    switch self {
    case .null: return "null"
    case .bool(let value): return "\(value)"
    case .integer(let value): return "\(value)"
    case .text(let text): return Tree.quoted(text, escaping)
    case .list(let items):
      return "[" + items.map { $0.json(escaping: escaping) }.joined(separator: ",") + "]"
    case .map(let entries):
      let kept = entries.indices.filter { index in
        !escaping || !entries[(index + 1)...].contains { $0.key == entries[index].key }
      }
      let members = kept.map {
        Tree.quoted(entries[$0].key, escaping) + ":" + entries[$0].value.json(escaping: escaping)
      }
      return "{" + members.joined(separator: ",") + "}"
    }
  }

  private static func quoted(_ text: String, _ escaping: Bool) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\t": result += "\\t"
      case "\n": result += "\\n"
      case _ where escaping && !scalar.isASCII:
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16)
          result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// The text that an accessor gives, nil where `self` is nothing.
  var rendered: String {
    switch self {
    case .text(let text): text
    default: json(escaping: true)
    }
  }

  func entered(_ key: String) -> Tree? {
    guard case .map(let entries) = self else { return nil }
    return entries.last { $0.key == key }?.value
  }

  func entered(_ index: Int) -> Tree? {
    guard case .list(let items) = self, index < items.count else { return nil }
    return items[index]
  }
}

@Suite("record accessors against a model")
struct RecordAccessorModelTests {
  @Test("random paths through random records give what the model gives", arguments: 1...80)
  func agrees(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let tree = Tree.map(3, &random)
    let records = RecordAccessorRecords()
    let json = tree.json(escaping: false)
    // Raw values that are spliced hold no key twice; child fields may.
    let plain = json == Self.withoutDuplicates(tree) ? [false, true] : [true]
    let buffer = TextBuffer()
    for expanding in plain {
      let record = records.add(json, expanding: expanding)
      for _ in 0..<40 {
        let (text, expected) = path(tree, &random)
        buffer.clear()
        let isComplete = try RecordAccessor(text).render(records.batch, record, into: buffer)
        let rendered = String(decoding: buffer.bytes, as: UTF8.self)
        #expect(isComplete == (expected != nil), "seed \(seed): \(text) in \(json)")
        #expect(rendered == expected?.rendered ?? "", "seed \(seed): \(text) in \(json)")
      }
    }
  }

  private static func withoutDuplicates(_ tree: Tree) -> String? {
    switch tree {
    case .map(let entries):
      let isUnique = Set(entries.map(\.key)).count == entries.count
      let isDeep = entries.allSatisfy { withoutDuplicates($0.value) != nil }
      return isUnique && isDeep ? tree.json(escaping: false) : nil
    case .list(let items):
      let isDeep = items.allSatisfy { withoutDuplicates($0) != nil }
      return isDeep ? tree.json(escaping: false) : nil
    default: return tree.json(escaping: false)
    }
  }

  /// A path that often exists, and what it leads to.
  private func path(_ tree: Tree, _ random: inout SeededGenerator) -> (String, Tree?) {
    let root = ["a", "b", "none"].randomElement(using: &random) ?? "a"
    var text = "$" + root
    var value = tree.entered(root)
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      if Bool.random(using: &random) {
        let index = Int.random(in: 0...3, using: &random)
        text += "[\(index)]"
        value = value?.entered(index)
      } else {
        let key = Tree.keys.randomElement(using: &random) ?? "a"
        let quoted = key.split(separator: "'", omittingEmptySubsequences: false)
        text += "['" + quoted.joined(separator: "''") + "']"
        value = value?.entered(key)
      }
    }
    return (text, value)
  }

  @Test("any text compiles or is refused, and what compiles runs", arguments: 1...20)
  func fuzz(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    let pieces = ["$", "a", "TAG", "[", "]", "'", "0", "9", ".", "-", " ", "{", "}", "\u{e9}", ","]
    let records = RecordAccessorRecords()
    let record = records.add("{\"a\":{\"a\":[1,{\"a\":\"x\"}]}}")
    let buffer = TextBuffer()
    for _ in 0..<500 {
      let count = Int.random(in: 0...12, using: &random)
      let text = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
      guard let accessor = try? RecordAccessor(text) else { continue }
      buffer.clear()
      accessor.render(records.batch, record, into: buffer)
      #expect(!buffer.isTruncated)
      _ = accessor.resolve(records.batch, record)
    }
  }
}
