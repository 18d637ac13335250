import CWeirSystem
import Dispatch
import Glibc
import WeirConfig
import WeirStage
import WeirTelemetry

/// Puts full files aside, compresses them and deletes the oldest.
///
/// Renaming happens where files are written; compressing and deleting on a queue of its own, so
/// that writing does not wait (at most `pendingMax` files behind, then it does).
final class FileRotator: @unchecked Sendable {
  // SAFETY: immutable, but for the queue and the semaphore, which synchronise themselves.
  let maxBytes: Int
  private let filesMax: Int
  private let codec: (any CodecFactory)?
  private let name: String
  private let queue = DispatchQueue(label: "weir.file.rotate", qos: .utility)
  private let pending = DispatchSemaphore(value: FileRotator.pendingMax)

  /// Full files that wait to be compressed.
  static let pendingMax = 8
  private static let blockBytes = 256 << 10

  /// The rotation that an instance asks for, or nil.
  init?(_ config: InstanceConfig, _ codecs: CodecRegistry) throws(ConfigProblem) {
    guard try config.bool("rotate", default: false) else { return nil }
    maxBytes = try config.size("rotate_max_size", default: 100_000_000)
    guard maxBytes > 0 else {
      throw config.problem("has to be above 0", key: "rotate_max_size")
    }
    filesMax = try config.integer("rotate_max_files", default: 7, in: 1...1_000_000)
    name = config.name
    guard try config.bool("rotate_gzip", default: true) else {
      codec = nil
      return
    }
    do {
      codec = try codecs.factory("gzip")
    } catch {
      throw config.problem(
        "compressing full files needs the gzip plugin: \(error)", key: "rotate_gzip",
        suggestion: "install gzip.so, or set rotate_gzip off")
    }
  }

  /// Renames a full file; the caller closes its descriptor and opens the name anew.
  /// - Returns: false when that failed: the file is written on, and tried again later.
  func rotate(_ target: FileTarget, _ opener: FileOpener, _ now: Int64) -> Bool {
    let parent = opener.openParent(target)
    guard parent.descriptor >= 0 else {
      warn(target, parent.error)
      return false
    }
    let leaf = String(decoding: parent.leaf.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let full = leaf + RotatedName.suffix(now)
    if renameat(parent.descriptor, parent.leaf, parent.descriptor, full) != 0 {
      warn(target, errno)
      close(parent.descriptor)
      return false
    }
    pending.wait()
    queue.async { [self] in
      if let codec { compress(parent.descriptor, full, codec) }
      trim(parent.descriptor, leaf)
      close(parent.descriptor)
      pending.signal()
    }
    return true
  }

  private func warn(_ target: FileTarget, _ code: Int32) {
    Log.warn("output \(name): cannot rotate \(target.name): \(OutputError.text(of: code))")
  }

  /// Waits until everything put aside is compressed.
  func finish() { queue.sync {} }

  // MARK: Compressing

  private func compress(_ folder: Int32, _ full: String, _ factory: any CodecFactory) {
    let part = full + RotatedName.partSuffix
    let source = weir_openat(folder, full, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0)
    let sink = weir_openat(
      folder, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o666)
    defer {
      if source >= 0 { close(source) }
      if sink >= 0 { close(sink) }
    }
    var problem = source < 0 || sink < 0 ? OutputError.text(of: errno) : nil
    if problem == nil { problem = copy(source, sink, factory) }
    if problem == nil {
      keepTime(source, sink)
      if renameat(folder, part, folder, full + ".gz") != 0 {
        problem = OutputError.text(of: errno)
      }
    }
    if let problem {
      Log.warn("output \(name): \(full) stays uncompressed: \(problem)")
      unlinkat(folder, part, 0)
    } else {
      unlinkat(folder, full, 0)
    }
  }

  /// One member of everything in `source`; nil, or what went wrong.
  private func copy(_ source: Int32, _ sink: Int32, _ factory: any CodecFactory) -> String? {
    let block = FileRotator.blockBytes
    let input = UnsafeMutableRawBufferPointer.allocate(byteCount: block + 64, alignment: 64)
    let output = UnsafeMutableRawBufferPointer.allocate(byteCount: block, alignment: 64)
    defer {
      input.deallocate()
      output.deallocate()
    }
    do {
      let codec = try factory.open(options: [])
      try codec.begin(.deflate)
      while true {
        let count = read(source, input.baseAddress, block)
        if count < 0 && errno == EINTR { continue }
        if count < 0 { return OutputError.text(of: errno) }
        if count == 0 { break }
        var rest = UnsafeRawBufferPointer(rebasing: input[..<count])
        while !rest.isEmpty {
          let step = codec.write(rest, into: output)
          if case .failed(let why) = step.status { return why }
          if let why = put(output, step.produced, sink) { return why }
          if step.consumed == 0 && step.produced == 0 { return "the codec does not go on" }
          rest = UnsafeRawBufferPointer(rebasing: rest[step.consumed...])
        }
      }
      while true {
        let step = codec.finish(into: output)
        if case .failed(let why) = step.status { return why }
        if let why = put(output, step.produced, sink) { return why }
        if step.status == .done { return nil }
        if step.produced == 0 { return "the codec does not go on" }
      }
    } catch {
      return "\(error)"
    }
  }

  private func put(
    _ bytes: UnsafeMutableRawBufferPointer, _ count: Int, _ sink: Int32
  ) -> String? {
    guard let base = bytes.baseAddress, count > 0 else { return nil }
    let (_, error) = DescriptorWriter().write(
      sink, base.assumingMemoryBound(to: UInt8.self), count)
    return error == 0 ? nil : OutputError.text(of: error)
  }

  /// The compressed file keeps the age of its content: the oldest are deleted first.
  private func keepTime(_ source: Int32, _ sink: Int32) {
    var status = stat()
    guard fstat(source, &status) == 0 else { return }
    var times = [status.st_atim, status.st_mtim]
    futimens(sink, &times)
  }

  // MARK: Deleting

  private func trim(_ folder: Int32, _ leaf: String) {
    let copy = weir_openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    guard copy >= 0, let directory = fdopendir(copy) else {
      if copy >= 0 { close(copy) }
      return
    }
    defer { closedir(directory) }
    var found: [(time: Int, nanoseconds: Int, name: String)] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if RotatedName.isLeftOver(name, leaf) {
        unlinkat(folder, name, 0)
        continue
      }
      var status = stat()
      guard RotatedName.matches(name, leaf),
        fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0,
        status.st_mode & S_IFMT == S_IFREG
      else { continue }
      found.append((status.st_mtim.tv_sec, status.st_mtim.tv_nsec, name))
    }
    guard found.count > filesMax else { return }
    found.sort { ($0.time, $0.nanoseconds, $0.name) < ($1.time, $1.nanoseconds, $1.name) }
    for old in found.prefix(found.count - filesMax) { unlinkat(folder, old.name, 0) }
  }
}
