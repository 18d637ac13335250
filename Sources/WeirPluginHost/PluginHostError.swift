/// Why a plugin cannot be used, with its file and what to do about it.
public enum PluginHostError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file cannot be loaded, or may not be.
  case cannotLoad(file: String, what: String, todo: String)
  /// The file was loaded, but what it says about itself breaks the contract.
  case badDescriptor(file: String, what: String)
  /// A component refused its options or failed to start.
  case refused(component: String, what: String)
  /// Nothing by that name.
  case unknown(what: String, todo: String)

  /// One line for users: file or component, what, and what to do.
  public var description: String {
    switch self {
    case .cannotLoad(let file, let what, let todo): "plugin \(file): \(what); \(todo)"
    case .badDescriptor(let file, let what):
      "plugin \(file): \(what); ask its author for a build that `weir plugin check` accepts"
    case .refused(let component, let what): "\(component): \(what)"
    case .unknown(let what, let todo): "\(what); \(todo)"
    }
  }
}
