import Synchronization

/// One file that records go to. The name never changes; the rest belongs to the output's queue.
final class FileTarget: @unchecked Sendable {
  // SAFETY: what changes is touched by the output's queue only, but for `lastSequence`, which the
  // table's lock guards.

  enum Place: Sendable {
    /// A path of the user's, opened as it stands.
    case fixed(String)
    /// A relative path below the base folder, made of safe components, with a zero byte at its end.
    case below([UInt8])
  }

  let id: Int
  let place: Place
  let hash: Int
  /// The last batch that has records for it.
  var lastSequence: UInt64 = 0

  /// Descriptor, or -1.
  var descriptor: Int32 = -1
  /// Bytes in the file as far as known.
  var size = 0
  var device: UInt64 = 0
  var inode: UInt64 = 0
  var isRegular = false
  /// When it was written last, in nanoseconds of the wall clock.
  var usedAt: Int64 = 0
  /// First and last section of the payload in delivery, or -1.
  var head = -1
  var tail = -1
  /// Batch of a payload that a failed write cut inside a line.
  var tornSequence: UInt64?

  init(id: Int, place: Place, hash: Int) {
    self.id = id
    self.place = place
    self.hash = hash
  }

  /// What messages call it.
  var name: String {
    switch place {
    case .fixed(let path): path
    case .below(let bytes): String(decoding: bytes.dropLast(), as: UTF8.self)
    }
  }
}

/// The files of an output by name. Any thread.
final class FileTable: Sendable {
  private struct State {
    var all: [FileTarget?] = []
    var byName: [[UInt8]: Int] = [:]
    var free: [Int] = []
  }
  private let state = Mutex(State())
  private let filesMax: Int

  init(filesMax: Int) { self.filesMax = filesMax }

  /// Adds a file with a fixed path; it stays for ever.
  func add(fixed path: String) -> FileTarget {
    state.withLock { state in
      let target = FileTarget(id: state.all.count, place: .fixed(path), hash: 0)
      state.all.append(target)
      return target
    }
  }

  /// The file of a relative name, marked as used by a batch; nil when there are too many.
  func find(_ name: UnsafeBufferPointer<UInt8>, hash: Int, sequence: UInt64) -> FileTarget? {
    let key = Array(name)
    return state.withLock { state in
      if let id = state.byName[key], let target = state.all[id] {
        target.lastSequence = max(target.lastSequence, sequence)
        return target
      }
      guard state.byName.count < filesMax else { return nil }
      let id = state.free.popLast() ?? state.all.count
      let target = FileTarget(id: id, place: .below(key + [0]), hash: hash)
      target.lastSequence = sequence
      if id == state.all.count { state.all.append(target) } else { state.all[id] = target }
      state.byName[key] = id
      return target
    }
  }

  /// Marks a file as used by a batch; false when it is forgotten and has to be found anew.
  func touch(_ target: FileTarget, sequence: UInt64) -> Bool {
    state.withLock { state in
      guard state.all[target.id] === target else { return false }
      target.lastSequence = max(target.lastSequence, sequence)
      return true
    }
  }

  /// The file of a section.
  func target(_ id: Int) -> FileTarget? {
    state.withLock { $0.all.indices.contains(id) ? $0.all[id] : nil }
  }

  /// Forgets files that nobody used since `idleSince` and that no payload beyond batch
  /// `delivered` can name: payloads come in batch order. `release` closes them.
  func forget(idleSince: Int64, delivered: UInt64, _ release: (FileTarget) -> Void) {
    state.withLock { state in
      for (id, target) in state.all.enumerated() {
        guard let target, case .below(let name) = target.place, target.usedAt < idleSince,
          target.lastSequence <= delivered
        else { continue }
        release(target)
        state.all[id] = nil
        state.byName[Array(name.dropLast())] = nil
        state.free.append(id)
      }
    }
  }

  /// All files.
  func forEach(_ body: (FileTarget) -> Void) {
    let all = state.withLock { $0.all }
    for case let target? in all { body(target) }
  }
}
