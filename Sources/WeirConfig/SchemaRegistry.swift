/// The option tables that are known: the built-in ones, and what plugins bring along.
public struct SchemaRegistry: Sendable {
  private var tables: [StageKind: [String: PluginSchema]] = [:]
  /// Where plugin files were looked for, for messages; nil when that is not known.
  public var pluginFolder: String?

  /// Makes a registry of these tables.
  public init(_ schemas: [PluginSchema] = []) {
    for schema in schemas { register(schema) }
  }

  /// Adds a table; a later one of the same kind and name replaces the earlier.
  public mutating func register(_ schema: PluginSchema) {
    tables[schema.kind, default: [:]][schema.name] = schema
  }

  /// The table of a plugin. Filters serve as processors too.
  public func schema(_ kind: StageKind, _ name: String) -> PluginSchema? {
    if let table = tables[kind]?[name.lowercased()] { return table }
    return kind == .processor ? tables[.filter]?[name.lowercased()] : nil
  }

  /// The plugin names of a kind, sorted; filters are among the processors.
  public func names(_ kind: StageKind) -> [String] {
    var names = Set(tables[kind, default: [:]].keys)
    if kind == .processor { names.formUnion(tables[.filter, default: [:]].keys) }
    return names.sorted()
  }

  /// The tables of what is built into the host.
  public static let builtin = SchemaRegistry(
    InputSchemas.all + FilterSchemas.all + ProcessorSchemas.all + OutputSchemas.all)
}

/// The closest of `words` by edit distance; nil when none is close.
func nearest(_ word: String, in words: some Sequence<String>) -> String? {
  let limit = max(1, word.utf8.count / 3)
  var best: (word: String, distance: Int)?
  for candidate in words {
    let distance = editDistance(Array(word.lowercased().utf8), Array(candidate.utf8))
    if distance <= limit, distance < best?.distance ?? Int.max { best = (candidate, distance) }
  }
  return best?.word
}

/// Insertions, deletions, replacements and swaps of neighbours between two words.
///
/// - Complexity: O(n·m) time, three rows of memory; words beyond 64 bytes count as far apart.
func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
  if a.count > 64 || b.count > 64 { return Int.max }
  if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
  var before = [Int](repeating: 0, count: b.count + 1)
  var previous = Array(0...b.count)
  var current = before
  for i in 1...a.count {
    current[0] = i
    for j in 1...b.count {
      let replaced = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
      current[j] = min(previous[j] + 1, current[j - 1] + 1, replaced)
      if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
        current[j] = min(current[j], before[j - 2] + 1)
      }
    }
    (before, previous, current) = (previous, current, before)
  }
  return previous[b.count]
}
