/// A recorded timeline of file operations (a table of ms, actor, operation, path, inode, detail)
/// as steps that can be done again.
struct Timeline {
  enum Action: Equatable {
    case makeFolder(String)
    case create(String)
    /// A link in `containers`, to a log file.
    case link(String, target: String)
    /// Lines of about `bytes` in all; `lines` is how many there were.
    case write(String, bytes: Int, lines: Int)
    case rename(String, to: String)
    /// The gzip form of a file, written to another path.
    case compress(String, to: String)
    case remove(String)
    case removeFolder(String)
  }

  struct Step: Equatable {
    /// Milliseconds since the start.
    var ms: Double
    /// For a write: when the last line was written.
    var endMs: Double
    var action: Action
  }

  private(set) var steps: [Step] = []
  /// What each log file grew to, by path; writes whose share is not known yet wait here.
  private var sizes: [String: Int] = [:]
  private var open: [String: [Int]] = [:]
  /// The file that a path's writer still holds after the path was renamed.
  private var renamed: [String: String] = [:]
  private var movedFrom: String?
  private var links: [String: String] = [:]

  /// Reads a recording; rows that only observe (marks, closes, the API's events) have no step.
  init(_ text: String) {
    for line in text.split(separator: "\n") where !line.hasPrefix("#") && !line.hasPrefix("ms\t") {
      let columns = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      guard columns.count >= 5, let ms = Double(columns[0]), columns[1] != "api-watch",
        columns[1] != "(inotify)"
      else { continue }
      let detail = columns.count > 5 ? columns[5] : ""
      take(ms, columns[2], columns[3], detail)
    }
    addWhatWasThere()
    // Rows stand in the order in which they were read; the ends of what was read at once may lie
    // a little before, so the order of the rows is the order of the steps.
  }

  private mutating func take(_ ms: Double, _ operation: String, _ path: String, _ detail: String) {
    switch operation {
    case "mkdir": add(ms, .makeFolder(path))
    case "create": takeCreate(ms, path, detail)
    case "symlink": takeLink(ms, path, detail)
    case "write", "modified": takeWrite(ms, path, detail)
    case "moved_from": movedFrom = path
    case "moved_to":
      guard let from = movedFrom else { return }
      takeRename(ms, from, path, size: number(in: detail, after: "size="))
    case "rename":
      guard let arrow = detail.firstRange("-> ") else { return }
      takeRename(ms, path, String(detail[arrow...]), size: nil)
    case "delete", "unlink":
      guard !detail.contains("ENOENT") else { return }
      takeRemove(ms, path)
    default: break
    }
  }

  private mutating func takeCreate(_ ms: Double, _ path: String, _ detail: String) {
    if detail.hasSuffix(" dir") {
      add(ms, .makeFolder(path))
    } else if path.hasPrefix("containers/") {
      takeLink(ms, path, detail)
    } else if path.hasSuffix(".tmp") {
      add(ms, .compress(String(path.dropLast(4)), to: path))
    } else {
      sizes[path] = 0
      add(ms, .create(path))
    }
  }

  private mutating func takeLink(_ ms: Double, _ path: String, _ detail: String) {
    guard let arrow = detail.firstRange("-> ") else { return }
    let target = String(detail[arrow...].prefix { $0 != " " })
    links[path] = target
    add(ms, .link(path, target: target))
  }

  private mutating func takeWrite(_ ms: Double, _ path: String, _ detail: String) {
    if path.hasSuffix(".tmp") { return }
    let end = number(in: detail, after: "last at ").map(Double.init) ?? ms
    let lines = Int(detail.prefix { $0.isNumber }) ?? 1
    var bytes = 0
    if let written = number(in: detail, after: "writes, ") {
      bytes = written
      sizes[path, default: 0] += written
    } else if let size = number(in: detail, after: "size="), size >= sizes[path] ?? 0,
      sizes[path] != nil
    {
      bytes = size - (sizes[path] ?? 0)
      sizes[path] = size
      settle(path, bytes: &bytes, lines: lines)
    } else {
      // The file was gone when it was looked at: its size comes with the rename.
      open[path, default: []].append(steps.count)
    }
    add(ms, .write(path, bytes: bytes, lines: lines), end: max(ms, end))
  }

