/// Finds functions by their layout: the formatter puts the closing brace of a function where the
/// function's first line begins, which is all that counting its lines needs.
enum FunctionScan {
  /// A function: the index of its first line, and how many lines it has up to its closing brace.
  struct Function: Equatable {
    let start: Int
    let lines: Int
  }

  static func functions(of file: SourceFile) -> [Function] {
    var found: [Function] = []
    for (index, line) in file.lines.enumerated() {
      let begins = file.isSwift ? beginsSwiftFunction(line) : beginsCFunction(line, at: index, file)
      guard begins else { continue }
      let indent = line.prefix { $0 == " " }.count
      let closing = String(repeating: " ", count: indent) + "}"
      if let end = end(of: closing, after: index, in: file) {
        found.append(Function(start: index, lines: end - index + 1))
      }
    }
    return found
  }

  private static func beginsSwiftFunction(_ line: Substring) -> Bool {
    let words = line.split(separator: " ")
    for word in words {
      if word == "func" || word.hasPrefix("init(") || word.hasPrefix("init?(") { return true }
      if word == "deinit" { return true }
      guard modifiers.contains(word) || word.hasPrefix("@") || word.hasPrefix("private(") else {
        return false
      }
    }
    return false
  }

  private static let modifiers: Set<Substring> = [
    "public", "package", "internal", "fileprivate", "private", "static", "final", "override",
    "mutating", "nonmutating", "consuming", "borrowing", "nonisolated", "convenience", "required",
    "class", "unsafe",
  ]

  /// A line at the margin that ends with the brace of a body and holds a parameter list, or whose
  /// brace stands alone on the next line.
  private static func beginsCFunction(_ line: Substring, at index: Int, _ file: SourceFile) -> Bool
  {
    guard let first = line.first, first.isLetter || first == "_", line.contains("(") else {
      return false
    }
    if line.hasSuffix("{") { return true }
    return index + 1 < file.lines.count && file.lines[index + 1] == "{"
  }

  /// The line of the closing brace; nil for a declaration without a body, which is followed by a
  /// line that is indented no deeper before any closing brace comes.
  private static func end(of closing: String, after start: Int, in file: SourceFile) -> Int? {
    if file.lines[start].hasSuffix("}") { return start }
    var index = start + 1
    let indent = closing.count - 1
    while index < file.lines.count {
      let line = file.lines[index]
      if line == closing || line.hasPrefix(closing + " ") { return index }
      let depth = line.prefix { $0 == " " }.count
      if !line.isEmpty, depth <= indent, !continues(line.dropFirst(depth)) { return nil }
      index += 1
    }
    return nil
  }

  /// Lines that stand at a function's own depth though they belong to it.
  private static func continues(_ text: Substring) -> Bool {
    text.hasPrefix(")") || text.hasPrefix("{") || text.hasPrefix("#") || text.hasPrefix("\"\"\"")
      || text.hasSuffix(":") || text.hasPrefix("where ")
  }
}
