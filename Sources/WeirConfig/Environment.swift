import Glibc

/// The variables of a configuration: those it sets, then those of the process.
public struct Environment: Sendable {
  private var set: [String: String] = [:]
  private let process: [String: String]

  /// Makes an environment from the variables of a process.
  public init(process: [String: String]) { self.process = process }

  /// The environment of this process, `HOSTNAME` seeded from the system.
  public static var current: Environment {
    var variables: [String: String] = [:]
    // SAFETY: environ is a list of strings that ends in NULL; nothing changes it at start-up.
    var entry = unsafe environ
    while let text = unsafe entry.pointee {
      let pair = unsafe String(cString: text).split(separator: "=", maxSplits: 1)
      if pair.count == 2 { variables[String(pair[0])] = String(pair[1]) }
      unsafe entry += 1
    }
    var name = [CChar](repeating: 0, count: 256)
    if variables["HOSTNAME", default: ""].isEmpty, unsafe gethostname(&name, name.count - 1) == 0 {
      let bytes = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      variables["HOSTNAME"] = String(decoding: bytes, as: UTF8.self)
    }
    return Environment(process: variables)
  }

  /// Sets a variable of the configuration; it goes before one of the process.
  public mutating func assign(_ name: String, _ value: String) { set[name] = value }

  /// The value of a variable; an empty one of the process counts as unset.
  public func value(_ name: String) -> String? {
    if let value = set[name] { return value }
    return process[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Replaces each `${VAR}` and `${VAR:-text}`; an unset one becomes empty, with a warning.
  public func expand(
    _ text: String, at location: SourceLocation, _ problems: inout ProblemList
  ) -> String {
    var rest = text[...]
    var expanded = ""
    while let start = rest.firstRange(of: "${") {
      let body = rest[start.upperBound...]
      guard let end = body.firstIndex(of: "}") else { break }
      expanded += rest[..<start.lowerBound]
      expanded += resolve(body[..<end], at: location, &problems)
      rest = body[body.index(after: end)...]
    }
    return expanded + rest
  }

  private func resolve(
    _ inner: Substring, at location: SourceLocation, _ problems: inout ProblemList
  ) -> String {
    var name = inner
    var fallback: Substring?
    if let mark = inner.firstRange(of: ":-") {
      name = inner[..<mark.lowerBound]
      fallback = inner[mark.upperBound...]
    }
    if let value = value(String(name)), !(value.isEmpty && fallback != nil) { return value }
    if let fallback { return String(fallback) }
    problems.warn("the variable ${\(name)} is not set; it becomes empty", at: location)
    return ""
  }
}

extension Substring {
  /// The first place of a short text.
  func firstRange(of text: String) -> Range<Index>? {
    var from = startIndex
    guard let first = text.first else { return nil }
    while let start = self[from...].firstIndex(of: first) {
      if self[start...].hasPrefix(text) {
        return start..<index(start, offsetBy: text.count)
      }
      from = index(after: start)
    }
    return nil
  }
}
