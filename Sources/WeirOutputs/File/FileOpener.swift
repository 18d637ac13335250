import CWeirSystem
import Glibc

/// Opens the files of an output.
///
/// A path of the user's is opened as it is. A name with data in it is walked component by
/// component from the base folder, never through a symbolic link: whatever the data is, the file
/// lies below the base.
struct FileOpener: Sendable {
  let base: String
  /// Makes missing folders, mode 0755.
  let makesFolders: Bool

  private static let fileFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY
  private static let folderFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC

  /// Opens a target for appending.
  /// - Returns: a descriptor, or -1 and the errno.
  func open(_ target: FileTarget) -> (descriptor: Int32, error: Int32) {
    switch target.place {
    case .fixed(let path):
      var fd = weir_open(path, FileOpener.fileFlags, 0o666)
      if fd < 0, errno == ENOENT, makesFolders {
        let code = makeFolders(of: path)
        if code != 0 { return (-1, code) }
        fd = weir_open(path, FileOpener.fileFlags, 0o666)
      }
      return (fd, fd < 0 ? errno : 0)
    case .below:
      let parent = openParent(target)
      guard parent.descriptor >= 0 else { return (-1, parent.error) }
      defer { close(parent.descriptor) }
      let fd = parent.leaf.withUnsafeBufferPointer { leaf -> Int32 in
        guard let name = leaf.baseAddress else { return -1 }
        return weir_openat(
          parent.descriptor, name, FileOpener.fileFlags | O_NOFOLLOW, 0o666)
      }
      return (fd, fd < 0 ? errno : 0)
    }
  }

  /// A descriptor of the folder that a target lies in, and its last component.
  func openParent(
    _ target: FileTarget
  ) -> (descriptor: Int32, leaf: [CChar], error: Int32) {
    switch target.place {
    case .fixed(let path):
      let (folder, leaf) = FileOpener.cut(path)
      let fd = weir_open(folder, FileOpener.folderFlags, 0)
      return (fd, leaf.utf8CString.map { $0 }, fd < 0 ? errno : 0)
    case .below(let bytes):
      var components = bytes.dropLast().split(separator: UInt8(ascii: "/")).map {
        $0.map { CChar(bitPattern: $0) } + [0]
      }
      guard let leaf = components.popLast() else { return (-1, [], EINVAL) }
      let (fd, error) = walk(components)
      return (fd, leaf, error)
    }
  }

  /// Opens the base folder and then each component in it.
  private func walk(_ components: [[CChar]]) -> (descriptor: Int32, error: Int32) {
    var folder = weir_open(base, FileOpener.folderFlags, 0)
    if folder < 0, errno == ENOENT, makesFolders {
      let code = makeFolders(of: base + "/x")
      if code != 0 { return (-1, code) }
      folder = weir_open(base, FileOpener.folderFlags, 0)
    }
    if folder < 0 { return (-1, errno) }
    for component in components {
      let flags = FileOpener.folderFlags | O_NOFOLLOW
      var next = weir_openat(folder, component, flags, 0)
      if next < 0, errno == ENOENT, makesFolders {
        if mkdirat(folder, component, 0o755) == 0 || errno == EEXIST {
          next = weir_openat(folder, component, flags, 0)
        }
      }
      let code = errno
      close(folder)
      if next < 0 { return (-1, code) }
      folder = next
    }
    return (folder, 0)
  }

  /// Makes the folders that a path of the user's lies in; 0 or the errno.
  private func makeFolders(of path: String) -> Int32 {
    var bytes = path.utf8CString.map { $0 }
    let slash = CChar(bitPattern: UInt8(ascii: "/"))
    for i in bytes.indices.dropFirst() where bytes[i] == slash {
      bytes[i] = 0
      if mkdir(bytes, 0o755) != 0, errno != EEXIST { return errno }
      bytes[i] = slash
    }
    return 0
  }

  /// Folder and last component of a path.
  static func cut(_ path: String) -> (folder: String, leaf: String) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
    let leaf = String(path[path.utf8.index(after: slash)...])
    return (slash == path.startIndex ? "/" : String(path[..<slash]), leaf)
  }
}
