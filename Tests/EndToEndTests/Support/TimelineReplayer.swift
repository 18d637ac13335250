import Glibc

/// Does a recorded timeline's file operations again, at its speed or a multiple of it, with
/// numbered lines as content.
final class TimelineReplayer {
  struct Plan {
    /// 1 is the speed of the recording.
    var speed = 1.0
    /// Longer waits without any operation are shortened to this, in seconds.
    var gapMax = 1.5
    /// A rotation ends the old file with the first part of a line and begins the new one with its
    /// rest, as block-buffered output does.
    var splitsLines = false
    /// A log file's last line before its removal is a part that no other follows.
    var endsUnfinished = false
  }

  let name: String
  let plan: Plan
  private let tree: NodeTree
  private let timeline: Timeline
  private var writers: [String: ContainerWriter] = [:]
  /// Open log files by their path at the moment, and what the writer of a renamed path still holds.
  private var descriptors: [String: Int32] = [:]
  private var left: [String: String] = [:]
  private var flows: [Flow] = []
  private var inodes: Set<UInt64> = []
  /// New files that got an inode that the replay had seen before.
  private(set) var reusedInodes = 0
  /// File operations that failed, for the message of a test.
  private(set) var failures: [String] = []

  /// How the last line of a write ends.
  private enum Ending {
    case whole
    /// With its first part: the rest comes with the next write, in the next file.
    case split
    /// As a part that no other follows.
    case unfinished
  }

  /// A write that goes on between two points of time, which are milliseconds of the recording.
  private struct Flow {
    let path: String
    let begin: Double
    let end: Double
    let total: Int
    var left: Int
    let lengthMean: Int
    let ending: Ending
  }

  init(_ name: String, _ timeline: Timeline, in tree: NodeTree, _ plan: Plan) {
    self.name = name
    self.timeline = timeline
    self.tree = tree
    self.plan = plan
  }

  /// The lines of each container.
  var counts: [String: Int] {
    Dictionary(uniqueKeysWithValues: writers.values.map { ($0.key, $0.count) })
      .filter { $0.value > 0 }
  }

  /// Runs the whole timeline; returns when its last operation is done.
  func run() {
    let endings = self.endings()
    var recorded = timeline.steps.first?.ms ?? 0
    var origin = Clock.now() - recorded / 1000 / plan.speed
    for (index, step) in timeline.steps.enumerated() {
      let gap = (step.ms - recorded) / 1000 / plan.speed
      if gap > plan.gapMax && flows.isEmpty { origin -= gap - plan.gapMax }
      let target = origin + step.ms / 1000 / plan.speed
      advance(to: target, origin: origin)
      // What came late (a compression that took longer) moves all that follows.
      origin += max(0, Clock.now() - target - 0.001)
      if case .write(let path, let bytes, let lines) = step.action {
        begin(path, bytes, lines, step, endings[index] ?? .whole)
      } else {
        finishFlows(in: Self.folder(of: step.action))
        act(step.action)
      }
      recorded = max(recorded, step.endMs)
    }
    for folder in Set(flows.map { Self.folder($0.path) }) { finishFlows(in: folder) }
    for descriptor in descriptors.values { close(descriptor) }
    descriptors = [:]
  }

  // MARK: Writing

  private func begin(
    _ path: String, _ bytes: Int, _ lines: Int, _ step: Timeline.Step, _ ending: Ending
  ) {
    let mean = min(4000, max(1, bytes / max(1, lines)) - 41)
    flows.append(
      Flow(
        path: path, begin: step.ms, end: step.endMs, total: max(1, bytes), left: max(1, bytes),
        lengthMean: max(20, mean), ending: ending))
    if step.endMs <= step.ms { finishFlows(in: Self.folder(path)) }
  }

  /// Lets the flows go on until a point of time.
  private func advance(to target: Double, origin: Double) {
    while true {
      let now = Clock.now()
      let ms = (min(now, target) - origin) * 1000 * plan.speed
      for index in flows.indices {
        let flow = flows[index]
        let share = flow.end > flow.begin ? (ms - flow.begin) / (flow.end - flow.begin) : 1
        let due = Int(Double(flow.total) * min(1, max(0, share))) - (flow.total - flow.left)
        // At most 64 KiB at a time, so that no flow starves another.
        if due > 0 { pour(index, min(due, 1 << 16)) }
      }
      flows.removeAll { $0.left <= 0 }
      if now >= target { return }
      Clock.sleep(min(0.001, target - now))
    }
  }

  /// Writes lines of a flow until `bytes` of it are done.
  private func pour(_ index: Int, _ bytes: Int) {
    let flow = flows[index]
    guard let target = current(flow.path) else {
      failures.append("nothing is open for \(flow.path)")
      flows[index].left = 0
      return
    }
    let writer = writer(flow.path)
    writer.lengthMean = flow.lengthMean
    var done = 0
    while done < bytes {
      let isLast = flow.left - done <= flow.lengthMean + 41
      if isLast {
        switch flow.ending {
        case .whole: writer.writeLine(to: target)
        case .split: writer.writeFirstPart(to: target)
        case .unfinished: writer.writeUnfinished(to: target)
        }
        done = flow.left
        break
      }
      done += writer.writeLine(to: target)
    }
    flows[index].left -= done
  }

