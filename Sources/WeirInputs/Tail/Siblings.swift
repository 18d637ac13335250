import Glibc

/// A rotated file beside a log: `0.log.20261122-101500`, `0.log.….gz`, `app.log.1`.
struct Sibling {
  var path: Path
  var status: FileStatus
  var isCompressed: Bool
}

/// Names of directories, read once per scan: a folder of ten thousand logs is listed once and not
/// once per log.
final class DirectoryListing {
  private var sorted: [Path: [Path]] = [:]

  /// Forgets everything: the next look reads anew.
  func reset() { sorted.removeAll(keepingCapacity: true) }

  private func names(_ directory: Path) -> [Path] {
    if let known = sorted[directory] { return known }
    let names = (directoryNames(directory) ?? []).sorted(by: lexicographic)
    sorted[directory] = names
    return names
  }

  /// The rotated files of `directory/name`, oldest first. Of a file that is just being compressed
  /// both forms exist for a moment: the plain one counts.
  func siblings(_ directory: Path, _ name: Path) -> [Sibling] {
    for _ in 0..<3 {
      if let found = look(directory, name) { return found }
      // A plain file went between the listing and the look: its compressed form is there now.
      sorted[directory] = nil
    }
    return look(directory, name, acceptsGaps: true) ?? []
  }

  private func look(
    _ directory: Path, _ name: Path, acceptsGaps: Bool = false
  ) -> [Sibling]? {
    let all = names(directory)
    var found: [(suffix: Path, Sibling)] = []
    var plain: Set<Path> = []
    for separator in [UInt8(ascii: "-"), UInt8(ascii: ".")] {
      let prefix = name + [separator]
      var at = lowerBound(all, prefix)
      while at < all.count, all[at].starts(with: prefix) {
        defer { at += 1 }
        var suffix = Path(all[at][prefix.count...])
        let isCompressed = suffix.ends(with: ".gz")
        if isCompressed { suffix.removeLast(3) }
        guard Self.isRotation(suffix) else { continue }
        let path = joinPath(directory, all[at])
        guard let status = FileStatus(of: path) else {
          if isCompressed || acceptsGaps { continue }
          return nil
        }
        guard status.isRegular else { continue }
        if !isCompressed { plain.insert(path) }
        found.append((suffix, Sibling(path: path, status: status, isCompressed: isCompressed)))
      }
    }
    found.removeAll { $0.1.isCompressed && plain.contains(Path($0.1.path.dropLast(3))) }
    return Self.ordered(found)
  }

  /// Numbers (`.1`) and dates (`.20261122-101500`, `-20261122`); `.tmp`, `.bak` are nobody's.
  private static func isRotation(_ suffix: Path) -> Bool {
    guard let first = suffix.first, isDigit(first) else { return false }
    return suffix.allSatisfy { isDigit($0) || $0 == 0x2d || $0 == 0x2e || $0 == 0x5f || $0 == 0x54 }
  }

  /// The name that a rotated name was made of; the name itself when it is none.
  static func stem(_ name: Path) -> Path {
    let plain = name.ends(with: ".gz") ? Path(name.dropLast(3)) : name
    for (index, byte) in plain.enumerated() where byte == 0x2e || byte == 0x2d {
      if index > 0, isRotation(Path(plain[(index + 1)...])) { return Path(plain[..<index]) }
    }
    return name
  }

  /// Counters run backwards (`.2` is older than `.1`), dates forwards.
  private static func ordered(_ found: [(suffix: Path, Sibling)]) -> [Sibling] {
    let areCounters = found.allSatisfy { $0.suffix.count < 6 && $0.suffix.allSatisfy(isDigit) }
    let sorted = found.sorted { a, b in
      if areCounters {
        if a.suffix.count != b.suffix.count { return a.suffix.count > b.suffix.count }
        if a.suffix != b.suffix { return lexicographic(b.suffix, a.suffix) }
      } else if a.suffix != b.suffix {
        return lexicographic(a.suffix, b.suffix)
      }
      return a.1.isCompressed && !b.1.isCompressed
    }
    return sorted.map(\.1)
  }

  private func lowerBound(_ names: [Path], _ prefix: Path) -> Int {
    var low = 0
    var high = names.count
    while low < high {
      let middle = (low + high) / 2
      if names[middle].lexicographicallyPrecedes(prefix) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

extension Array<UInt8> {
  func ends(with text: StaticString) -> Bool {
    text.withUTF8Buffer { end in count >= end.count && suffix(end.count).elementsEqual(end) }
  }
}
