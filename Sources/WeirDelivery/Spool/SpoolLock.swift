import Glibc

/// Keeps a second process (and a second spool of this one) out of a directory.
///
/// A lock of the open file description: it ends with the process, and looking at it does not take
/// it.
struct SpoolLock: ~Copyable {
  /// Name of the file within a spool's directory; holds the number of the process.
  static let name = "lock"
  // <fcntl.h> shows these with _GNU_SOURCE only; they are the same on every Linux.
  private static let getCommand: Int32 = 36
  private static let setCommand: Int32 = 37

  private let descriptor: Int32

  private init(_ descriptor: Int32) { self.descriptor = descriptor }

  /// Takes the lock of a directory that exists.
  static func take(_ directory: String) throws(SpoolError) -> SpoolLock {
    let path = "\(directory)/\(name)"
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw .unusable("cannot open \(path): \(String(cString: strerror(errno)))")
    }
    if call(descriptor, setCommand).status == 0 {
      var text = "\(getpid())\n"
      ftruncate(descriptor, 0)
      text.withUTF8 { _ = pwrite(descriptor, $0.baseAddress, $0.count, 0) }
      return SpoolLock(descriptor)
    }
    let error = errno
    let owner = read(descriptor)
    close(descriptor)
    guard error == EAGAIN || error == EACCES else {
      throw .unusable("cannot lock \(path): \(String(cString: strerror(error)))")
    }
    throw .inUse(
      "the spool \(directory) is in use by process \(owner); give this output another name or "
        + "storage.path, or stop the other process")
  }

  deinit { close(descriptor) }

  /// The process that has a directory; nil when nobody does. Takes nothing.
  static func owner(of directory: String) -> String? {
    let descriptor = open("\(directory)/\(name)", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    if descriptor < 0 { return nil }
    defer { close(descriptor) }
    let answer = call(descriptor, getCommand)
    guard answer.status == 0, answer.type != Int16(F_UNLCK) else { return nil }
    return read(descriptor)
  }

  private static func call(_ descriptor: Int32, _ command: Int32) -> (status: Int32, type: Int16) {
    var lock = flock()
    lock.l_type = Int16(F_WRLCK)
    lock.l_whence = Int16(SEEK_SET)
    let status = withUnsafeMutablePointer(to: &lock) {
      fcntl(descriptor, command, UnsafeMutableRawPointer($0))
    }
    return (status, lock.l_type)
  }

  private static func read(_ descriptor: Int32) -> String {
    let text = [UInt8](unsafeUninitializedCapacity: 20) { room, count in
      count = max(0, pread(descriptor, room.baseAddress, 20, 0))
    }
    let digits = text.prefix { $0 >= 0x30 && $0 <= 0x39 }
    return digits.isEmpty ? "unknown" : String(decoding: digits, as: UTF8.self)
  }
}
