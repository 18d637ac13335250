@testable import WeirParsers

/// The captures of a search as name and text pairs, nil when nothing matched.
func captures(_ pattern: String, _ subject: String) throws -> [String: String]? {
  try captures(pattern, Array(subject.utf8))
}

func captures(_ pattern: String, _ subject: [UInt8]) throws -> [String: String]? {
  let regex = try Regex(pattern)
  let matcher = RegexMatcher()
  return subject.withUnsafeBufferPointer { buffer in
    withUnsafePointer(to: UInt8(0)) { empty in
      let base = buffer.baseAddress ?? empty
      guard matcher.search(regex, base, buffer.count) else { return nil }
      var result: [String: String] = [:]
      for capture in regex.captures {
        guard let found = matcher.range(capture.group) else { continue }
        result[capture.name] = String(
          decoding: buffer[found.offset..<(found.offset + found.count)], as: UTF8.self)
      }
      return result
    }
  }
}

/// The text of the whole match, nil when nothing matched.
func found(_ pattern: String, _ subject: String, _ text: SubjectText = .unknown) throws -> String? {
  let regex = try Regex(pattern)
  let matcher = RegexMatcher()
  let bytes = Array(subject.utf8) + [0]
  return bytes.withUnsafeBufferPointer { buffer in
    guard let base = buffer.baseAddress,
      matcher.search(regex, base, buffer.count - 1, text), let all = matcher.range(0)
    else { return nil }
    return String(decoding: buffer[all.offset..<(all.offset + all.count)], as: UTF8.self)
  }
}

/// The reason for which a pattern is refused, nil when it is accepted.
func refusal(_ pattern: String) -> String? {
  do {
    _ = try Regex(pattern)
    return nil
  } catch {
    return error.description
  }
}