  /// Shares bytes that came to light between the writes that wait for theirs and the last one.
  private mutating func settle(_ path: String, bytes: inout Int, lines: Int) {
    guard let waiting = open.removeValue(forKey: path) else { return }
    let waitingLines = waiting.reduce(0) { $0 + self.lines(of: $1) }
    let perLine = bytes / max(1, waitingLines + lines)
    for index in waiting {
      if case .write(let name, _, let count) = steps[index].action {
        steps[index].action = .write(name, bytes: perLine * count, lines: count)
        bytes -= perLine * count
      }
    }
  }

  private mutating func takeRename(_ ms: Double, _ from: String, _ to: String, size: Int?) {
    if !from.hasSuffix(".tmp") {
      if let size, size > sizes[from] ?? 0 {
        // What was written since the last look, and the writes that wait for their share.
        var bytes = size - (sizes[from] ?? 0)
        let isAwaited = open[from] != nil
        settle(from, bytes: &bytes, lines: 0)
        if !isAwaited { add(ms, .write(from, bytes: bytes, lines: max(1, bytes / 1000))) }
        sizes[from] = size
      }
      sizes[to] = sizes.removeValue(forKey: from)
      open[from] = nil
      renamed[from] = to
    }
    movedFrom = nil
    add(ms, .rename(from, to: to))
  }

  private mutating func takeRemove(_ ms: Double, _ path: String) {
    let name = path.split(separator: "/").last ?? ""
    if path.hasPrefix("containers/") || name.contains(".log") {
      add(ms, .remove(path))
    } else {
      add(ms, .removeFolder(path))
    }
  }

  private mutating func add(_ ms: Double, _ action: Action, end: Double? = nil) {
    steps.append(Step(ms: ms, endMs: end ?? ms, action: action))
  }

  private func lines(of index: Int) -> Int {
    if case .write(_, _, let lines) = steps[index].action { return lines }
    return 0
  }

  private func number(in text: String, after mark: String) -> Int? {
    text.firstRange(mark).flatMap { Int(text[$0...].prefix { $0.isNumber }) }
  }
}

extension Timeline {
  /// Files and links that were there before the recording began: those that are written, renamed or
  /// removed without having been made. They are made at the start, with two lines each.
  private mutating func addWhatWasThere() {
    var made: Set<String> = []
    var before: [String] = []
    for step in steps {
      switch step.action {
      case .create(let path), .link(let path, _), .makeFolder(let path): made.insert(path)
      case .compress(_, let path): made.insert(path)
      case .write(let path, _, _):
        if !made.contains(path), !before.contains(path) { before.append(path) }
      case .rename(let from, let to):
        if !made.contains(from), !before.contains(from) { before.append(from) }
        made.insert(to)
      case .remove(let path):
        if !made.contains(path), !before.contains(path) { before.append(path) }
      case .removeFolder: break
      }
    }
    var first: [Step] = []
    // Some seconds before the first operation, so that there is a time in which they are there.
    let begin = (steps.first?.ms ?? 0) - 5000
    let files = before.filter { !$0.hasPrefix("containers/") && $0.hasSuffix(".log") }
    for path in files {
      first.append(Step(ms: begin, endMs: begin, action: .create(path)))
      first.append(Step(ms: begin, endMs: begin, action: .write(path, bytes: 400, lines: 2)))
    }
    for link in before where link.hasPrefix("containers/") {
      guard let target = files.first(where: { Self.belongs(link, to: $0) }) else { continue }
      first.append(Step(ms: begin, endMs: begin, action: .link(link, target: target)))
    }
    steps = first + steps
  }

  /// Whether a link `containers/POD_NS_CONTAINER-…` names the pod and container of a log file
  /// `pods/NS_POD_UID/CONTAINER/N.log`.
  private static func belongs(_ link: String, to path: String) -> Bool {
    let parts = path.split(separator: "/")
    guard parts.count == 4 else { return false }
    let pod = parts[1].split(separator: "_")
    return pod.count == 3 && link.hasPrefix("containers/\(pod[1])_\(pod[0])_\(parts[2])-")
  }

  /// Whether nothing can be told from a path about its pod: the paths begin in the pod's folder.
  var isOfOnePod: Bool {
    !steps.contains {
      if case .makeFolder(let path) = $0.action { return path.hasPrefix("pods/") }
      return false
    }
  }
}

extension StringProtocol where SubSequence == Substring {
  /// Where the text behind the first occurrence of `mark` begins.
  func firstRange(_ mark: String) -> Index? {
    var rest = self[...]
    while let start = rest.firstIndex(of: mark.first ?? " ") {
      if rest[start...].hasPrefix(mark) { return index(start, offsetBy: mark.count) }
      rest = rest[index(after: start)...]
    }
    return nil
  }
}
