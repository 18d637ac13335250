/// What a configuration format calls while it parses: it makes the tree and guards its bounds.
///
/// Every call gives false once something is wrong; the format should then stop. Not thread-safe:
/// one parse, one thread.
public final class TreeBuilder {
  private enum Open {
    case map(entries: [ConfigEntry], key: (String, SourceLocation)?, at: SourceLocation)
    case list(items: [ConfigNode], at: SourceLocation)
  }

  private let file: String
  private var stack: [Open] = []
  private var root: ConfigNode?
  private var nodeCount = 0
  private var textBytes = 0
  /// The first thing that went wrong.
  public private(set) var problem: ConfigProblem?
  /// What the format warned about.
  public private(set) var warnings: [ConfigProblem] = []
  /// Reads another file for an include directive; set by the loader while it parses.
  var includeReader: ((String, SourceLocation) -> ConfigNode?)?

  /// Makes a builder whose nodes say that they come from `file`.
  public init(file: String) { self.file = file }

  /// A map begins; `endMap` closes it.
  @discardableResult
  public func beginMap(line: Int, column: Int) -> Bool {
    begin(.map(entries: [], key: nil, at: place(line, column)), line, column)
  }

  /// A list begins; `endList` closes it.
  @discardableResult
  public func beginList(line: Int, column: Int) -> Bool {
    begin(.list(items: [], at: place(line, column)), line, column)
  }

  /// The innermost map ends.
  @discardableResult
  public func endMap() -> Bool {
    guard problem == nil else { return false }
    guard case .map(let entries, nil, let at)? = stack.last else {
      return fail("a map ends where none is open or a key has no value", line: 0, column: 0)
    }
    stack.removeLast()
    return place(ConfigNode(.map(entries), at: at))
  }

  /// The innermost list ends.
  @discardableResult
  public func endList() -> Bool {
    guard problem == nil else { return false }
    guard case .list(let items, let at)? = stack.last else {
      return fail("a list ends where none is open", line: 0, column: 0)
    }
    stack.removeLast()
    return place(ConfigNode(.list(items), at: at))
  }

  /// A key of the innermost map; its value follows.
  @discardableResult
  public func key(_ text: String, line: Int, column: Int) -> Bool {
    guard problem == nil else { return false }
    guard case .map(let entries, nil, let at)? = stack.last else {
      return fail("a key stands outside a map", line: line, column: column)
    }
    stack[stack.count - 1] = .map(entries: entries, key: (text, place(line, column)), at: at)
    return count(text, line, column)
  }

  /// A scalar: a value of the innermost map or list, or the whole document.
  @discardableResult
  public func scalar(_ text: String, style: ConfigScalar.Style, line: Int, column: Int) -> Bool {
    guard problem == nil, count(text, line, column) else { return false }
    return place(ConfigNode(text: text, style: style, at: place(line, column)))
  }

  /// Another file stands here as a value, for formats with a directive for that; the loader knows
  /// paths and limits, and has the message when it fails.
  @discardableResult
  public func include(_ path: String, line: Int, column: Int) -> Bool {
    guard problem == nil, count(path, line, column) else { return false }
    guard let node = includeReader?(path, place(line, column)) else {
      return fail("the file \(path) cannot be included", line: line, column: column)
    }
    return place(node)
  }

  /// Something looks wrong; parsing goes on.
  public func warn(_ message: String, line: Int, column: Int) {
    if warnings.count < ConfigLimits.problemCountMax {
      warnings.append(ConfigProblem(message, at: place(line, column), severity: .warning))
    }
  }

  /// Something is wrong; the first message is kept.
  @discardableResult
  public func fail(_ message: String, line: Int, column: Int) -> Bool {
    if problem == nil { problem = ConfigProblem(message, at: place(line, column)) }
    return false
  }

  /// The finished tree; an empty document is an empty map.
  public func finish() throws(ConfigProblem) -> ConfigNode {
    if let problem { throw problem }
    if !stack.isEmpty {
      throw ConfigProblem("the document ends inside a map or list", at: place(0, 0))
    }
    return root ?? ConfigNode(.map([]), at: place(1, 1))
  }

  private func begin(_ open: Open, _ line: Int, _ column: Int) -> Bool {
    guard problem == nil, count("", line, column) else { return false }
    if stack.count >= ConfigLimits.treeDepthMax {
      return fail(
        "maps and lists nest deeper than \(ConfigLimits.treeDepthMax)", line: line, column: column)
    }
    stack.append(open)
    return true
  }

  private func place(_ node: ConfigNode) -> Bool {
    switch stack.popLast() {
    case nil:
      if root != nil {
        return fail(
          "there is a second document", line: node.location.line, column: node.location.column)
      }
      root = node
    case .list(var items, let at)?:
      items.append(node)
      stack.append(.list(items: items, at: at))
    case .map(var entries, let key?, let at)?:
      entries.append(ConfigEntry(key: key.0, keyLocation: key.1, value: node))
      stack.append(.map(entries: entries, key: nil, at: at))
    case .map(_, nil, _)?:
      return fail(
        "a value stands where a key has to be", line: node.location.line,
        column: node.location.column)
    }
    return true
  }

  private func place(_ line: Int, _ column: Int) -> SourceLocation {
    SourceLocation(file: file, line: line, column: column)
  }

  private func count(_ text: String, _ line: Int, _ column: Int) -> Bool {
    nodeCount += 1
    textBytes += text.utf8.count
    if nodeCount > ConfigLimits.treeNodeCountMax {
      return fail(
        "there are more than \(ConfigLimits.treeNodeCountMax) values", line: line, column: column)
    }
    if textBytes > ConfigLimits.fileBytesMax {
      return fail(
        "the text is longer than \(ConfigLimits.fileBytesMax) bytes", line: line, column: column)
    }
    return true
  }
}
