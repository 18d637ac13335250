import CWeirPlugin

/// The options of a component, as JSON Schema (draft 2020-12, the part that docs/ABI.md names).
///
/// A literal is one whole schema. Its text stays where it is for the life of the process.
public struct OptionsSchema: ExpressibleByStringLiteral, @unchecked Sendable {
  let text: weir_string

  /// A schema that is written as one text.
  public init(stringLiteral text: StaticString) { self.text = weir_string(text) }

  /// An object of properties that are written in several lists, for components that share some:
  /// each list is `"name": {…}, "name": {…}`, and no other property is allowed.
  public init(properties lists: StaticString...) {
    let properties = lists.map(\.description).joined(separator: ",\n")
    let head = #"{"type": "object", "additionalProperties": false, "properties": {"#
    let whole = Array("\(head)\(properties)}}".utf8)
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: whole.count)
    memory.initialize(from: whole, count: whole.count)
    text = weir_string(data: memory, length: UInt64(whole.count))
  }
}
