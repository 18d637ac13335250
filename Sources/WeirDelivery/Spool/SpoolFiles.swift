import Glibc

/// What a spool asks of the file system; tests replace it to make disks fail.
///
/// Failures are negative error numbers. Any thread.
protocol SpoolFiles: Sendable {
  /// A descriptor, made with mode 0600 where `flags` create it.
  func open(_ path: String, _ flags: Int32) -> Int32
  func close(_ descriptor: Int32)
  /// Bytes read; 0 at the end.
  func read(_ descriptor: Int32, _ room: UnsafeMutableRawBufferPointer, at offset: Int) -> Int
  /// Bytes written, of all parts together.
  func write(_ descriptor: Int32, _ parts: UnsafeBufferPointer<iovec>, at offset: Int) -> Int
  /// Contents and length are on the disk.
  func syncData(_ descriptor: Int32) -> Int32
  func truncate(_ descriptor: Int32, to bytes: Int) -> Int32
  func size(_ descriptor: Int32) -> Int
  func remove(_ path: String) -> Int32
  /// Names in a directory; nil when it cannot be read.
  func list(_ path: String) -> [String]?
  /// Makes a directory with mode 0700; one that is there is fine.
  func makeDirectory(_ path: String) -> Int32
  /// Names in the directory are on the disk.
  func syncDirectory(_ path: String) -> Int32
}

/// The file system as it is.
struct SystemFiles: SpoolFiles {
  /// Names of a directory at most.
  static let namesMax = 1 << 20

  func open(_ path: String, _ flags: Int32) -> Int32 {
    while true {
      let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o600)
      if descriptor >= 0 { return descriptor }
      if errno != EINTR { return -errno }
    }
  }

  func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

  func read(_ descriptor: Int32, _ room: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
    while true {
      let count = pread(descriptor, room.baseAddress, room.count, offset)
      if count >= 0 { return count }
      if errno != EINTR { return -Int(errno) }
    }
  }

  func write(_ descriptor: Int32, _ parts: UnsafeBufferPointer<iovec>, at offset: Int) -> Int {
    while true {
      let count = pwritev(descriptor, parts.baseAddress, Int32(parts.count), offset)
      if count >= 0 { return count }
      if errno != EINTR { return -Int(errno) }
    }
  }

  func syncData(_ descriptor: Int32) -> Int32 {
    while fdatasync(descriptor) != 0 {
      if errno != EINTR { return -errno }
    }
    return 0
  }

  func truncate(_ descriptor: Int32, to bytes: Int) -> Int32 {
    while ftruncate(descriptor, bytes) != 0 {
      if errno != EINTR { return -errno }
    }
    return 0
  }

  func size(_ descriptor: Int32) -> Int {
    var facts = stat()
    return fstat(descriptor, &facts) == 0 ? Int(facts.st_size) : -Int(errno)
  }

  func remove(_ path: String) -> Int32 { unlink(path) == 0 ? 0 : -errno }

  func list(_ path: String) -> [String]? {
    guard let folder = opendir(path) else { return nil }
    defer { closedir(folder) }
    let nameOffset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
    var names: [String] = []
    while names.count < Self.namesMax, let entry = readdir(folder) {
      // SAFETY: readdir ends each name with a zero byte; the entry is valid until the next call.
      let name = UnsafeRawPointer(entry).advanced(by: nameOffset)
      let text = String(cString: name.assumingMemoryBound(to: CChar.self))
      if text != "." && text != ".." { names.append(text) }
    }
    return names
  }

  func makeDirectory(_ path: String) -> Int32 {
    mkdir(path, 0o700) == 0 || errno == EEXIST ? 0 : -errno
  }

  func syncDirectory(_ path: String) -> Int32 {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY)
    if descriptor < 0 { return descriptor }
    defer { close(descriptor) }
    return fsync(descriptor) == 0 ? 0 : -errno
  }
}

extension SpoolFiles {
  /// Reads until the room is full or the file ends; bytes read, or a negative error number. What
  /// fails is tried once more: not every error of a disk stays.
  func readAll(_ descriptor: Int32, _ room: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
    var done = 0
    var hasFailed = false
    while done < room.count {
      let left = UnsafeMutableRawBufferPointer(rebasing: room[done...])
      let count = read(descriptor, left, at: offset + done)
      if count < 0 && hasFailed { return count }
      if count == 0 { break }
      if count < 0 { hasFailed = true } else { done += count }
    }
    return done
  }

  /// Reads exactly `count` bytes; nil when it cannot.
  func bytes(_ descriptor: Int32, count: Int, at offset: Int) -> [UInt8]? {
    var isWhole = false
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { room, filled in
      let whole = UnsafeMutableRawBufferPointer(
        start: UnsafeMutableRawPointer(room.baseAddress), count: count)
      let read = readAll(descriptor, whole, at: offset)
      isWhole = read == count
      filled = isWhole ? count : 0
    }
    return isWhole ? bytes : nil
  }

  /// Writes two pieces behind each other, all of them: 0, or a negative error number.
  func writeAll(
    _ descriptor: Int32, _ head: UnsafeRawBufferPointer,
    _ tail: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0), at offset: Int
  ) -> Int32 {
    var done = 0
    let total = head.count + tail.count
    while done < total {
      let headRest = UnsafeRawBufferPointer(rebasing: head[min(done, head.count)...])
      let tailRest = UnsafeRawBufferPointer(rebasing: tail[max(0, done - head.count)...])
      let count = withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { parts in
        parts.initialize(repeating: iovec())
        parts[0] = iovec(
          iov_base: UnsafeMutableRawPointer(mutating: headRest.baseAddress),
          iov_len: headRest.count)
        parts[1] = iovec(
          iov_base: UnsafeMutableRawPointer(mutating: tailRest.baseAddress),
          iov_len: tailRest.count)
        return write(descriptor, UnsafeBufferPointer(parts), at: offset + done)
      }
      if count < 0 { return Int32(count) }
      if count == 0 { return -EIO }
      done += count
    }
    return 0
  }

  /// What an error number of this protocol means, for a message.
  func text(_ error: Int) -> String { String(cString: strerror(Int32(abs(error)))) }
}
