/// Walking the YAML tree with messages for what does not fit.
extension ConfigLoader {
  /// The entries of a map; an empty scalar counts as an empty map, anything else is a problem.
  mutating func mapEntries(_ node: ConfigNode, of what: String) -> [ConfigEntry] {
    if let entries = node.map { return entries }
    if node.text?.isEmpty ?? false { return [] }
    problems.error("it has to be a map, not \(node.kindName)", at: node.location, key: what)
    return []
  }

  /// Calls `body` with each map of a list; anything else in it is a problem.
  mutating func forEachMap(
    _ node: ConfigNode, of what: String, _ body: (inout ConfigLoader, ConfigNode) -> Void
  ) {
    if node.text?.isEmpty ?? false { return }
    guard let items = node.list else {
      problems.error("it has to be a list, not \(node.kindName)", at: node.location, key: what)
      return
    }
    for item in items {
      if item.map == nil {
        problems.error(
          "an entry has to be a map, not \(item.kindName)", at: item.location, key: what)
      } else {
        body(&self, item)
      }
    }
  }

  /// A scalar, or the scalars of a list; anything else is a problem.
  mutating func textItems(_ node: ConfigNode, of what: String) -> [ConfigNode] {
    let items = node.list ?? [node]
    return items.filter { item in
      if item.text != nil { return true }
      problems.error("it has to be a text, not \(item.kindName)", at: item.location, key: what)
      return false
    }
  }

  /// The options of an entry: a list is the option repeated, variables are replaced, and maps are
  /// allowed for the keys that are read elsewhere only.
  mutating func flatProperties(_ node: ConfigNode, allowing nested: [String]) -> [Property] {
    var properties: [Property] = []
    for entry in node.map ?? [] where !nested.contains(entry.key) {
      let key = normalisedKey(entry.key)
      for item in entry.value.list ?? [entry.value] {
        if item.text == nil {
          problems.error(
            "\(item.kindName) is not accepted here", at: item.location, key: entry.key,
            suggestion: "only processors and routes nest")
          continue
        }
        properties.append(
          Property(key: key, node: expanded(item), keyLocation: entry.keyLocation))
      }
    }
    return properties
  }

  /// `readFromHead` becomes `read_from_head`; keys with `_` or an upper-case start are lowered.
  func normalisedKey(_ key: String) -> String {
    guard let first = key.utf8.first, (0x61...0x7A).contains(first), !key.contains("_") else {
      return key.lowercased()
    }
    var snake: [UInt8] = []
    for byte in key.utf8 {
      if (0x41...0x5A).contains(byte) {
        snake.append(UInt8(ascii: "_"))
        snake.append(byte | 0x20)
      } else {
        snake.append(byte)
      }
    }
    return String(decoding: snake, as: UTF8.self)
  }
}
