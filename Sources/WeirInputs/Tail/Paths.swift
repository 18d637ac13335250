import CWeirSystem
import Glibc

/// A path as the kernel has it: bytes without a NUL, not necessarily UTF-8.
typealias Path = [UInt8]

/// Device and inode: who a file is while somebody holds it open.
struct FileKey: Hashable {
  var device: UInt64
  var inode: UInt64
}

/// What `stat` says, as far as it matters here.
struct FileStatus {
  var key: FileKey
  var size: UInt64
  var links: Int
  var isRegular: Bool
  var isDirectory: Bool
  /// Seconds since 1970 of the last write.
  var modified: Int64
  /// The same in nanoseconds.
  var modifiedNanoseconds: Int64
  /// Nanoseconds since 1970 of the last write, rename, link or unlink.
  var changedNanoseconds: Int64
  /// Bytes that the file takes on its disk.
  var diskBytes: Int

  init(_ status: stat) {
    key = FileKey(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    size = UInt64(max(0, status.st_size))
    links = Int(status.st_nlink)
    isRegular = status.st_mode & S_IFMT == S_IFREG
    isDirectory = status.st_mode & S_IFMT == S_IFDIR
    modified = Int64(status.st_mtim.tv_sec)
    modifiedNanoseconds = modified &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    changedNanoseconds =
      Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec)
    diskBytes = Int(status.st_blocks) * 512
  }

  /// Follows links; nil when there is nothing, or it may not be seen.
  init?(of path: Path) {
    var status = stat()
    guard withPath(path, { stat($0, &status) }) == 0 else { return nil }
    self.init(status)
  }

  init?(descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }
}

/// Lends a path with its NUL.
func withPath<T>(_ path: Path, _ body: (UnsafePointer<CChar>) -> T) -> T {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: path.count + 1) { buffer in
    for i in path.indices { buffer[i] = CChar(bitPattern: path[i]) }
    buffer[path.count] = 0
    // SAFETY: the buffer has at least one element.
    return body(UnsafePointer(buffer.baseAddress.unsafelyUnwrapped))
  }
}

/// True when a name stands there, be it a link to nothing.
func nameExists(_ path: Path) -> Bool {
  var status = stat()
  return withPath(path) { lstat($0, &status) } == 0
}

/// The path without links, or nil.
func realPath(_ path: Path) -> Path? {
  withPath(path) { name -> Path? in
    guard let real = realpath(name, nil) else { return nil }
    defer { free(real) }
    return Path(UnsafeBufferPointer(start: real, count: strlen(real)).map { UInt8(bitPattern: $0) })
  }
}

/// Splits at the last slash: `/a/b` is `/a` and `b`; a bare name lies in `.`.
func splitPath(_ path: Path) -> (directory: Path, name: Path) {
  guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else {
    return ([UInt8(ascii: ".")], path)
  }
  let directory = slash == 0 ? [UInt8(ascii: "/")] : Path(path[..<slash])
  return (directory, Path(path[(slash + 1)...]))
}

/// `directory/name`.
func joinPath(_ directory: Path, _ name: some Sequence<UInt8>) -> Path {
  if directory.isEmpty { return Path(name) }
  let slash = UInt8(ascii: "/")
  return directory.last == slash ? directory + name : directory + [slash] + name
}

/// Names in a directory, unsorted, without `.` and `..`; nil (and errno) when it cannot be read.
func directoryNames(_ path: Path) -> [Path]? {
  withPath(path) { name -> [Path]? in
    guard let directory = opendir(name) else { return nil }
    defer { closedir(directory) }
    var names: [Path] = []
    while let entry = readdir(directory) {
      let bytes = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: UInt8.self, capacity: 256) {
          Path(UnsafeBufferPointer(start: $0, count: strnlen($0.reinterpreted, 256)))
        }
      }
      if bytes == [0x2e] || bytes == [0x2e, 0x2e] { continue }
      names.append(bytes)
    }
    return names
  }
}

extension UnsafePointer<UInt8> {
  fileprivate var reinterpreted: UnsafePointer<CChar> {
    // SAFETY: both are bytes; the pointer is used for strnlen only.
    UnsafeRawPointer(self).assumingMemoryBound(to: CChar.self)
  }
}

/// Text for messages.
func printable(_ path: some Sequence<UInt8>) -> String {
  String(decoding: Array(path), as: UTF8.self)
}

/// The text of errno.
func errorText(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }
