public import WeirConfig
import WeirParsers

/// What the filters of a configuration are built with.
public struct FilterBuildContext: Sendable {
  /// Takes warnings: what runs, but likely not as its author thinks.
  public var warn: @Sendable (ConfigProblem) -> Void
  /// Fills memory with random bytes; the kernel's unless a test brings its own.
  public var random: @Sendable (UnsafeMutableRawBufferPointer) -> Void

  /// Makes a context.
  public init(
    warn: @escaping @Sendable (ConfigProblem) -> Void = { _ in },
    random: (@Sendable (UnsafeMutableRawBufferPointer) -> Void)? = nil
  ) {
    self.warn = warn
    self.random = random ?? UUIDSource.system
  }
}

extension Property {
  /// Compiles an expression of this option; its errors point at the option.
  func regex(_ pattern: String) throws(ConfigProblem) -> Regex {
    do {
      return try Regex(pattern)
    } catch {
      throw problem("\(error)")
    }
  }

  /// A warning about this option.
  func warning(_ message: String, suggestion: String? = nil) -> ConfigProblem {
    ConfigProblem(
      message, at: location, key: key, suggestion: suggestion, severity: .warning)
  }
}
