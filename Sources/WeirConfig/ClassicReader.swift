/// Reads the classic format into the common tree.
///
/// The root is a map: one entry per section in file order (its name in lower case, its value a map
/// of the keys), `@set` entries with the text `name=value`, and `@meta` for other `@` lines. What
/// other files an include names is asked of the caller, which owns paths and limits.
struct ClassicReader {
  /// What stands between the lines of one file.
  private struct Cursor {
    let file: String
    var unit: String?
    var line = 0
    var opensSection = false
  }

  /// Reads another file at an include; what it finds is appended in place.
  typealias Include = (
    _ path: String, _ at: SourceLocation, _ reader: inout ClassicReader
  ) -> Void

  private(set) var entries: [ConfigEntry] = []
  private(set) var problems = ProblemList()
  private var section: (index: Int, keys: [ConfigEntry])?
  private var group: (name: String, at: SourceLocation, keys: [ConfigEntry])?

  /// Adds a problem that the caller found at an include.
  mutating func add(_ problem: ConfigProblem) { problems.add(problem) }

  /// The tree, after every file was read.
  mutating func finish(file: String) -> ConfigNode {
    closeSection()
    return ConfigNode(.map(entries), at: SourceLocation(file: file, line: 1, column: 1))
  }

  /// Reads one file.
  mutating func read(_ bytes: [UInt8], file: String, include: Include) {
    var cursor = Cursor(file: file)
    for slice in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      cursor.line += 1
      var line = slice
      if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
      if line.isEmpty { continue }
      guard let text = String(validating: line, as: UTF8.self) else {
        problems.error(
          "the line is not valid UTF-8", at: SourceLocation(file: file, line: cursor.line))
        continue
      }
      read(text, &cursor, include)
    }
  }

  private mutating func read(_ line: String, _ cursor: inout Cursor, _ include: Include) {
    let here = SourceLocation(file: cursor.file, line: cursor.line, column: 1)
    switch line.utf8.first {
    case UInt8(ascii: "#"): return
    case UInt8(ascii: "@") where line.utf8.count > 3: command(line, at: here, include)
    case UInt8(ascii: "["):
      openSection(line, at: here)
      cursor.opensSection = true
    default: keyLine(line, &cursor)
    }
  }

  // MARK: Lines that begin with @

  private mutating func command(_ line: String, at here: SourceLocation, _ include: Include) {
    let word = line.prefix { $0 != " " }
    let rest = line.dropFirst(word.count + 1)
    let place = SourceLocation(file: here.file, line: here.line, column: word.utf8.count + 2)
    switch word.lowercased() {
    case "@include":
      let path = ValueGrammar.trim(rest)
      if path.isEmpty {
        problems.error("@INCLUDE names no file", at: here)
      } else {
        closeGroup()
        let outer = section
        section = nil
        include(path, place, &self)
        closeSection()
        section = outer
      }
    case "@set":
      guard rest.contains("=") else {
        problems.error("@SET needs NAME=VALUE", at: here)
        return
      }
      append("@set", trimmedEnd(rest), at: here, place)
    default:
      problems.warn("\(word) is not known and ignored", at: here)
      append("@meta", line, at: here, here)
    }
  }

  private mutating func append(
    _ key: String, _ text: String, at here: SourceLocation, _ place: SourceLocation
  ) {
    entries.append(
      ConfigEntry(key: key, keyLocation: here, value: ConfigNode(text: text, at: place)))
  }

  private func trimmedEnd(_ text: Substring) -> String {
    guard let last = text.utf8.lastIndex(where: { !ValueGrammar.isBlank($0) }) else { return "" }
    return String(text[...last])
  }

  // MARK: Sections and groups

  private mutating func openSection(_ line: String, at here: SourceLocation) {
    closeSection()
    guard let end = line.firstIndex(of: "]") else {
      problems.error("the section header has no ]", at: here)
      return
    }
    let name = line[line.index(after: line.startIndex)..<end]
    section = (entries.count, [])
    entries.append(
      ConfigEntry(
        key: ValueGrammar.trim(name).lowercased(), keyLocation: here,
        value: ConfigNode(.map([]), at: here)))
  }

  private mutating func closeSection() {
    closeGroup()
    guard let done = section else { return }
    let header = entries[done.index]
    if done.keys.isEmpty {
      problems.warn("the section [\(header.key.uppercased())] has no keys", at: header.keyLocation)
    }
    entries[done.index].value = ConfigNode(.map(done.keys), at: header.keyLocation)
    section = nil
  }

  private mutating func closeGroup() {
    guard let done = group else { return }
    section?.keys.append(
      ConfigEntry(
        key: "[\(done.name)]", keyLocation: done.at,
        value: ConfigNode(.map(done.keys), at: done.at)))
    group = nil
  }

  // MARK: Keys

  private mutating func keyLine(_ line: String, _ cursor: inout Cursor) {
    let blanks = line.prefix { $0 == " " || $0 == "\t" }
    let here = SourceLocation(
      file: cursor.file, line: cursor.line, column: blanks.utf8.count + 1)
    let content = line.dropFirst(blanks.count)
    guard let unit = cursor.unit else {
      if content.isEmpty || content.hasPrefix("#") { return }
      if blanks.isEmpty {
        problems.error("a key has to be indented under its section", at: here)
        return
      }
      cursor.unit = String(blanks)
      entry(content, isGrouped: false, cursor, at: here)
      return
    }
    if blanks == unit {
      if content.isEmpty || content.hasPrefix("#") { return }
      entry(content, isGrouped: false, cursor, at: here)
    } else if blanks == unit + unit && group != nil {
      if content.isEmpty || content.hasPrefix("#") { return }
      entry(content, isGrouped: true, cursor, at: here)
    } else {
      problems.error(
        content.isEmpty
          ? "a line of blanks only, not indented as the first key of this file"
          : "the indentation differs from that of the first key of this file", at: here,
        suggestion: "indent by \(describe(unit))")
    }
  }

  private mutating func entry(
    _ content: Substring, isGrouped: Bool, _ cursor: Cursor, at here: SourceLocation
  ) {
    if !cursor.opensSection || section == nil {
      problems.error("a key stands outside a section", at: here)
      return
    }
    if !isGrouped { closeGroup() }
    if !isGrouped, content.hasPrefix("[") {
      openGroup(content, at: here)
      return
    }
    guard let pair = split(content, at: here) else { return }
    if isGrouped {
      group?.keys.append(pair)
    } else {
      section?.keys.append(pair)
    }
  }

  private mutating func openGroup(_ content: Substring, at here: SourceLocation) {
    guard content.contains(" "), let end = content.firstIndex(of: "]") else {
      problems.error(
        "the group header \(content) has no blank and no value", at: here,
        suggestion: "write it as [GROUP NAME]")
      return
    }
    group = (content[content.index(after: content.startIndex)..<end].lowercased(), here, [])
  }

  private mutating func split(_ content: Substring, at here: SourceLocation) -> ConfigEntry? {
    let key = content.prefix { $0 != " " }
    let value = ValueGrammar.trim(content.dropFirst(key.count))
    if value.isEmpty {
      problems.error(
        "the key has no value", at: here, key: String(key),
        suggestion: key.contains("\t") ? "a tab does not separate key and value; use a blank" : nil)
      return nil
    }
    let gap = content.utf8.dropFirst(key.utf8.count).prefix { ValueGrammar.isBlank($0) }.count
    let place = SourceLocation(
      file: here.file, line: here.line, column: here.column + key.utf8.count + gap)
    return ConfigEntry(
      key: String(key), keyLocation: here, value: ConfigNode(text: value, at: place))
  }

  private func describe(_ unit: String) -> String {
    if unit.allSatisfy({ $0 == " " }) { return "\(unit.count) blank(s)" }
    if unit.allSatisfy({ $0 == "\t" }) { return "\(unit.count) tab(s)" }
    return "the same tabs and blanks"
  }
}
