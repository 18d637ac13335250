import Glibc
import WeirBatch
import WeirConfig
public import WeirStage

/// `record_modifier`: removes keys or keeps only some, then appends fixed fields.
///
/// Names ignore the case of ASCII letters and may end in `*`. What is appended never replaces: a
/// key that was there occurs twice then, and writers keep the last.
public final class RecordModifierFilter: Filter, @unchecked Sendable {
  // SAFETY: unchecked because of pointers into the pool; all is written in init only.
  struct Addition {
    let name: FieldName
    let text: ConstantText
  }

  let additions: [Addition]
  /// The names to remove, or to keep; empty touches nothing.
  let patterns: [KeyPattern]
  /// Whether `patterns` are those to keep.
  let isAllowlist: Bool
  let uuidName: FieldName?
  let pool = ConstantPool()
  /// Fills memory with random bytes.
  let random: @Sendable (UnsafeMutableRawBufferPointer) -> Void

  init(_ config: InstanceConfig, _ context: FilterBuildContext) throws(ConfigProblem) {
    let removed = config.all("remove_key")
    let allowed = config.properties.filter {
      $0.key == "allowlist_key" || $0.key == "whitelist_key"
    }
    if let first = allowed.first, !removed.isEmpty {
      throw first.problem(
        "remove_key and allowlist_key exclude each other", suggestion: "use two filters")
    }
    isAllowlist = !allowed.isEmpty
    patterns = (removed + allowed).compactMap { RecordModifierFilter.pattern($0, context) }
    var additions: [Addition] = []
    for property in config.all("record") {
      // The reference leaves such a rule out and goes on; so that a file that ran still runs.
      let tokens = ValueGrammar.spaceList(property.text)
      guard tokens.count == 2 else {
        context.warn(
          property.warning(
            "left out: a key and a value are needed, \(tokens.count) words were given",
            suggestion: "put double quotes around a value with blanks"))
        continue
      }
      additions.append(Addition(name: pool.name(tokens[0]), text: pool.text(tokens[1])))
    }
    self.additions = additions
    let uuidKey = config.text("uuid_key") ?? ""
    uuidName = uuidKey.isEmpty ? nil : pool.name(uuidKey)
    random = context.random
  }

  private static func pattern(
    _ property: Property, _ context: FilterBuildContext
  ) -> KeyPattern? {
    var bytes = property.text.utf8.map { lowercased($0) }
    guard bytes.last == UInt8(ascii: "*") else { return .exactFolded(bytes) }
    bytes.removeLast()
    if bytes.isEmpty { context.warn(property.warning("a lone star means every key")) }
    return .prefixFolded(bytes)
  }

  /// Makes the lane's match data.
  public func openLane(_ lane: LaneContext) -> any FilterLane { RecordModifierLane(self) }
}
