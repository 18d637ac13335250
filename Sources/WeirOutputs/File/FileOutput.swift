import CWeirSystem
import Glibc
import Synchronization
import WeirBatch
import WeirConfig
import WeirStage
import WeirTelemetry

/// `file`: records in files, one format per output, any number of files.
///
/// Lanes encode runs of records for each file; delivery writes each file's runs with one writev.
/// A write that fails keeps its place in the payload's sections, so that trying again repeats
/// nothing and leaves nothing out.
final class FileOutput: Output, @unchecked Sendable {
  // SAFETY: what changes belongs to the output's queue, but for the table and the atomic.
  let naming: FileNaming
  let layout: FileLayout
  let style: JSONStyle
  let table: FileTable
  private let name: String
  private let opener: FileOpener
  private let rotator: FileRotator?
  private let writer: DescriptorWriter
  private let now: @Sendable () -> Int64
  private let fallback: FileTarget?
  private let warnedAt = Atomic<Int64>(Int64.min)

  private var touched: [FileTarget] = []
  private var next: [Int32] = []
  private var vectors: [iovec] = []
  private var owners: [Int] = []
  private var open: [FileTarget] = []
  private var delivered: UInt64 = 0
  private let openMax: Int

  /// Files held open at most, whatever the process may open.
  static let openHardMax = 256
  /// A file that nobody wrote for so long is closed, and forgotten if its name holds data.
  static let idleNanoseconds: Int64 = 60_000_000_000
  private static let warnEvery: Int64 = 10_000_000_000

  init(_ config: InstanceConfig, _ context: OutputBuildContext) throws(ConfigProblem) {
    name = config.name
    naming = try FileNaming(config)
    layout = try FileLayout(config)
    style = JSONStyle(escapeUnicode: context.escapeUnicode, nanToNull: context.nanToNull)
    opener = FileOpener(
      base: naming.base, makesFolders: try config.bool("mkdir", default: false))
    rotator = try FileRotator(config, context.codecs)
    writer = context.writer
    now = context.now
    table = FileTable(filesMax: naming.filesMax)
    if case .fixed(let path) = naming.kind { _ = table.add(fixed: path) }
    fallback = naming.fallback.map { [table] in table.add(fixed: $0) }
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    openMax = max(8, min(FileOutput.openHardMax, Int(clamping: limit.rlim_cur) / 4))
  }

  func openLane(_ lane: LaneContext) -> any OutputLane { FileLane(self) }

  func start() throws { signal(SIGPIPE, SIG_IGN) }

  // MARK: Lanes

  /// What becomes of a record without a file of its own: the fallback file, or nil and a count.
  /// Any lane.
  @discardableResult
  func refuse(
    _ action: NamingAction, _ reason: @autoclosure () -> String, _ counters: StageCounters
  ) -> FileTarget? {
    if action == .fallback, let fallback { return fallback }
    counters.drop(.output, records: 1)
    if action == .error { counters.errors.add() }
    let time = now()
    let last = warnedAt.load(ordering: .relaxed)
    if last == .min || time - last >= FileOutput.warnEvery {
      warnedAt.store(time, ordering: .relaxed)
      Log.warn("output \(name): records dropped: \(reason())")
    }
    return nil
  }

  // MARK: Delivery

  func deliver(_ payload: Payload) -> DeliveryResult {
    var failure: (name: String, code: Int32)?
    let lost = link(payload)
    for target in touched {
      let code = write(target, payload)
      target.head = -1
      target.tail = -1
      if code != 0, failure == nil { failure = (target.name, code) }
    }
    touched.removeAll(keepingCapacity: true)
    guard let failure else {
      delivered = max(delivered, payload.sequence)
      return lost == 0 ? .done : .partial(dropped: lost, "their file is not known any more")
    }
    var message = "\(failure.name): \(OutputError.text(of: failure.code))"
    if failure.code == ENOENT { message += "; make the folder, or set mkdir on" }
    return deliveryIsHopeless(failure.code) ? .failed(message) : .retry(message)
  }

  /// Chains the sections of each file, in order; counts records whose file nobody knows.
  private func link(_ payload: Payload) -> Int {
    var lost = 0
    next.removeAll(keepingCapacity: true)
    for (index, section) in payload.sections.enumerated() {
      next.append(-1)
      if section.begin == section.end { continue }
      guard let target = table.target(section.target) else {
        lost += section.records
        continue
      }
      if target.head < 0 {
        target.head = index
        touched.append(target)
      } else {
        next[target.tail] = Int32(index)
      }
      target.tail = index
    }
    return lost
  }

