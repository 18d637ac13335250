import Glibc

/// What may go wrong in an output outside the data path; prints as a message for users.
public enum OutputError: Error, Sendable, CustomStringConvertible {
  /// A call of the operating system failed: what was tried, on what, and errno.
  case system(action: String, path: String, code: Int32)
  /// An option that cannot work: the instance, the option, why and what to do.
  case option(instance: String, option: String, reason: String)

  public var description: String {
    switch self {
    case .system(let action, let path, let code):
      "cannot \(action) \(path): \(OutputError.text(of: code))"
    case .option(let instance, let option, let reason):
      "\(instance): \(option): \(reason)"
    }
  }

  /// The text of an errno.
  static func text(of code: Int32) -> String {
    guard let text = strerror(code) else { return "error \(code)" }
    return String(cString: text)
  }
}
