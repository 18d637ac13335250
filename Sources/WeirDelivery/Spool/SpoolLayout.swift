import Glibc

/// Where spools are below the root that `storage.path` names.
public enum SpoolLayout {
  /// Longest part of an output's name that goes into a path, bytes.
  static let nameMax = 200

  /// The spool of an output: `ROOT/spool/NAME`.
  public static func spool(root: String, output: String) -> String {
    "\(root)/spool/\(component(output))"
  }

  /// The dead letters of an output: `ROOT/dead-letters/NAME`, or another folder in the root's
  /// place (an absolute path stands for itself).
  public static func deadLetters(
    root: String, output: String, folder: String? = nil
  ) -> String {
    "\(deadLetters(root: root, folder: folder))/\(component(output))"
  }

  /// The folder with the dead letters of all outputs.
  static func deadLetters(root: String, folder: String?) -> String {
    let folder = folder ?? "dead-letters"
    return folder.hasPrefix("/") ? folder : "\(root)/\(folder)"
  }

  /// The name of an output's directory.
  public static func name(_ output: String) -> String { component(output) }

  /// A name as one component of a path: letters, digits, `-`, `_` and `.` stay, all else becomes
  /// `_`. A name that is changed by this gets a hash, so that two names stay two directories.
  static func component(_ name: String) -> String {
    var kept: [UInt8] = []
    for byte in name.utf8.prefix(nameMax) { kept.append(isSafe(byte) ? byte : UInt8(ascii: "_")) }
    // Neither hidden nor a way out.
    if kept.first == UInt8(ascii: ".") { kept[0] = UInt8(ascii: "_") }
    if kept.isEmpty { kept = [UInt8(ascii: "_")] }
    let text = String(decoding: kept, as: UTF8.self)
    if text == name { return text }
    let digits = String(SpoolFormat.hash(Array(name.utf8)), radix: 16)
    return "\(text)-\(String(repeating: "0", count: 16 - digits.utf8.count))\(digits)"
  }

  private static func isSafe(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
      UInt8(ascii: "."):
      true
    default: false
    }
  }

  /// Makes a directory with those above it, mode 0700.
  static func makeFolders(_ path: String, _ files: any SpoolFiles) throws(SpoolError) {
    var folder = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      folder += folder.isEmpty || folder.hasSuffix("/") ? part : "/\(part)"
      let status = files.makeDirectory(folder)
      // A file system that is mounted read-only says so even of folders that are there.
      if status != 0 && !isFolder(folder) {
        throw .unusable("cannot make \(folder): \(files.text(Int(status)))")
      }
    }
    if !isFolder(path) { throw .unusable("\(path) is no directory") }
  }

  private static func isFolder(_ path: String) -> Bool {
    var facts = stat()
    return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
  }
}
