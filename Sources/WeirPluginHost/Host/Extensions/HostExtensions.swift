import CWeirPlugin

/// What `weir_host.extension` answers with: tables that live as long as the process.
enum HostExtensions {
  /// The table of `name/revision`; nil for what this host does not have.
  static func table(_ name: String) -> UnsafeRawPointer? {
    switch name {
    case "outcomes/1": outcomes
    case "json/1": json
    case "accessor/1": accessor
    default: nil
    }
  }

  // SAFETY: written once, by whoever asks first, and never again.
  nonisolated(unsafe) private static let outcomes = keep(OutcomesExtension.make())
  nonisolated(unsafe) private static let json = keep(JSONExtension.make())
  nonisolated(unsafe) private static let accessor = keep(AccessorExtension.make())

  private static func keep<T>(_ table: T) -> UnsafeRawPointer {
    let place = UnsafeMutablePointer<T>.allocate(capacity: 1)
    place.initialize(to: table)
    return UnsafeRawPointer(place)
  }
}
