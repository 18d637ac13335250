import CWeirSystem
import Glibc

/// A glob cut into components, so that every directory on its way can be watched.
///
/// What matches is what glob(3) would find: `*`, `?`, `[...]` and `\` within a component, a leading
/// dot only when the pattern has it.
struct GlobPattern {
  /// Where the walk begins: `/`, or empty for a relative glob.
  let root: Path
  let components: [Component]

  struct Component {
    let text: Path
    let isWild: Bool
  }

  init(_ pattern: Path) {
    let slash = UInt8(ascii: "/")
    root = pattern.first == slash ? [slash] : []
    components = pattern.split(separator: slash).map { part in
      let isWild = part.contains { $0 == 0x2a || $0 == 0x3f || $0 == 0x5b || $0 == 0x5c }
      return Component(text: Path(part), isWild: isWild)
    }
  }

  func matches(_ level: Int, _ name: Path) -> Bool {
    let component = components[level]
    if !component.isWild { return component.text == name }
    return withPath(component.text) { pattern in
      withPath(name) { fnmatch(pattern, $0, Int32(FNM_PERIOD)) == 0 }
    }
  }

  /// Walks from `directory` (reached by the components before `level`) and tells of everything on
  /// the way.
  ///
  /// - Parameters:
  ///   - visit: told of a directory whose entries are looked at, before they are; also of one that
  ///     lacks the next, fixed component.
  ///   - found: told of each path that matches, sorted within a directory.
  ///   - unreadable: told of directories that cannot be listed, with errno.
  func walk(
    from directory: Path, level: Int, visit: (Path, Int) -> Void, found: (Path) -> Void,
    unreadable: (Path, Int32) -> Void
  ) {
    let isLast = level == components.count - 1
    let component = components[level]
    let here = directory.isEmpty ? [UInt8(ascii: ".")] : directory
    if isLast { visit(here, level) }
    if !component.isWild {
      let path = joinPath(directory, component.text)
      if isLast {
        if nameExists(path) { found(path) }
      } else if FileStatus(of: path)?.isDirectory == true {
        walk(from: path, level: level + 1, visit: visit, found: found, unreadable: unreadable)
      } else {
        visit(here, level)
        // It may have come between the look and the watch.
        if FileStatus(of: path)?.isDirectory == true {
          walk(from: path, level: level + 1, visit: visit, found: found, unreadable: unreadable)
        }
      }
      return
    }
    if !isLast { visit(here, level) }
    guard let names = directoryNames(here) else {
      if errno == EACCES { unreadable(here, EACCES) }
      return
    }
    for name in names.filter({ matches(level, $0) }).sorted(by: lexicographic) {
      let path = joinPath(directory, name)
      if isLast {
        found(path)
      } else if FileStatus(of: path)?.isDirectory == true {
        walk(from: path, level: level + 1, visit: visit, found: found, unreadable: unreadable)
      }
    }
  }
}

func lexicographic(_ a: Path, _ b: Path) -> Bool { a.lexicographicallyPrecedes(b) }
