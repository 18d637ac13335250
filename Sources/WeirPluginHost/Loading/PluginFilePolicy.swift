import CWeirSystem
import Glibc

/// Who may have written a file that becomes part of this process.
enum PluginFilePolicy {
  /// Refuses what is no regular file, or what others than root and the user of this process could
  /// have changed: the file, and the folder that it lies in.
  static func check(_ path: String) throws(PluginHostError) -> stat {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw .cannotLoad(
        file: path, what: "the file cannot be looked at (\(reason(errno)))",
        todo: "check the path and its permissions")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .cannotLoad(file: path, what: "it is no regular file", todo: "name the .so file itself")
    }
    try check(status, path, what: "it")
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    var above = stat()
    if stat(folder.isEmpty ? "/" : folder, &above) == 0 {
      // A sticky folder (/tmp) lets nobody replace another user's file.
      if above.st_mode & S_ISVTX == 0 { try check(above, path, what: "its folder") }
    }
    return status
  }

  private static func check(
    _ status: stat, _ path: String, what: String
  ) throws(PluginHostError) {
    guard status.st_uid == 0 || status.st_uid == geteuid() else {
      throw .cannotLoad(
        file: path, what: "\(what) belongs to user \(status.st_uid)",
        todo: "chown it to root or to the user that runs Weir")
    }
    let mayOthers = status.st_mode & S_IWOTH != 0
    let mayGroup = status.st_mode & S_IWGRP != 0 && status.st_gid != 0 && status.st_gid != getegid()
    guard !mayOthers && !mayGroup else {
      throw .cannotLoad(
        file: path, what: "\(what) can be written by others", todo: "chmod go-w it")
    }
  }
}
