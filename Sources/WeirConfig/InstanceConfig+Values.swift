/// Typed reading of options. Each getter takes the last value of a key, then the given default,
/// then the default of the option table. All throw a located `ConfigProblem` on a bad value.
extension InstanceConfig {
  /// The last property of a key; nil when it was not set.
  public func property(_ key: String) -> Property? {
    properties.last { $0.key == key }
  }

  /// All properties of a repeatable key, in file order.
  public func all(_ key: String) -> [Property] {
    properties.filter { $0.key == key }
  }

  /// The text of a key, else the default of its option table, else nil.
  public func text(_ key: String) -> String? {
    property(key)?.text ?? schema?.option(key)?.defaultText
  }

  /// The text of a key, else `fallback`.
  public func text(_ key: String, default fallback: String) -> String {
    property(key)?.text ?? fallback
  }

  /// The text of a key that has to be there.
  public func requiredText(_ key: String) throws(ConfigProblem) -> String {
    guard let value = text(key) else {
      throw ConfigProblem(
        "\(plugin) needs the option \"\(key)\"", at: location, key: key,
        suggestion: "add it to this \(kind.rawValue)")
    }
    return value
  }

  /// `true/on/yes` or `false/off/no`; false when neither set nor given a default.
  public func bool(_ key: String, default fallback: Bool? = nil) throws(ConfigProblem) -> Bool {
    try value(key, ValueType.bool, ValueGrammar.bool) ?? fallback ?? defaultValue(
      key, ValueGrammar.bool) ?? false
  }

  /// A whole number; nil when neither set nor in the option table.
  public func integer(_ key: String) throws(ConfigProblem) -> Int? {
    try value(key, .integer, ValueGrammar.integer) ?? defaultValue(key, ValueGrammar.integer)
  }

  /// A whole number, else `fallback`; refused outside `range`.
  public func integer(
    _ key: String, default fallback: Int, in range: ClosedRange<Int> = Int.min...Int.max
  ) throws(ConfigProblem) -> Int {
    let number = try value(key, .integer, ValueGrammar.integer) ?? fallback
    if !range.contains(number), let property = property(key) {
      throw property.problem(
        "\(number) is out of range; accepted is \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// A decimal number; nil when neither set nor in the option table.
  public func double(_ key: String) throws(ConfigProblem) -> Double? {
    try value(key, .double, ValueGrammar.double) ?? defaultValue(key, ValueGrammar.double)
  }

  /// Bytes with decimal units; nil when neither set nor in the option table.
  public func size(_ key: String) throws(ConfigProblem) -> Int? {
    try value(key, .size, ValueGrammar.size) ?? defaultValue(key, ValueGrammar.size)
  }

  /// Bytes with decimal units, else `fallback`.
  public func size(_ key: String, default fallback: Int) throws(ConfigProblem) -> Int {
    try value(key, .size, ValueGrammar.size) ?? fallback
  }

  /// Bytes with binary units, else `fallback`.
  public func binarySize(_ key: String, default fallback: Int) throws(ConfigProblem) -> Int {
    try value(key, .binarySize, ValueGrammar.binarySize) ?? fallback
  }

  /// Seconds (`30`, `30s`, `5m`, `2h`, `1d`); nil when neither set nor in the option table.
  public func seconds(_ key: String) throws(ConfigProblem) -> Int? {
    try value(key, .time, ValueGrammar.seconds) ?? defaultValue(key, ValueGrammar.seconds)
  }

  /// Seconds, else `fallback`.
  public func seconds(_ key: String, default fallback: Int) throws(ConfigProblem) -> Int {
    try value(key, .time, ValueGrammar.seconds) ?? fallback
  }

  /// One of several words in lower case, else `fallback`.
  public func choice(
    _ key: String, _ words: [String], default fallback: String
  ) throws(ConfigProblem) -> String {
    guard let property = property(key) else { return fallback }
    let word = property.text.lowercased()
    if words.contains(word) { return word }
    throw property.problem(
      "\"\(property.text)\" is not accepted; accepted is \(words.joined(separator: ", "))",
      suggestion: nearest(word, in: words).map { "did you mean \"\($0)\"?" })
  }

  /// The comma-separated items of all values of a key, in order.
  public func commaList(_ key: String) -> [String] {
    let set = all(key)
    if set.isEmpty { return ValueGrammar.commaList(text(key) ?? "") }
    return set.flatMap { ValueGrammar.commaList($0.text) }
  }

  /// The blank-separated items of the last value of a key; see `ValueGrammar.spaceList`.
  public func spaceList(_ key: String, max: Int? = nil) -> [String] {
    ValueGrammar.spaceList(text(key) ?? "", max: max)
  }

  /// An error about a key of this instance, at its value or else at the instance.
  public func problem(
    _ message: String, key: String? = nil, suggestion: String? = nil
  ) -> ConfigProblem {
    ConfigProblem(
      message, at: key.flatMap { property($0)?.location } ?? location, key: key,
      suggestion: suggestion)
  }

  private func value<Value>(
    _ key: String, _ type: ValueType, _ read: (String) -> Value?
  ) throws(ConfigProblem) -> Value? {
    guard let property = property(key) else { return nil }
    guard let value = read(property.text) else { throw type.problem(property) }
    return value
  }

  private func defaultValue<Value>(_ key: String, _ read: (String) -> Value?) -> Value? {
    schema?.option(key)?.defaultText.flatMap(read)
  }
}
