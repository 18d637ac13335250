import CWeirPlugin

/// What a plugin says about itself, checked and copied: nothing of it points into the plugin but
/// functions.
public struct PluginDescriptor: Sendable {
  /// What it calls itself.
  public let name: String
  /// Its own version.
  public let version: String
  /// By convention an SPDX expression.
  public let licence: String
  /// What its author tells builds apart by.
  public let buildID: String
  /// `WEIR_PLUGIN_...`.
  public let flags: UInt32
  /// Version of the ABI that it was compiled with; the major one is 1.
  public let abiMinor: Int
  /// The least minor version of the host that it runs with.
  public let hostMinorMin: Int
  /// What it has; at least one.
  public let components: [PluginComponent]

  /// True when calls of all instances of one component may not overlap.
  public var isSingleLane: Bool { flags & UInt32(WEIR_PLUGIN_SINGLE_LANE) != 0 }
}

/// One component of a plugin, checked and copied.
public struct PluginComponent: @unchecked Sendable {
  /// What it is.
  public let kind: ComponentKind
  /// What a configuration calls it.
  public let typeName: String
  /// One line.
  public let help: String
  /// The options schema as it was written.
  public let optionsText: String
  /// The same, read.
  public let schema: OptionsSchema
  /// `WEIR_CAN_...`.
  public let capabilities: UInt32
  /// Lanes that one instance takes; 0 for any number.
  public let lanesMax: Int
  /// Whether the host carries its records over HTTP: host, port, TLS and network options work.
  public var isCarried: Bool {
    guard capabilities & UInt32(WEIR_CAN_DELIVER) == 0, case .output(_, let http) = table else {
      return false
    }
    return http != nil
  }
  let lifecycle: weir_lifecycle?
  let table: ComponentTable
}

/// The functions of a component, by kind; absent ones are nil.
enum ComponentTable {
  case input(weir_input)
  case filter(weir_filter)
  case output(weir_output, weir_http?)
  case codec(weir_codec)
  case configFormat(weir_config_format)
}
