import WeirParsers

/// Makes the tag of a file from its path: the `*` of `tag`, or `tag_regex`.
final class TagMaker {
  private let template: [UInt8]
  private let regex: Regex?
  private let matcher = RegexMatcher()

  init(tag: String, regex: Regex?) {
    template = Array(tag.utf8)
    self.regex = regex
  }

  /// The tag, or nil when `tag_regex` does not match: such a file is not read.
  func tag(for path: [UInt8]) -> [UInt8]? {
    if let regex { return fromCaptures(regex, path) }
    guard let star = template.firstIndex(of: UInt8(ascii: "*")) else { return template }
    return Self.sanitised(template[..<star] + path + template[(star + 1)...])
  }

  /// Separators become dots, runs of dots one dot; no dot in front or behind, no `*`.
  ///
  /// Of the front only a separator at the very first place goes, as in the reference.
  static func sanitised(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(text.count)
    for (index, byte) in text.enumerated() {
      switch byte {
      case UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: ":"), UInt8(ascii: "."):
        let isSeparator = byte != UInt8(ascii: ".")
        if index == 0 && isSeparator { continue }
        if out.last != UInt8(ascii: ".") { out.append(UInt8(ascii: ".")) }
      case UInt8(ascii: "*"): continue
      default: out.append(byte)
      }
    }
    if out.last == UInt8(ascii: ".") { out.removeLast() }
    return out
  }

  private func fromCaptures(_ regex: Regex, _ path: [UInt8]) -> [UInt8]? {
    // The matcher's kernels may read a little behind the text.
    let padded = path + Array(repeating: 0, count: 64)
    return padded.withUnsafeBufferPointer { bytes -> [UInt8]? in
      guard let base = bytes.baseAddress, matcher.search(regex, base, path.count) else {
        return nil
      }
      var out: [UInt8] = []
      var rest = template[...]
      while let open = rest.firstIndex(of: UInt8(ascii: "<")),
        let close = rest[open...].firstIndex(of: UInt8(ascii: ">"))
      {
        out += rest[..<open]
        out += capture(regex, String(decoding: rest[(open + 1)..<close], as: UTF8.self), path)
        rest = rest[(close + 1)...]
      }
      return out + rest
    }
  }

  /// The text of a capture, `_` when it is empty, took no part, or does not exist.
  private func capture(_ regex: Regex, _ name: String, _ path: [UInt8]) -> [UInt8] {
    for capture in regex.captures where capture.name == name {
      if let range = matcher.range(capture.group), range.count > 0 {
        return Array(path[range.offset..<range.offset + range.count])
      }
    }
    return [UInt8(ascii: "_")]
  }
}
