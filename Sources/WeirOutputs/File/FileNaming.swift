import Glibc
import WeirBatch
import WeirConfig

/// What happens to a record whose file name cannot be made, or would be one too many.
enum NamingAction: String, Sendable {
  case error, drop, fallback
}

/// How the records of a file output find their file.
///
/// Fixed names are the user's own and opened as they are. Names with data in them (a tag, fields)
/// are made of safe components below `base`, which holds no data: no value ever leaves it.
struct FileNaming: Sendable {
  enum Kind: Sendable, Equatable {
    /// One file; the path as the user wrote it.
    case fixed(String)
    /// A file per tag in `base`.
    case tag
    /// Templates: folders below `base` (nil for none) and the name (nil for the tag).
    case dynamic(folders: String?, file: String?)
  }

  let kind: Kind
  /// Folder that names with data stay in.
  let base: String
  let expandsTime: Bool
  /// File of records without a name of their own; set for dynamic names.
  let fallback: String?
  let onMissing: NamingAction
  let onLimit: NamingAction
  /// Files at most; a bound of its own where the user set none.
  let filesMax: Int

  /// Names at most where the user sets no limit.
  static let hardMax = 65_536

  init(_ config: InstanceConfig) throws(ConfigProblem) {
    let path = config.text("path").flatMap { $0.isEmpty ? nil : $0 }
    let file = config.text("file").flatMap { $0.isEmpty ? nil : $0 }
    let expandsTime = try config.bool("enable_strftime", default: false)
    self.expandsTime = expandsTime
    let pathIsDynamic = FileNaming.isDynamic(path, expandsTime)
    let fileIsDynamic = FileNaming.isDynamic(file, expandsTime)
    let limit = try config.integer("max_dynamic_files", default: 1_024, in: 0...Int.max)
    onMissing = try FileNaming.action(config, "on_missing_field")
    onLimit = try FileNaming.action(config, "on_limit_reached")
    let fallbackFile = config.text("fallback_file").flatMap { $0.isEmpty ? nil : $0 }
    fallback = fallbackFile.map { FileNaming.join(config.text("fallback_path"), $0) }
    guard pathIsDynamic || fileIsDynamic else {
      base = path ?? "."
      kind = file.map { .fixed(FileNaming.join(path, $0)) } ?? .tag
      filesMax = FileNaming.hardMax
      return
    }
    filesMax = limit == 0 ? FileNaming.hardMax : min(limit, FileNaming.hardMax)
    guard fallbackFile != nil else {
      throw config.problem(
        "path or file holds an accessor or a time, so some records may have no name of their own",
        key: pathIsDynamic ? "path" : "file", suggestion: "set fallback_file")
    }
    let (base, folders) = try FileNaming.split(config, path, pathIsDynamic, expandsTime)
    self.base = base
    kind = .dynamic(folders: folders, file: file)
    try FileNaming.check(config, "path", folders)
    try FileNaming.check(config, "file", file)
  }

  private static func join(_ folder: String?, _ name: String) -> String {
    guard let folder, !folder.isEmpty else { return name }
    return "\(folder)/\(name)"
  }

  private static func isDynamic(_ text: String?, _ expandsTime: Bool) -> Bool {
    guard let text else { return false }
    return text.utf8.contains { $0 == UInt8(ascii: "$") || expandsTime && $0 == UInt8(ascii: "%") }
  }

  /// Cuts a path at the last slash before the first accessor or time.
  private static func split(
    _ config: InstanceConfig, _ path: String?, _ isDynamic: Bool, _ expandsTime: Bool
  ) throws(ConfigProblem) -> (base: String, folders: String?) {
    guard let path, isDynamic else { return (path ?? ".", nil) }
    if path.utf8.first == UInt8(ascii: "$") {
      throw config.problem(
        "a path has to begin with a folder of its own before the first accessor", key: "path")
    }
    let bytes = Array(path.utf8)
    let first =
      bytes.firstIndex { $0 == UInt8(ascii: "$") || expandsTime && $0 == UInt8(ascii: "%") } ?? 0
    guard let slash = bytes[..<first].lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
    let base = String(decoding: bytes[..<max(slash, 1)], as: UTF8.self)
    return (base, String(decoding: bytes[(slash + 1)...], as: UTF8.self))
  }

  private static func check(
    _ config: InstanceConfig, _ key: String, _ text: String?
  ) throws(ConfigProblem) {
    guard let text else { return }
    do {
      _ = try RecordAccessor(text)
    } catch {
      throw config.problem("\(error)", key: key)
    }
  }

  private static func action(
    _ config: InstanceConfig, _ key: String
  ) throws(ConfigProblem) -> NamingAction {
    let word = try config.choice(key, ["error", "drop", "fallback"], default: "error")
    guard let action = NamingAction(rawValue: word) else { return .error }
    if action == .fallback, config.text("fallback_file") == nil {
      throw config.problem(
        "fallback needs a file to fall back to", key: key, suggestion: "set fallback_file")
    }
    return action
  }
}