  /// Writes at once what is left of the flows into the files of a folder.
  private func finishFlows(in folder: String) {
    for index in flows.indices where Self.folder(flows[index].path) == folder {
      while flows[index].left > 0 { pour(index, flows[index].left) }
    }
    flows.removeAll { $0.left <= 0 }
  }

  /// The descriptor that writes to a path go to: that of the file of this name, else of the file
  /// that had it last.
  private func current(_ path: String) -> Int32? {
    descriptors[path] ?? left[path].flatMap { descriptors[$0] }
  }

  private func writer(_ path: String) -> ContainerWriter {
    let key = self.key(path)
    if let writer = writers[key] { return writer }
    let writer = ContainerWriter(key: key)
    writers[key] = writer
    return writer
  }

  /// One run of a container: name, folder and number, without what a key may not hold.
  private func key(_ path: String) -> String {
    let parts = path.split(separator: "/")
    let run = parts.last?.prefix { $0 != "." } ?? ""
    let folder = parts.dropLast().suffix(2).map { $0.suffix(24) }.joined(separator: ".")
    return "\(name).\(folder).\(run)"
  }
}

// MARK: - Operations

extension TimelineReplayer {
  private func act(_ action: Timeline.Action) {
    switch action {
    case .makeFolder(let path): Files.makeFolder(absolute(path))
    case .create(let path): create(path)
    case .link(let path, let target): check(symlink(absolute(target), linkName(path)), path)
    case .write: break
    case .rename(let from, let to):
      check(Glibc.rename(absolute(from), absolute(to)), from)
      if let descriptor = descriptors.removeValue(forKey: from) {
        descriptors[to] = descriptor
        left[from] = to
      }
    case .compress(let from, let to):
      if !GzipFile.compress(absolute(from), to: absolute(to)) { failures.append("gzip \(from)") }
    case .remove(let path):
      if path.hasPrefix("containers/") {
        check(unlink(linkName(path)), path)
      } else {
        check(unlink(absolute(path)), path)
        // The container has ended, or its writer went on to a new file.
        if let descriptor = descriptors.removeValue(forKey: path) { close(descriptor) }
      }
    case .removeFolder(let path): rmdir(absolute(path))
    }
  }

  private func create(_ path: String) {
    Files.makeFolder(absolute(Self.folder(path)))
    let full = absolute(path)
    let descriptor = ContainerWriter.open(full)
    check(descriptor, path)
    guard descriptor >= 0 else { return }
    // Late writes name the file by its new path, so a path can be replaced at once.
    if let old = descriptors.updateValue(descriptor, forKey: path) { close(old) }
    if let inode = Files.inode(full), !inodes.insert(inode).inserted { reusedInodes += 1 }
  }

  private func check(_ result: Int32, _ path: String) {
    if result < 0 { failures.append("\(path): \(String(cString: strerror(errno)))") }
  }

  /// Where a recorded path lies in the tree of this replay.
  private func absolute(_ path: String) -> String {
    if path.hasPrefix("pods/") { return "\(tree.path)/\(path)" }
    let pod = "\(tree.pods)/kiamol-ch13-test_\(name)_\(Self.uid(name))"
    return path == "." ? pod : "\(pod)/\(path)"
  }

  /// The name of a link, with an id of full length in the place of the shortened one.
  private func linkName(_ path: String) -> String {
    let parts = path.dropFirst("containers/".count).split(separator: "…", maxSplits: 1)
    var stem = String(parts[0])
    if timeline.isOfOnePod, let bar = stem.firstIndex(of: "_") {
      stem = name + stem[bar...]
    }
    return "\(tree.containers)/\(stem)\(NodeTree.id(path)).log"
  }

  static func uid(_ name: String) -> String {
    let id = NodeTree.id(name)
    return "\(id.prefix(8))-\(id.dropFirst(8).prefix(4))-4\(id.dropFirst(13).prefix(3))"
      + "-8\(id.dropFirst(17).prefix(3))-\(id.dropFirst(20).prefix(12))"
  }

  private static func folder(_ path: String) -> String {
    path.split(separator: "/").dropLast().joined(separator: "/")
  }

  private static func folder(of action: Timeline.Action) -> String {
    switch action {
    case .rename(let path, _), .create(let path), .remove(let path), .write(let path, _, _),
      .compress(let path, _), .link(_, let path):
      folder(path)
    case .makeFolder(let path), .removeFolder(let path): path
    }
  }

  /// The writes that end otherwise than with a whole line: the last one into each file that is
  /// rotated, and the last one into each log that is removed in place.
  private func endings() -> [Int: Ending] {
    var file: [String: Int] = [:]
    var lastWrite: [Int: Int] = [:]
    var ending: [Int: Ending] = [:]
    for (index, step) in timeline.steps.enumerated() {
      switch step.action {
      case .create(let path): file[path] = index
      case .write(let path, _, _):
        if let id = file[path] { lastWrite[id] = index }
      case .rename(let from, let to):
        guard let id = file.removeValue(forKey: from) else { continue }
        file[to] = id
        if plan.splitsLines { ending[id] = .split }
      case .remove(let path):
        if plan.endsUnfinished, path.hasSuffix(".log"), let id = file[path] {
          ending[id] = .unfinished
        }
      default: break
      }
    }
    return Dictionary(
      uniqueKeysWithValues: ending.compactMap { id, how in lastWrite[id].map { ($0, how) } })
  }
}