  /// Writes what a payload has for a file; 0 or the errno that stopped it.
  private func write(_ target: FileTarget, _ payload: Payload) -> Int32 {
    target.usedAt = now()
    var code = openFile(target)
    if code != 0 { return code }
    if let rotator, target.isRegular, target.size >= rotator.maxBytes,
      rotator.rotate(target, opener, target.usedAt)
    {
      release(target)
      code = openFile(target)
      if code != 0 { return code }
    }
    if let torn = target.tornSequence, torn != payload.sequence {
      // The host gave the payload up whose line was cut: this one begins on a line of its own.
      target.tornSequence = nil
      var end = UInt8(ascii: "\n")
      let (written, code) = writer.write(target.descriptor, &end, 1)
      target.size += written
      if code != 0 { return code }
    }
    var index = target.head
    while index >= 0 {
      index = gather(target, payload, from: index)
      let code = writeGathered(target, payload)
      if code != 0 { return code }
    }
    target.tornSequence = nil
    return 0
  }

  /// Collects vectors of the chain from a section on; the section to go on with, or -1.
  private func gather(_ target: FileTarget, _ payload: Payload, from first: Int) -> Int {
    vectors.removeAll(keepingCapacity: true)
    owners.removeAll(keepingCapacity: true)
    var index = first
    while index >= 0, vectors.count < DescriptorWriter.vectorsMax {
      let section = payload.sections[index]
      let isHeader = section.records == 0
      if isHeader && (target.size > 0 || !vectors.isEmpty) {
        payload.sections[index].begin = section.end
      } else {
        vectors.append(
          iovec(iov_base: payload.base + section.begin, iov_len: section.end - section.begin))
        owners.append(index)
      }
      index = Int(next[index])
    }
    return index
  }

  private func writeGathered(_ target: FileTarget, _ payload: Payload) -> Int32 {
    let count = vectors.count
    let (written, code) = vectors.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.map { writer.writeAll(target.descriptor, $0, count) } ?? (0, 0)
    }
    target.size += written
    for (vector, owner) in zip(vectors, owners) {
      payload.sections[owner].begin = payload.sections[owner].end - Int(vector.iov_len)
    }
    if code != 0, written > 0 { noteTear(target, payload) }
    return code
  }

  /// Remembers when the last byte that went out is not the end of a line.
  private func noteTear(_ target: FileTarget, _ payload: Payload) {
    if case .msgpack = layout { return }
    for (vector, owner) in zip(vectors, owners) where vector.iov_len > 0 {
      let at = payload.sections[owner].begin
      target.tornSequence =
        at > 0 && payload.base[at - 1] != UInt8(ascii: "\n") ? payload.sequence : nil
      return
    }
  }

  // MARK: Files

  /// Opens a file unless it is open; 0 or the errno.
  private func openFile(_ target: FileTarget) -> Int32 {
    if target.descriptor >= 0 { return 0 }
    if open.count >= openMax, let oldest = open.min(by: { $0.usedAt < $1.usedAt }) {
      release(oldest)
    }
    let (descriptor, error) = opener.open(target)
    guard descriptor >= 0 else { return error }
    var status = stat()
    fstat(descriptor, &status)
    target.descriptor = descriptor
    target.isRegular = status.st_mode & S_IFMT == S_IFREG
    target.size = target.isRegular ? Int(status.st_size) : 0
    target.device = UInt64(status.st_dev)
    target.inode = UInt64(status.st_ino)
    open.append(target)
    return 0
  }

  private func release(_ target: FileTarget) {
    guard target.descriptor >= 0 else { return }
    Glibc.close(target.descriptor)
    target.descriptor = -1
    open.removeAll { $0 === target }
  }

  /// Lets go of files that were renamed or deleted under us, and of idle ones.
  func flush() {
    let idleSince = now() - FileOutput.idleNanoseconds
    for target in open where target.usedAt < idleSince || isGone(target) { release(target) }
    table.forget(idleSince: idleSince, delivered: delivered) { release($0) }
  }

  /// True when the name leads to another file than the descriptor: somebody rotated it.
  private func isGone(_ target: FileTarget) -> Bool {
    guard target.isRegular else { return false }
    let parent = opener.openParent(target)
    guard parent.descriptor >= 0 else { return parent.error == ENOENT }
    defer { Glibc.close(parent.descriptor) }
    var status = stat()
    guard fstatat(parent.descriptor, parent.leaf, &status, 0) == 0 else { return errno == ENOENT }
    return UInt64(status.st_dev) != target.device || UInt64(status.st_ino) != target.inode
  }

  func close() {
    for target in open { release(target) }
    rotator?.finish()
  }
}
