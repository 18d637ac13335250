import CWeirSystem
import Glibc

/// File operations that the tests are made of; those that fail return false or nil.
enum Files {
  @discardableResult
  static func makeFolder(_ path: String) -> Bool {
    var folder = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      folder += "/" + part
      if mkdir(folder, 0o755) != 0 && errno != EEXIST { return false }
    }
    return true
  }

  @discardableResult
  static func write(_ text: String, to path: String) -> Bool {
    write(Array(text.utf8), to: path, flags: O_TRUNC)
  }

  @discardableResult
  static func append(_ text: String, to path: String) -> Bool {
    write(Array(text.utf8), to: path, flags: O_APPEND)
  }

  @discardableResult
  static func write(_ bytes: [UInt8], to path: String, flags: Int32 = O_TRUNC) -> Bool {
    let descriptor = weir_open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0o644)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return bytes.withUnsafeBytes { writeAll(descriptor, $0) }
  }

  static func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
    var start = 0
    while start < bytes.count, let base = bytes.baseAddress {
      let count = Glibc.write(descriptor, base + start, bytes.count - start)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      start += count
    }
    return true
  }

  /// The whole content; empty where the file cannot be read.
  static func bytes(_ path: String) -> [UInt8] {
    let descriptor = weir_open(path, O_RDONLY | O_CLOEXEC, 0)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = read(descriptor, &chunk, chunk.count), count > 0 {
      bytes.append(contentsOf: chunk[0..<count])
    }
    return bytes
  }

  static func text(_ path: String) -> String { String(decoding: bytes(path), as: UTF8.self) }

  /// The size in bytes; nil where there is no such file.
  static func size(_ path: String) -> Int? { status(path).map { Int($0.st_size) } }

  static func inode(_ path: String) -> UInt64? { status(path).map { UInt64($0.st_ino) } }

  private static func status(_ path: String) -> stat? {
    var status = stat()
    return stat(path, &status) == 0 ? status : nil
  }

  /// The names in a folder, sorted, without `.` and `..`.
  static func names(in folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// The bytes of all files below a folder; 0 where there is none.
  static func treeSize(_ path: String) -> Int {
    var status = stat()
    guard lstat(path, &status) == 0 else { return 0 }
    guard status.st_mode & S_IFMT == S_IFDIR else { return Int(status.st_size) }
    return names(in: path).reduce(0) { $0 + treeSize("\(path)/\($1)") }
  }

  static func removeTree(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
      chmod(path, 0o755)
      for name in names(in: path) { removeTree("\(path)/\(name)") }
      rmdir(path)
    } else {
      unlink(path)
    }
  }
}

/// Time as the tests see it.
enum Clock {
  /// Seconds of a clock that is never set.
  static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  static func sleep(_ seconds: Double) {
    guard seconds > 0 else { return }
    var rest = timespec()
    rest.tv_sec = Int(seconds)
    rest.tv_nsec = Int((seconds - seconds.rounded(.down)) * 1e9)
    var left = timespec()
    while nanosleep(&rest, &left) != 0 && errno == EINTR { rest = left }
  }

  static func sleep(until time: Double) { sleep(time - now()) }

  /// Looks at a condition each 20 ms; false when it did not come true in time.
  static func wait(_ seconds: Double, until condition: () -> Bool) -> Bool {
    let end = now() + seconds
    while now() < end {
      if condition() { return true }
      sleep(0.02)
    }
    return condition()
  }
}
